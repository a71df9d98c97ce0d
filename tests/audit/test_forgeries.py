"""Forgeries, named by the attack: found by both verifiers, and never signed for by the next start."""

from __future__ import annotations

import shutil

import orjson
import pytest

from gatekeeper.audit import others, read
from gatekeeper.audit.segments import Head
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stream import Stream
from gatekeeper.audit.verify import verify
from tests.audit import logs
from tests.audit.forgeries import (
    ALWAYS,
    EARLIER,
    ELSEWHERE,
    LAST,
    LATER,
    REAL,
    REPLACED,
    Scene,
    _behind,
    chained,
    decided,
    genesis,
    put,
)  # fmt: skip
from tests.builders import NOW


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A log of every kind of line, its keys and its anchor."""
    folder = tmp_path_factory.mktemp("real")
    return folder, logs.make(folder)


@pytest.fixture
def scene(real, tmp_path):
    """A copy that may be spoiled."""
    folder, _ = real
    shutil.copytree(folder / "audit", tmp_path / "audit")
    shutil.copytree(folder / "keys", tmp_path / "keys")
    return Scene(tmp_path / "audit", tmp_path / "keys")


def heads(folder):
    """What the database knows: the last line of each stream."""
    found = {}
    for record in (orjson.loads(raw) for data in logs.contents(folder).values() for raw in data.splitlines()):
        found[record["stream"]] = Head(record["stream"], record["n"], record["hash"])
    return list(found.values())


def root(scene):
    """The id of the log's first key."""
    return next(record["key"] for record in scene.records() if record["kind"] == "genesis")


WAYS = [pytest.param(a, t, id=f"{'anchor' if a else 'alone'}{'-trust' if t else ''}") for a in (0, 1) for t in (0, 1)]


@pytest.mark.parametrize(("anchored", "trusting"), WAYS)
def test_a_log_that_was_left_alone_is_sound(real, scene, anchored, trusting):
    """For both, with all they can be told."""
    anchor, key = (real[1] if anchored else None), ([root(scene)] if trusting else [])
    assert logs.ours(scene.log, anchor, *key) == [] == logs.theirs(scene.log, anchor, *key)
    report = verify(scene.log, heads=heads(scene.log))
    assert report.sound and report.not_vouched == {} and report.heads == report.streams


@pytest.mark.parametrize(("anchored", "trusting"), WAYS)
@pytest.mark.parametrize("attack", ALWAYS)
def test_a_forgery_is_found(real, scene, attack, anchored, trusting):
    """By both verifiers, whether or not an anchor or the key is known."""
    anchor, key = (real[1] if anchored else None), ([root(scene)] if trusting else [])
    ALWAYS[attack](scene)
    assert logs.ours(scene.log, anchor, *key) != []
    assert logs.theirs(scene.log, anchor, *key) != []


@pytest.mark.parametrize("attack", ELSEWHERE)
def test_what_is_taken_back_is_found_by_an_anchor_or_the_database(scene, attack):
    """An attacker who puts log and database back is what the anchor is for."""
    newest = Stream(scene.log, signer=Signer(scene.keys), clock=logs.Clock(LAST))
    newest.write([logs.decision(500, LAST), logs.outcome(500, LAST)])
    anchor, known = newest.close(), heads(scene.log)
    ELSEWHERE[attack](scene)
    assert verify(scene.log, heads=known).problems != []
    assert logs.ours(scene.log, anchor) != [] != logs.theirs(scene.log, anchor)
    report = verify(scene.log)
    assert report.sound and (report.not_vouched or attack == "the last stream is dropped")


@pytest.mark.parametrize("attack", REPLACED)
def test_another_log_is_found_by_what_is_known_of_the_first(real, scene, attack):
    """By an anchor, by the key, and by the database."""
    known, key = heads(scene.log), root(scene)
    REPLACED[attack](scene)
    assert verify(scene.log, heads=known).problems != []
    assert logs.ours(scene.log, real[1]) != [] != logs.theirs(scene.log, real[1])
    assert logs.ours(scene.log, None, key) != [] != logs.theirs(scene.log, None, key)


def test_with_trust_and_nothing_signed_the_report_says_so(scene):
    """A3: a key that is trusted must have signed something."""
    REPLACED["A3 nothing is signed, in format 1"](scene)
    assert any("nothing is signed with the key abc" in why for why in logs.ours(scene.log, None, "abc"))


# The laundering start: the gate begins a stream in a folder that was spoiled while it was down.

LAUNDERED = {name: forge for name, forge in ALWAYS.items() if name.startswith("A1") or "a real genesis" in name}


@pytest.mark.parametrize("attack", [*LAUNDERED, "a stream of another installation"])
def test_the_next_start_signs_for_no_forged_stream(scene, attack, caplog):
    """It is set aside as it is, an error is logged, and the log is what it was."""
    before = set(scene.names())
    ALWAYS[attack](scene)
    forged = set(scene.names()) - before
    stream = Stream(scene.log, signer=Signer(scene.keys), clock=logs.Clock(NOW + 300 * logs.DAY))
    stream.close()
    named = {one["stream"] for record in scene.records() for one in record.get("adopted", ())}
    named |= {one[0] for record in scene.records() for one in record.get("heads", ())}
    assert named.isdisjoint(forged)
    plain = [name for name in forged if not list(scene.log.glob(f"{name}*.gz"))]
    if plain:
        assert others.set_aside(scene.log) == len(plain) and "was not begun with a key" in caplog.text
        assert logs.ours(scene.log, None) == [] == logs.theirs(scene.log, None)
    else:  # a closed segment is looked at by `audit verify`
        assert logs.ours(scene.log, None) != []


def crashed(scene):
    """A stream of the installation that ended in a crash."""
    stream = Stream(scene.log, signer=Signer(scene.keys), clock=logs.Clock(NOW + 300 * logs.DAY))
    stream.write([logs.decision(500, NOW + 300 * logs.DAY)])
    stream.abandon()
    return stream


@pytest.mark.parametrize("kind", ["decision", "redaction", "close"])
def test_the_next_start_signs_for_no_line_behind_a_crash_that_is_not_its_own(scene, kind):
    """Chained by the public recipe; an end of one's own makes no difference."""
    stream = crashed(scene)
    path = scene.log / f"{stream.name}.000001.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    core = {"kind": kind, "timestamp": decided(NOW + 300 * logs.DAY)["timestamp"], "request_id": REAL, "ranges": []}
    forged = _behind(lines, scene, core)
    path.write_bytes(path.read_bytes() + forged)
    assert verify(scene.log).not_vouched == {stream.name: 2} or kind == "close"
    after = Stream(scene.log, signer=Signer(scene.keys), clock=logs.Clock(NOW + 301 * logs.DAY))
    (adopted,) = scene.records()[-1]["adopted"]
    assert (adopted["stream"], adopted["n"], adopted["torn"]) == (stream.name, 2, len(forged))
    assert (scene.log / f"{stream.name}.torn").read_bytes() == forged
    after.close()
    assert logs.ours(scene.log, None) == [] == logs.theirs(scene.log, None)


def test_a_mark_of_another_place_in_the_log_is_none(scene):
    """Copied from a real line, or guessed."""
    stream = crashed(scene)
    path = scene.log / f"{stream.name}.000001.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    mark = orjson.loads(lines[-1])["mac"]
    path.write_bytes(path.read_bytes() + _behind(lines, scene, decided(NOW + 300 * logs.DAY) | {"mac": mark}))
    Stream(scene.log, signer=Signer(scene.keys), clock=logs.Clock(NOW + 301 * logs.DAY)).close()
    assert orjson.loads(path.read_bytes().splitlines()[-1])["request_id"] == "req_000500"


def test_a_crashed_stream_that_an_older_key_signed_is_still_our_own(scene):
    """The key was rotated while the stream lived: what is left of the old one recognises it."""
    from gatekeeper.installation import keys

    one = Stream(scene.log, signer=Signer(scene.keys), clock=logs.Clock(NOW + 300 * logs.DAY))
    keys.rotate(scene.keys, keys.AUDIT)
    Stream(scene.log, signer=Signer(scene.keys), clock=logs.Clock(NOW + 300 * logs.DAY)).close()
    one.write([logs.decision(500, NOW + 300 * logs.DAY)])
    one.abandon()
    Stream(scene.log, signer=Signer(scene.keys), clock=logs.Clock(NOW + 301 * logs.DAY)).close()
    assert others.set_aside(scene.log) == 0 and verify(scene.log).problems == []
    assert verify(scene.log).crashed == 2 and logs.theirs(scene.log, None) == []


def test_a_forged_stream_that_a_process_writes_is_named_by_no_checkpoint(scene):
    """Its lock is held, so it cannot be moved; it is not signed for."""
    from gatekeeper.audit.segments import head_file, live_head
    from gatekeeper.installation.locks import Lock

    put(scene, LATER, chained(LATER, [genesis(scene, LATER), decided()]))
    lock = Lock(head_file(scene.log, LATER))
    assert lock.take()
    head_file(scene.log, LATER).write_bytes(b"%020d %s\n" % (2, b"a" * 64))
    assert live_head(scene.log, LATER) is not None
    stream = Stream(scene.log, signer=Signer(scene.keys), clock=logs.Clock(NOW + 300 * logs.DAY))
    stream.checkpoint()
    stream.close()
    lock.release()
    assert all(head[0] != LATER for record in scene.records() for head in record.get("heads", ()))


def test_a_line_of_a_forged_stream_stands_for_none_of_ours(scene):
    """After a crash: the decision is not in the log, whatever somebody put beside it."""
    from gatekeeper.audit import recover

    put(scene, EARLIER, chained(EARLIER, [genesis(scene, EARLIER), decided(NOW, "req_777777")]))
    lines = [logs.decision(777777)]
    assert recover.missing(scene.log, Signer(scene.keys), lines, NOW, now=NOW) == lines
    there = [logs.decision(52)]
    assert recover.missing(scene.log, Signer(scene.keys), there, 0.0, now=NOW) == []
    assert list(read.records(scene.log))


@pytest.mark.parametrize("state", [b"", b"9" * 20 + b" " + b"a" * 64 + b" " + b"9" * 20 + b" " + b"0" * 16 + b"\n"])
def test_a_count_of_streams_that_another_hand_wrote_is_not_believed(scene, state):
    """It is found again in the streams."""
    (scene.log / "begun").write_bytes(state)
    before = scene.begun()[0]
    Stream(scene.log, signer=Signer(scene.keys), clock=logs.Clock(NOW + 300 * logs.DAY)).close()
    assert scene.begun()[0] == before + 1
    assert logs.ours(scene.log, None) == [] == logs.theirs(scene.log, None)
