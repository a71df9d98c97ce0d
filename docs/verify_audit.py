"""Checks a Gatekeeper audit log with nothing but Python: python3 verify_audit.py FOLDER [ANCHOR...]

Written apart from Gatekeeper, after docs/audit.md. Exit code 0: nothing was found; 1: something was, as printed.
Signatures of checkpoints are not checked (the standard library has no Ed25519); an ANCHOR file holds checkpoint
lines that were kept elsewhere.
"""
import gzip, json, re, sys, zlib
from hashlib import sha256
from pathlib import Path

NAME = re.compile(r"(\d{8}T\d{6}\.\d{6}Z-\d+-[0-9a-f]{8})\.(\d{6})\.jsonl(\.gz)?")
TAIL = re.compile(rb',"hash":"([0-9a-f]{64})"(?:,"subjects":(\["p_[0-9a-f]{22}"(?:,"p_[0-9a-f]{22}")*\])'
                  rb',"salt":"([0-9a-f]{32})")?\}\n')
KINDS = {"genesis", "segment", "decision", "outcome", "checkpoint", "key", "redaction", "close"}
bad = []      # what is wrong
hashes = {}   # stream -> the hashes of its lines, the first at 1
stopped = set()   # streams with a fault: what is said about their later lines is not looked at
closed = set()
torn = set()      # streams whose last line has no end: it is being written, or a crash left it
named = []    # (stream, n, hash, whether it is the end, who says so)
bare = []     # (stream, n) of lines without the subjects they were written with
removed = {}  # stream -> ranges of lines whose subjects were removed on purpose


def line(stream, number, at, raw, where):
    """Check one line; returns why it is wrong, or None."""
    cut = raw.rfind(b',"hash":"')
    tail = TAIL.fullmatch(raw[cut:]) if cut > 0 else None
    if not tail:
        return "is not a whole line"
    head, (stated, subjects, salt) = raw[:cut], tail.groups()
    before, n = hashes[stream][-1], len(hashes[stream])
    begin = b'{"stream":"%s","n":%d,"kind":"' % (stream.encode(), n)
    if not head.startswith(begin):
        return f"is not line {n} of the stream"
    digest = sha256(b"gatekeeper-audit-1\0" + before + head).digest()
    if digest.hex().encode() != stated:
        return "was altered"
    if stream in closed:
        return "stands after the end"
    commitment = re.search(rb',"commitment":"([0-9a-f]{64})"\Z', head[-80:])
    if commitment and not subjects:
        bare.append((stream, n))
    if subjects and (not commitment or commitment[1].decode() != sha256(b"gatekeeper-refs-1\0" + salt + subjects).hexdigest()):
        return "has other subjects than it was written with"
    try:
        if head[len(begin):].split(b'"', 1)[0] not in (b"decision", b"outcome") or at == 1:
            record = json.loads(head + b"}")
            kind = record["kind"]
            if kind not in KINDS or (at == 1) != (kind in ("genesis", "segment")) or (kind == "genesis") != (n == 1):
                return f"cannot stand here ({kind})"
            if kind == "segment" and (record["previous"], record["number"]) != (before.hex(), number):
                return "begins another segment"
            for other, m, digest_of in record.get("heads", ()):
                named.append((str(other), int(m), bytes.fromhex(digest_of), False, where))
            for one in record.get("adopted", ()):
                named.append((str(one["stream"]), int(one["n"]), bytes.fromhex(one["hash"]), True, where))
            for other, first, last in record.get("ranges", ()):
                removed.setdefault(str(other), []).append((int(first), int(last)))
            if kind == "close":
                closed.add(stream)
    except (ValueError, KeyError, TypeError):
        return "cannot be understood"
    hashes[stream].append(digest)


def main(folder, *anchors):
    files = {}
    for path in sorted(Path(folder).glob("*.jsonl*")):
        name = NAME.fullmatch(path.name)
        if name:
            twin = files.setdefault(name[1], {}).get(int(name[2]))
            try:
                if twin and gzip.decompress(path.read_bytes()) != twin.read_bytes():
                    bad.append(f"{path.name} does not hold what {twin.name} holds")
            except (OSError, EOFError, zlib.error):
                pass  # it is read again below
            files[name[1]][int(name[2])] = path
        elif not path.name.endswith(".tmp"):
            bad.append(f"{path.name} is no segment")
    for stream, segments in sorted(files.items()):
        hashes[stream] = [bytes(32)]
        for expected, (number, path) in enumerate(sorted(segments.items()), 1):
            why, at = None if number == expected else f"segment {expected} is missing", 0
            try:
                with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
                    growing = number == max(segments) and path.suffix != ".gz"  # the last, perhaps torn
                    for at, raw in enumerate(file if why is None else (), 1):
                        if growing and not raw.endswith(b"\n"):
                            torn.add(stream)
                            break
                        why = line(stream, number, at, raw, f"{path.name}:{at}")
                        if why:
                            break
                    if at == 0 and not growing:
                        why = why or "is empty"
            except (OSError, EOFError, zlib.error) as error:
                why = f"cannot be read ({error})"
            if why:
                bad.append(f"{path.name}:{at} {why}")
                stopped.add(stream)
                break
    for file in anchors:
        for at, raw in enumerate(Path(file).read_bytes().splitlines(), 1):
            if not raw.endswith(b"}"):
                continue  # torn by a crash: it says nothing
            try:
                record = json.loads(raw)
                named.append((str(record["stream"]), int(record["n"]), bytes.fromhex(record["hash"]), False, f"{file}:{at}"))
            except (ValueError, KeyError, TypeError):
                bad.append(f"{file}:{at} is no line of a log")
    for stream, n, digest, end, where in named:
        chain = hashes.get(stream, [bytes(32)])
        if stream not in stopped and (n >= len(chain) or chain[n] != digest or end and (n != len(chain) - 1 or stream in torn)):
            bad.append(f"{where} names line {n} of {stream}, which is missing, another one, or not the end")
    for stream, n in bare:
        if not any(first <= n <= last for first, last in removed.get(stream, ())):
            bad.append(f"line {n} of {stream} has lost its subjects, and no redaction says so")
    print("\n".join(bad) or f"{sum(len(chain) - 1 for chain in hashes.values())} lines in {len(hashes)} streams, as written")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
