"""Lines and streams: what is hashed, what binds one stream to another, and what a crash leaves."""

import gzip
import json
import time
from hashlib import sha256

import orjson
import pytest

from gatekeeper.audit import chain, segments
from gatekeeper.audit.chores import anchor
from gatekeeper.audit.lines import Line
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stream import Stream
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import ConfigError
from gatekeeper.installation import keys
from gatekeeper.model import Answer
from tests.answering import answering
from tests.audit.logs import DAY, SIGNER, Clock, contents, crash, decision, outcome, pack, person, write


def records(folder):
    """Every line as an object, by stream and number."""
    return [orjson.loads(line) for data in contents(folder).values() for line in data.splitlines()]


def of(folder, kind):
    """The lines of a kind."""
    return [record for record in records(folder) if record["kind"] == kind]


def test_a_line_is_readable_json_with_its_place_and_hash(tmp_path):
    """The guide's keys as they were, and stream, n, hash; the hash is that of the bytes that stand there."""
    stream = Stream(tmp_path, signer=SIGNER)
    stream.write([decision(1)])
    stream.write([decision(2, 0.0, person(1), person(2))])
    raw = (tmp_path / f"{stream.name}.000001.jsonl").read_bytes().splitlines(keepends=True)
    first, last = (orjson.loads(line) for line in raw[-2:])
    assert (first["n"], last["n"], last["stream"], last["request_id"]) == (2, 3, stream.name, "req_000002")
    head = raw[-1].partition(b',"hash":"')[0]
    assert last["hash"] == sha256(b"gatekeeper-audit-2\0" + bytes.fromhex(first["hash"]) + head).hexdigest()
    assert last["subjects"] == [person(1), person(2)]
    listed = b',"subjects":' + orjson.dumps(last["subjects"])
    assert last["commitment"] == sha256(b"gatekeeper-refs-2\0" + last["salt"].encode() + listed).hexdigest()
    stream.close()


def test_the_subjects_can_go_and_the_hash_stays():
    """What is hashed is a salted commitment; the same subjects never have the same one twice."""
    written, digest = chain.seal(decision(1, 0.0, person(1)), "s", 1, chain.FIRST, b"a" * 16)
    again, _ = chain.seal(decision(1, 0.0, person(1)), "s", 1, chain.FIRST, b"b" * 16)
    sealed = chain.split(written)
    assert sealed.hash == digest == chain.link(chain.FIRST, sealed.head) and sealed.kept
    bare = chain.split(sealed.without_refs())
    assert bare.head == sealed.head and bare.hash == digest and bare.tail is None and bare.promised is not None
    assert person(1).encode() not in sealed.without_refs() and b"salt" not in sealed.without_refs()
    assert chain.split(again).promised != sealed.promised


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"a":1}\n', id="no-hash"),
        pytest.param(b'{"a":1,"hash":"%s"}' % (b"a" * 64), id="no-end"),
        pytest.param(b'{"a":1,"hash":"%s"} \n' % (b"a" * 64), id="space"),
        pytest.param(b'{"a":1,"hash":"%s"}\n' % (b"A" * 64), id="upper-case"),
        pytest.param(b'{"a":1,"hash":"%s","subjects":[]}\n' % (b"a" * 64), id="nobody"),
        pytest.param(b'{"a":1,"hash":"%s","more":1}\n' % (b"a" * 64), id="another-key"),
    ],
)
def test_a_line_has_one_spelling(raw):
    """No bit of it is free."""
    assert chain.split(raw) is None


def test_segments_are_closed_by_size_and_by_day_and_the_chain_goes_on(tmp_path):
    """Each begins with the hash before it; closed ones are compressed."""
    clock = Clock()
    stream = Stream(tmp_path, rotate=1_500, clock=clock, signer=SIGNER)
    write(stream, clock, 0, 4)
    before = len(stream.closed)
    clock.at += DAY
    write(stream, clock, 4, 1)
    assert before >= 1 and len(stream.closed) == before + 1
    pack(tmp_path, stream)
    names = [path.name for path in sorted(tmp_path.glob("*.jsonl*"))]
    assert [name.endswith(".gz") for name in names] == [True] * (before + 1) + [False]
    begins = of(tmp_path, "segment")
    assert [one["number"] for one in begins] == list(range(2, before + 3))
    assert begins[0]["previous"] == orjson.loads(contents(tmp_path)[names[0]].splitlines()[-1])["hash"]
    stream.close()
    assert verify(tmp_path).sound


def test_an_idle_log_closes_its_day_too(tmp_path):
    """What is to be forgotten after 90 days must be in a closed segment by then."""
    clock = Clock()
    writer = AuditWriter(tmp_path, clock=clock, checkpoint=0.01, signer=SIGNER)
    writer.append([decision(1)]).result(5)
    clock.at += DAY
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("*.gz")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    writer.close()
    assert verify(tmp_path).sound


def test_a_crashed_stream_is_taken_over_by_the_next_one(tmp_path):
    """Its last whole line is named; the torn one is set aside, and how long it was is said."""
    one = Stream(tmp_path, signer=SIGNER)
    one.write([decision(1), decision(2)])
    crash(one, b'{"stream":"half a li')
    two = Stream(tmp_path, signer=SIGNER)
    (adopted,) = of(tmp_path, "genesis")[1]["adopted"]
    assert adopted == {"stream": one.name, "n": 3, "hash": one.head.hash, "torn": 20}
    assert (tmp_path / f"{one.name}.torn").read_bytes() == b'{"stream":"half a li'
    pack(tmp_path, two)
    two.close()
    three = Stream(tmp_path, signer=SIGNER)
    assert of(tmp_path, "genesis")[2]["adopted"] == [] and not segments.head_file(tmp_path, one.name).exists()
    three.close()
    report = verify(tmp_path)
    assert report.sound and report.crashed == 1 and report.open == []


def test_a_stream_of_which_nothing_is_left_is_taken_over_too(tmp_path):
    """A crash before the genesis was whole."""
    one = Stream(tmp_path, signer=SIGNER)
    one.abandon()
    (path,) = tmp_path.glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:50])
    (tmp_path / "begun").unlink()  # it is written after the genesis
    Stream(tmp_path, signer=SIGNER).close()
    assert not path.exists() and verify(tmp_path).sound


def test_a_stream_that_goes_on_and_crashes_while_another_looks_is_taken_over_whole(tmp_path, monkeypatch):
    """It was alive when its segments were listed, rotated, and was killed: found by 200 crashes of the laws."""
    from gatekeeper.audit import others

    one = Stream(tmp_path, signer=SIGNER)
    one.write([decision(1)])
    real = others.alive

    def alive(folder, stream):
        if stream == one.name and one.open:
            one.turn(now=True)
            one.write([decision(2)])
            one.abandon()
        return real(folder, stream)

    monkeypatch.setattr(others, "alive", alive)
    Stream(tmp_path, signer=SIGNER).close()
    (adopted,) = of(tmp_path, "genesis")[1]["adopted"]
    assert adopted["n"] == 4 and verify(tmp_path).problems == []


def test_a_living_stream_is_left_alone_and_its_head_is_named(tmp_path):
    """Two workers: neither takes the other over, each names how far the other is."""
    one = Stream(tmp_path, signer=SIGNER)
    one.write([decision(1)])
    two = Stream(tmp_path, signer=SIGNER)
    genesis = of(tmp_path, "genesis")[1]
    assert (genesis["heads"], genesis["adopted"]) == ([[one.name, 2, one.head.hash]], [])
    two.checkpoint()
    two.close()
    one.write([outcome(1)])
    one.close()
    assert verify(tmp_path).sound


def test_a_checkpoint_is_signed_and_the_signature_is_over_all_before_it(tmp_path):
    """The signature of another place in the log is none."""
    ring = tmp_path / "keys"
    stream = Stream(tmp_path / "audit", signer=Signer(ring))
    stream.write([decision(1)])
    sealed = chain.split(stream.checkpoint())
    head, signature = chain.signature_of(sealed.head)
    (key,) = Signer(ring).keys()
    assert sealed.record["key"] == key.id
    from gatekeeper.audit.signing import good

    before = bytes.fromhex(records(tmp_path / "audit")[-2]["hash"])
    assert good(key.public, signature, chain.to_sign(before, head))
    assert not good(key.public, signature, chain.to_sign(chain.FIRST, head))
    stream.close()


def test_a_new_key_is_introduced_by_the_old_one_which_is_destroyed(tmp_path):
    """Forward: whoever takes the machine afterwards cannot sign for the time before."""
    ring, log = tmp_path / "keys", tmp_path / "audit"
    stream = Stream(log, signer=Signer(ring))
    stream.checkpoint()
    (old,) = Signer(ring).keys()
    keys.rotate(ring, keys.AUDIT)
    in_use, _ = Signer(ring).keys()
    assert in_use.id == old.id
    stream.checkpoint()
    (new,) = Signer(ring).keys()
    stream.close()
    (introduction,) = of(log, "key")
    assert (introduction["key"], introduction["successor"]) == (old.id, new.id)
    assert [one["key"] for one in of(log, "checkpoint")] == [old.id, new.id] and of(log, "close")[0]["key"] == new.id
    report = verify(log)
    assert report.sound and report.keys == [old.id]
    assert verify(log, trusted=[old.id]).sound and not verify(log, trusted=[new.id]).sound


def test_an_old_key_is_good_for_nothing_after_its_successor(tmp_path):
    """Somebody kept it: what they sign later is found."""
    ring, log, kept = tmp_path / "keys", tmp_path / "audit", tmp_path / "kept"
    stream = Stream(log, signer=Signer(ring))
    stream.checkpoint()
    kept.mkdir(mode=0o700)
    (file,) = ring.glob("audit-*")
    (kept / file.name).write_text(file.read_text())
    (kept / file.name).chmod(0o600)
    keys.rotate(ring, keys.AUDIT)
    stream.checkpoint()
    stream.signer = Signer(kept)
    stream.checkpoint()
    stream.abandon()
    (problem,) = verify(log).problems
    assert "after its successor was introduced" in problem.why


def test_a_key_that_nobody_introduced_is_found(tmp_path):
    """A log that goes on with a key of somebody's own."""
    log = tmp_path / "audit"
    one = Stream(log, signer=Signer(tmp_path / "one"))
    one.close()
    segments.pack(one.segment())
    segments.head_file(log, one.name).unlink()
    Stream(log, signer=Signer(tmp_path / "two")).close()
    (problem,) = verify(log).problems
    assert "no earlier key introduced" in problem.why


def test_a_broken_signature_is_found(tmp_path, monkeypatch):
    """The chain is right, the signature is another's."""
    stream = Stream(tmp_path / "audit", signer=Signer(tmp_path / "keys"))
    monkeypatch.setattr("gatekeeper.audit.signing.SigningKey.sign", lambda self, message: bytes(64))
    stream.close()
    (problem,) = verify(tmp_path / "audit").problems
    assert "is not signed with the key" in problem.why


def test_anchors_go_to_a_file_to_stdout_and_to_a_url(tmp_path, capfdbinary):
    """Each gets the checkpoint's line as it stands in the log; a torn one in the file is left behind."""
    got = []

    def taken(call):
        got.append(call.body)
        return Answer(204)

    with answering(taken) as url:
        anchor(f"{url}/", tmp_path, b"{1}\n")
    anchor("stdout", tmp_path, b"{2}\n")
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "anchors").write_bytes(b'{"torn')
    anchor("away/anchors", tmp_path, b"{3}\n")
    assert got == [b"{1}\n"] and capfdbinary.readouterr().out == b"{2}\n"
    assert (tmp_path / "away" / "anchors").read_bytes() == b'{"torn\n{3}\n'


def test_the_writer_signs_and_anchors_while_it_grows_and_at_its_end(tmp_path):
    """An anchor file made by a running gate: every line of it is in the log."""
    writer = AuditWriter(
        tmp_path / "audit", signer=Signer(tmp_path / "keys"), checkpoint=0.01, anchor="out/anchors", base=tmp_path
    )
    put = tmp_path / "out" / "anchors"
    writer.append([decision(1)]).result(5)
    deadline = time.monotonic() + 60
    while not put.exists() or not put.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    writer.append([decision(2)]).result(5)
    writer.close()
    lines = put.read_bytes().splitlines()
    assert json.loads(lines[0])["kind"] == "checkpoint" and json.loads(lines[-1])["kind"] == "close"
    report = verify(tmp_path / "audit", anchors=lines)
    assert report.sound and report.anchors == len(lines) >= 2


def test_a_key_that_others_can_read_stops_the_log(tmp_path):
    """No checkpoint with a key that is not secret, and without a checkpoint no send."""
    keys.audit(tmp_path / "keys", {})
    next((tmp_path / "keys").glob("audit-*")).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Stream(tmp_path / "audit", signer=Signer(tmp_path / "keys"))


def test_compression_may_be_interrupted(tmp_path):
    """Both forms of a segment: the next start finishes it."""
    clock = Clock()
    stream = Stream(tmp_path, rotate=1_000, clock=clock, signer=SIGNER)
    write(stream, clock, 0, 3)
    stream.close()
    plain = stream.closed[0].plain
    stream.closed[0].packed.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    assert verify(tmp_path).sound
    after = Stream(tmp_path, signer=SIGNER)
    pack(tmp_path, after)
    after.close()
    assert not plain.exists() and verify(tmp_path).sound


def test_the_lines_of_the_outbox_keep_their_subjects_apart():
    """What waits for the log is packed so that it comes out the same."""
    from gatekeeper.audit.packed import pack as packed
    from gatekeeper.audit.packed import unpack

    lines = [decision(1, 0.0, person(1)), outcome(1)]
    assert unpack(packed(lines)) == lines and isinstance(unpack(packed(lines))[0], Line)
