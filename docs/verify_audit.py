"""Checks a Gatekeeper audit log with nothing but Python:

    python3 verify_audit.py [--trust KEY] [--roots PEM] FOLDER [ANCHOR...]

Written apart from Gatekeeper, after docs/audit.md. Exit code 0: nothing was found; 1: something was, as printed.
Signatures are checked if the package `cryptography` is there (the standard library has no Ed25519); otherwise the last
line says that they were not. An ANCHOR file holds checkpoint lines that were kept elsewhere, or one with the time stamp
of an authority (RFC 3161); a KEY is known from elsewhere, and so are the certificates of authorities in the PEM file.
"""

import hashlib, io, json, re, sys, zlib
from base64 import b64decode
from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None

STREAM = r"\d{8}T\d{6}\.\d{6}Z-\d+-[0-9a-f]{8}"
NAME = re.compile(rf"({STREAM})\.(\d{{6}})\.jsonl(\.gz)?")
BESIDE = re.compile(
    rf"{STREAM}\.(head|torn|\d{{6}}\.jsonl\.gz\.tmp)|(checkpoint|files|columns|retention)\.lock|begun|turn"
    r"|retention\.json|(begun|turn|retention\.json)\.tmp|\.probe-[0-9a-f]{8}|columns|set-aside"
)
TEXT = rb'"(?:[^"\\\x00-\x1f]|\\(?:["\\bfnrt]|u00[01][0-9a-f]))*"'
SUBJECTS, NAMES = (
    rb',"subjects":\["p_[0-9a-f]{22}"(?:,"p_[0-9a-f]{22}")*\]',
    rb',"names":\[' + TEXT + rb"(?:," + TEXT + rb")*\]",
)
TAIL = re.compile(
    rb',"hash":"([0-9a-f]{64})"(?:((?:' + SUBJECTS + rb")(?:" + NAMES + rb")?|" + NAMES + rb")"
    rb',"salt":"([0-9a-f]{32})")?\}\n'
)
SIGNATURE = re.compile(rb',"signature":"([0-9a-f]{128})"\Z')
TIME = re.compile(rb'"timestamp":"([^"]{20})"')
WRITTEN = re.compile(rb',"written":"([^"]{20})"(?:,"mac":"[0-9a-f]{16}")?(?:,"commitment":"[0-9a-f]{64}")?\Z')
KINDS = {"genesis", "segment", "decision", "outcome", "checkpoint", "key", "redaction", "close"}  # all of format 1
SIGNED = {"genesis", "checkpoint", "clock", "key", "close"}
TOLERANCE = 300  # seconds
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, OverflowError)


class Stream:
    def __init__(self):
        self.hashes = [bytes(32)]  # of its lines, the first at 1
        self.format = 0
        self.stopped = self.closed = self.torn = False  # a fault; its close was read; its last line has no end
        self.bare = []  # lines without the subjects they were written with
        self.times = [(0, 0)]  # (n, when it was written) of signed lines
        self.latest = self.high = 0
        self.covered = 0  # the last line that a signature vouches for


bad = []
streams = {}
named = []  # (stream, n, hash, whether it is the end, who says so: stream, n, latest time it can be of; where)
signatures = []  # (stream, n, key, signature, message, where)
publics = {}  # key -> its public half
introduced = {}  # key -> the key that introduced it
retired = []  # (key, stream, n) of lines that introduce a key's successor
gaps = []  # (stream, first, last, hash before, last hash, where) of lines that are gone
pruned = []  # the same of lines that were pruned, without where; then by stream, by n, latest time that stream knew of
redactions = []  # (stream, first, last, by stream, by n, latest time that stream knew of)
geneses = {}  # number -> (stream, digest)
claims = []  # (number, digest, where)
decided = Counter()


def seconds(text):
    return (datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ") - datetime(1970, 1, 1)).total_seconds()


def key_id(public):
    return sha256(b"gatekeeper-audit-key-1\0" + bytes.fromhex(public)).hexdigest()[:16]


def begun(digest, stream):
    return sha256(b"gatekeeper-streams-2\0" + digest + stream.encode()).digest()


def written(stream, n):
    """A time before which a line was not written: that of the last signed one up to it."""
    return stream.times[bisect_right(stream.times, (n, float("inf"))) - 1][1]


def line(name, number, at, raw, where):
    """Check one line; returns why it is wrong, or None."""
    this = streams[name]
    cut = raw.rfind(b',"hash":"')
    tail = TAIL.fullmatch(raw[cut:]) if cut > 0 else None
    if not tail:
        return "is not a whole line"
    head, (stated, rest, salt) = raw[:cut], tail.groups()
    before, n = this.hashes[-1], len(this.hashes)
    begin = b'{"stream":"%s","n":%d,"kind":"' % (name.encode(), n)
    if not head.startswith(begin):
        return f"is not line {n} of the stream"
    gap = re.fullmatch(rb'gap","last":(\d{1,15})', head[len(begin) :])
    if gap:
        last = int(gap[1])
        if last < n or at == 1 or this.closed:
            return "a gap cannot stand here"
        gaps.append((name, n, last, before.hex(), stated.decode(), where))
        this.hashes += [None] * (last - n) + [bytes.fromhex(stated.decode())]
        return None
    if n == 1:
        this.format = 2 if b'"format":' in head else 1
    digest = sha256(b"gatekeeper-audit-%d\0" % this.format + before + head).digest()
    if digest.hex().encode() != stated:
        return "was altered"
    if this.closed:
        return "stands after the end"
    commitment = re.search(rb',"commitment":"([0-9a-f]{64})"\Z', head[-80:])
    if commitment and not rest:
        this.bare.append(n)
    if rest:
        what = rest if this.format == 2 else rest[len(b',"subjects":') :]
        if (
            not commitment
            or commitment[1].decode() != sha256(b"gatekeeper-refs-%d\0" % this.format + salt + what).hexdigest()
        ):
            return "has other subjects than it was written with"
    try:
        kind = head[len(begin) :].split(b'"', 1)[0].decode()
        record = json.loads(head + b"}")
        own = kind not in ("decision", "outcome", "consent")
        time = WRITTEN.search(head[-160:]) or TIME.search(head[: len(begin) + 200])
        if time and this.format == 2:
            time = seconds(time[1].decode())
            back = seconds(record["back_from"]) if "back_from" in record and kind in SIGNED else None
            if time < this.latest - TOLERANCE and back is None:
                return "is older than a line before it"
            this.latest = time if back is not None else max(time, this.latest)
            if own:
                this.high = max(this.high, time, back or 0)
        if kind == "decision" and "request_id" in record:
            count = record.get("count")
            decided.update(
                [record["request_id"]] if count is None else [f"{record['request_id']}.{i}" for i in range(count)]
            )
        if own or at == 1:
            why = about(name, number, at, n, kind, record, where)
            if why:
                return why
            signature = SIGNATURE.search(head)
            if kind in SIGNED and (this.format == 2 or kind != "genesis" and record["key"] is not None):
                if not signature:
                    return "has no signature"
                label = b"gatekeeper-signature-2\0" if this.format == 2 else b"gatekeeper-checkpoint-1\0"
                message = label + before + head[: signature.start()]
                signatures.append((name, n, record["key"], bytes.fromhex(signature[1].decode()), message, where))
    except UNREADABLE:
        return "cannot be understood"
    this.hashes.append(digest)


def about(name, number, at, n, kind, record, where):
    """A line about the log itself."""
    this = streams[name]
    if (
        this.format == 1
        and kind not in KINDS
        or (at == 1) != (kind in ("genesis", "segment"))
        or (kind == "genesis") != (n == 1)
    ):
        return f"cannot stand here ({kind})"
    if kind == "genesis" and record.get("format", 1) != this.format:
        return "is of an unknown format"
    if kind == "segment" and (record["previous"], record["number"]) != (this.hashes[-1].hex(), number):
        return "begins another segment"
    if kind in SIGNED and this.format == 2:
        this.times.append((n, seconds(record["timestamp"])))
        claims.append((record["begun"][0], record["begun"][1], where))
        if kind == "genesis":
            if record["begun"][0] in geneses:
                bad.append(f"{where} has the number of another stream")
            geneses[record["begun"][0]] = name, record["begun"][1]
    by = (name, n, this.high if this.format == 2 else float("inf"), where)
    named.extend((other, m, bytes.fromhex(h), False, *by) for other, m, h in record.get("heads", ()))
    named.extend((one["stream"], one["n"], bytes.fromhex(one["hash"]), True, *by) for one in record.get("adopted", ()))
    named.extend((other, m, bytes.fromhex(h), True, *by) for other, m, h in record.get("format_1", ()))
    pruned.extend((*gap, name, n, this.high) for gap in record.get("gaps", ()))
    redactions.extend((other, first, last, name, n, this.high) for other, first, last in record.get("ranges", ()))
    if kind in ("genesis", "key") and record["public"]:
        publics[key_id(record["public"])] = bytes.fromhex(record["public"])
    if kind == "key":
        if introduced.setdefault(key_id(record["public"]), record["key"]) != record["key"]:
            return "introduces a key that another one had introduced"
        retired.append((record["key"], name, n))
    this.closed = kind == "close"


def unpacked(path):
    """What a file holds; a compressed one is one member of gzip, and nothing else."""
    data = path.read_bytes()
    if path.suffix != ".gz":
        return data
    unpack = zlib.decompressobj(31)
    if data[:8] != b"\x1f\x8b\x08" + bytes(5):
        raise ValueError("more in the header than there should be")
    out = unpack.decompress(data)
    if not unpack.eof or unpack.unused_data:
        raise ValueError("it ends too early, or something is behind its end")
    return out


def read(folder):
    files = defaultdict(dict)
    for path in sorted(Path(folder).iterdir()):
        name = NAME.fullmatch(path.name)
        if name:
            twin = files[name[1]].get(int(name[2]))
            try:
                if twin and unpacked(path) != unpacked(twin):
                    bad.append(f"{path.name} does not hold what {twin.name} holds")
            except (OSError, ValueError, zlib.error):
                pass  # it is read again below
            files[name[1]][int(name[2])] = path
        elif not BESIDE.fullmatch(path.name):
            bad.append(f"{path.name} is not a file of the log")
    for stream, segments in sorted(files.items()):
        this = streams[stream] = Stream()
        for expected, (number, path) in enumerate(sorted(segments.items()), 1):
            why, at = None if number == expected else f"segment {expected} is missing", 0
            try:
                growing = number == max(segments) and path.suffix != ".gz"  # the last, perhaps torn
                for at, raw in enumerate(io.BytesIO(unpacked(path)) if why is None else (), 1):
                    if growing and not raw.endswith(b"\n"):
                        this.torn = True
                        break
                    why = line(stream, number, at, raw, f"{path.name}:{at}")
                    if why:
                        break
                if at == 0 and not growing:
                    why = why or "is empty"
            except (OSError, ValueError, zlib.error) as error:
                why = f"cannot be read ({error})"
            if why:
                bad.append(f"{path.name}:{at} {why}")
                this.stopped = True
                break


def names():
    """Everything that is named is there, and no older than it can be; every stream has its number."""
    for stream, n, digest, end, by, _, latest, where in named:
        this = streams.get(stream) or Stream()
        there = n < len(this.hashes) and this.hashes[n] in (digest, None)  # None: it was pruned
        if not this.stopped and (not there or end and (n != len(this.hashes) - 1 or this.torn)):
            bad.append(f"{where} names line {n} of {stream}, which is missing, another one, or not the end")
        elif there and written(this, n) > latest + TOLERANCE and this.format == 2:
            bad.append(f"{where} names line {n} of {stream}, which says that it is younger")
    digests = {0: bytes(32).hex()}
    last = 0
    for number, (stream, digest) in sorted(geneses.items()):
        if number != last + 1:
            bad.append(f"a stream is missing before {stream}, which was begun as number {number}")
        elif begun(bytes.fromhex(digests[last]), stream).hex() != digest:
            bad.append(f"{stream} begins behind other streams than there are")
        last, digests[number] = number, digest
    for number, digest, where in claims:
        if number > last or digests.get(number, digest) != digest:
            bad.append(f"{where} knows of other streams than there are")
    old = {stream for stream, _, _, end, by, *_ in named if end and by and streams[by].format == 2}
    bad.extend(
        f"{stream} is of format 1, and was not there when format 2 began"
        for stream, this in streams.items()
        if geneses and this.format == 1 and stream not in old
    )
    bad.extend(f"the request {one} was decided {count} times" for one, count in decided.items() if count > 1)


def keys(trusted):
    """Every signature is good, and by a key that another one introduced; what they vouch for."""
    roots = []
    aware = {}  # (key, stream) -> the first line that knows of the key's successor
    for old, other, m in retired:
        known = [(other, m + 1)] + [
            (by, n) for there, at, _, end, by, n, *_ in named if there == other and at >= m and not end
        ]
        for by, n in known:
            aware[old, by] = min(n, aware.get((old, by), n))
    for stream, n, key, signature, message, where in signatures:
        try:
            if Ed25519PublicKey:
                Ed25519PublicKey.from_public_bytes(publics[key]).verify(signature, message)
        except (KeyError, ValueError, InvalidSignature):
            bad.append(f"{where} is not signed with the key {key}")
            continue
        if n >= aware.get((key, stream), n + 1) and (key, stream, n) not in retired:
            bad.append(f"{where} is signed with the key {key} after its successor was introduced")
            continue
        streams[stream].covered = max(n, streams[stream].covered)
        if key not in introduced and key not in roots:
            roots.append(key)
    bad.extend(
        f"the key {key} was introduced by no other one"
        for key in (roots if trusted else roots[1:])
        if key not in trusted
    )
    if trusted and not set(trusted) & set(roots):
        bad.append("nothing is signed with the key that is trusted")
    for _ in streams:  # a line that is vouched for vouches for the ends of the streams that it took over
        for stream, n, _, end, by, by_n, *_ in named:
            if end and stream in streams and by and streams[by].covered >= by_n:
                streams[stream].covered = max(n, streams[stream].covered)
    return roots


def removed():
    """Subjects, and lines, are gone only where a line that is vouched for says so."""
    for *gap, where in gaps:
        stream, last = gap[0], gap[2]
        if not any(
            said == gap
            and streams[by].covered > n
            and (last < n if by == stream else written(streams[stream], last) <= high + TOLERANCE)
            for *said, by, n, high in pruned
        ):
            bad.append(f"{where} stands in the place of lines that are gone without a line that says so")
    for stream, this in streams.items():
        ranges = [
            (first, last)
            for other, first, last, by, n, high in redactions
            if other == stream
            and streams[by].covered > n
            and (last < n if by == stream else streams[by].format == 1 or written(this, last) <= high + TOLERANCE)
        ]
        for n in this.bare:
            if not any(first <= n <= last for first, last in ranges):
                bad.append(f"line {n} of {stream} has lost its subjects without a redaction line")


def elements(data):
    """What stands in a DER structure (X.690): for each element its tag, its content, and the whole of it."""
    out, at = [], 0
    while at < len(data):
        tag, size, start = data[at], data[at + 1], at + 2
        if size >= 128:
            start, size = start + (size & 127), int.from_bytes(data[start : start + (size & 127)], "big")
        if start + size > len(data):
            raise ValueError("it ends too early")
        out.append((tag, data[start : start + size], data[at : start + size]))
        at = start + size
    return out


def inside(data, *path):
    """The content of the element that is reached by these places."""
    for place in path:
        data = elements(data)[place][1]
    return data


DIGESTS = {
    bytes.fromhex("60864801650304020" + last): name
    for last, name in (("1", "sha256"), ("2", "sha384"), ("3", "sha512"))
}
CONTENT, DIGEST = bytes.fromhex("2a864886f70d010903"), bytes.fromhex("2a864886f70d010904")  # signed attributes
TST_INFO = bytes.fromhex("2a864886f70d0109100104")


def stamped(answer, line, roots):
    """When an authority saw the hash of a line (RFC 3161, the answer as CMS of RFC 5652); an error if it did not."""
    status, token = elements(inside(answer, 0))
    if elements(status[1])[0][1] not in (b"\0", b"\1"):
        raise ValueError("the authority refused")
    signed = elements(inside(token[1], 1, 0))
    info = inside(signed[2][1], 1, 0)
    _, _, imprint, _, at, *_ = elements(inside(info, 0))
    if inside(signed[2][1], 0) != TST_INFO or at[0] != 0x18:
        raise ValueError("it is no time stamp")
    if hashlib.new(DIGESTS[inside(imprint[1], 0, 0)], line).digest() != elements(imprint[1])[1][1]:
        raise ValueError("it is of something else")
    at = datetime.strptime(at[1].decode()[:14], "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
    (signer,) = elements(signed[-1][1])
    _, who, algorithm, attributes, _, signature, *_ = elements(signer[1])
    digest = DIGESTS[inside(algorithm[1], 0)]
    said = {inside(one[1], 0): inside(one[1], 1, 0) for one in elements(attributes[1])}
    if said[DIGEST] != hashlib.new(digest, info).digest() or said[CONTENT] != TST_INFO:
        raise ValueError("its content is not what was signed")
    given = [
        x509.load_der_x509_certificate(whole)
        for one in signed[3:-1]
        if one[0] == 0xA0
        for _, _, whole in elements(one[1])
    ]
    issuer, serial = elements(who[1])
    (leaf,) = [
        one
        for one in (*given, *roots)
        if one.issuer.public_bytes() == issuer[2] and one.serial_number == int.from_bytes(serial[1], "big")
    ][:1]
    use = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    if not use.critical or list(use.value) != [x509.ExtendedKeyUsageOID.TIME_STAMPING]:
        raise ValueError("its certificate is for another use")
    key, method = leaf.public_key(), getattr(hashes, digest.upper())()
    message = b"\x31" + attributes[2][1:]
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature[1], message, padding.PKCS1v15(), method)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature[1], message, ec.ECDSA(method))
    else:
        raise ValueError("its signature is of a kind that is not known here")
    for _ in range(8):  # from the certificate up to one that is believed
        if not leaf.not_valid_before_utc <= at <= leaf.not_valid_after_utc:
            raise ValueError("a certificate was not valid then")
        if leaf in roots:
            return at.replace(tzinfo=None)
        leaf = next(one for one in (*roots, *given) if issued(leaf, one))
    raise ValueError("its certificates go back too far")


def issued(leaf, by):
    """Whether a certificate was issued with another one, which may do so."""
    try:
        leaf.verify_directly_issued_by(by)
        return by.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False


def anchor(raw, roots, where):
    """A checkpoint's line that was kept elsewhere, perhaps with a time stamp; 1 if that could not be checked."""
    record, unchecked = json.loads(raw), 0
    if "answer" in record:
        raw, answer = record["line"].encode(), b64decode(record["answer"])
        record = json.loads(raw)
        unchecked = int(not roots)
        try:
            if (
                roots
                and seconds(record["timestamp"])
                > (stamped(answer, raw, roots) - datetime(1970, 1, 1)).total_seconds() + TOLERANCE
            ):
                bad.append(f"{where} has a line that says that it is younger than its time stamp")
        except (*UNREADABLE, InvalidSignature, StopIteration, x509.ExtensionNotFound) as error:
            bad.append(f"{where} is not a good time stamp ({error or type(error).__name__})")
    named.append((record["stream"], int(record["n"]), bytes.fromhex(record["hash"]), False, "", 0, float("inf"), where))
    if "begun" in record:
        claims.append((record["begun"][0], record["begun"][1], where))
    return unchecked


def main(*words):
    words, given, unchecked = list(words), {"--trust": [], "--roots": []}, 0
    for name, found in given.items():
        while name in words:
            at = words.index(name)
            found.append(words.pop(at + 1))
            del words[at]
    roots = [
        one
        for pem in given["--roots"]
        if Ed25519PublicKey
        for one in x509.load_pem_x509_certificates(Path(pem).read_bytes())
    ]
    read(words[0])
    for file in words[1:]:
        for at, raw in enumerate(Path(file).read_bytes().splitlines(), 1):
            if not raw.endswith(b"}"):
                continue  # torn by a crash: it says nothing
            where = f"{file}:{at}"
            try:
                unchecked += anchor(raw, roots, where)
            except UNREADABLE:
                bad.append(f"{where} is not a line of a log")
    names()
    first = keys(given["--trust"])
    removed()
    lines = sum(len(this.hashes) - 1 for this in streams.values())
    left = sum(max(0, len(this.hashes) - 1 - this.covered) for this in streams.values())
    print(
        "\n".join(bad)
        or f"{lines} lines in {len(streams)} streams, as written; {left} of them not vouched for yet; "
        f"the keys go back to {', '.join(first) or 'none'}"
    )
    if unchecked:
        print(f"{unchecked} time stamps were not checked: name the certificates of their authority with --roots")
    if not Ed25519PublicKey:
        print("signatures were not checked: install cryptography")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
