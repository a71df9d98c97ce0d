"""`gatekeeper audit verify`, and its companion in docs/: what is said about a log, and how a script hears of it."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gatekeeper.audit import chain
from gatekeeper.audit import verify as verifying
from gatekeeper.audit.stream import Stream
from gatekeeper.audit.verify import verify
from gatekeeper.cli import app
from gatekeeper.errors import AuditError, ConfigError
from tests.audit import logs
from tests.audit.logs import SIGNER, Clock, contents, decision, put, write

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_audit.py"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A log with all there can be in it, and its anchor."""
    folder = tmp_path_factory.mktemp("real")
    anchor = logs.make(folder)
    return contents(folder / "audit"), anchor, folder / "keys"


@pytest.fixture
def log(real, tmp_path):
    """A copy of it, with the anchor and a policy beside it."""
    files, anchor, keys = real
    put(tmp_path / "audit", files)
    shutil.copytree(keys, tmp_path / "keys")
    (tmp_path / "anchors").write_bytes(anchor)
    (tmp_path / "gatekeeper.toml").write_text('[policy]\nversion = "t"\ncontroller = "c"\n[audit]\npath = "audit"\n')
    with (tmp_path / "gatekeeper.toml").open("a") as file:
        file.write('anchor = "outside"\n[keys]\npath = "keys"\n[storage]\nurl = "sqlite:///gatekeeper.db"\n')
    return tmp_path


def run(log, *words, code=0):
    """What the command prints."""
    result = CliRunner().invoke(app, ["audit", "verify", "-c", str(log / "gatekeeper.toml"), *words])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def test_a_sound_log_says_what_that_means(log):
    """With an anchor more than without."""
    assert "lines missing at the end cannot be seen" in run(log)
    text = run(log, "--anchor", str(log / "anchors"))
    assert "Nothing was changed up to the last of 1 anchor." in text and "after a crash" in text
    assert "were removed, as redaction lines say" in text


def test_the_first_bad_line_is_named_with_the_reason(log):
    """File, line, why; exit code 1; the same as JSON."""
    name = sorted(contents(log / "audit"))[0]
    data = contents(log / "audit")[name].replace(b"req_000001", b"req_000007", 1)
    put(log / "audit", contents(log / "audit") | {name: data})
    assert f"{name}, line 4: was altered: its hash does not follow from it and the line before" in run(log, code=1)
    found = json.loads(run(log, "--json", code=1))
    assert found["sound"] is False and found["first"] == found["problems"][0]
    assert (found["first"]["file"], found["first"]["line"]) == (name, 4)


@pytest.mark.parametrize(
    ("moves", "heals", "reads", "sound"),
    [
        pytest.param(0, None, 1, False, id="it-stays-so"),
        pytest.param(1, 1, 2, True, id="rewritten-meanwhile"),
        pytest.param(2, 2, 3, True, id="twice"),
        pytest.param(1, None, 2, False, id="rewritten-and-still-wrong"),
        pytest.param(9, None, 3, False, id="again-and-again"),
    ],
)
def test_a_fault_counts_only_where_no_segment_moved_while_the_log_was_read(
    log, monkeypatch, moves, heals, reads, sound
):
    """A segment that was rewritten meanwhile was perhaps read half: it is read again, three times at most."""
    name = min(one for one in contents(log / "audit") if one.endswith(".gz"))
    path, good = log / "audit" / name, (log / "audit" / name).read_bytes()
    bad = gzip.compress(gzip.decompress(good).replace(b"req_00000", b"req_00009", 1), mtime=0)
    path.write_bytes(bad)
    done, run_once = [], vars(verifying)["_Verification"].run

    def read(*args):
        report = run_once(*args)
        done.append(report.sound)
        if len(done) <= moves:
            path.write_bytes(good if len(done) == heals else bad)
            os.utime(path, ns=(len(done), len(done)))
        return report

    monkeypatch.setattr("gatekeeper.audit.verify._Verification.run", read)
    assert verify(log / "audit").sound is sound
    assert len(done) == reads and not done[0]


def test_a_cut_end_is_found_by_the_anchor_alone(log):
    """All that nobody outside has seen can be taken back; an anchor is what was seen."""
    files = contents(log / "audit")
    last = sorted(files)[-1]
    files[last] = b"".join(files[last].splitlines(keepends=True)[:-1])
    put(log / "audit", files)
    assert verify(log / "audit").sound
    assert "which ends at" in run(log, "--anchor", str(log / "anchors"), code=1)
    assert logs.theirs(log / "audit", None) == [] != logs.theirs(log / "audit", (log / "anchors").read_bytes())


def test_a_stream_that_was_made_to_follow_is_found_by_its_signatures(log):
    """Without any anchor: whoever alters a line and hashes all that follows anew cannot sign for it."""
    files = contents(log / "audit")
    name = sorted(files)[-1]  # a stream of one segment, closed by a signed line
    previous, out = chain.FIRST, []
    for raw in files[name].splitlines(keepends=True):
        parts = chain.split(raw)
        head = parts.head.replace(b"req_000050", b"req_000051")
        previous = chain.link(previous, head)
        out.append(head + b',"hash":"' + previous.hex().encode() + b'"' + raw[len(parts.head) + 74 :])
    put(log / "audit", files | {name: b"".join(out)})
    assert any("is not signed with the key" in problem.why for problem in verify(log / "audit").problems)


def test_a_whole_other_log_is_found_by_the_anchor_or_the_key(log, tmp_path):
    """Written anew with a key of one's own: sound in itself, and not the log that was seen."""
    other = logs.make(tmp_path / "other")
    assert verify(tmp_path / "other" / "audit", anchors=[other]).sound
    for words in (["--anchor", str(log / "anchors")], ["--trust", "0123456789abcdef"]):
        run(log, "--folder", str(tmp_path / "other" / "audit"), *words, code=1)


def test_there_is_no_log(tmp_path, log):
    """Exit code 3, which is not "sound"."""
    run(log, "--folder", str(tmp_path / "nothing"), code=3)
    result = CliRunner().invoke(app, ["audit", "verify", "-c", str(log / "gatekeeper.toml"), "--anchor", "nowhere"])
    assert isinstance(result.exception, AuditError) and "nowhere" in str(result.exception)


def test_a_log_that_is_being_written_is_sound(tmp_path, monkeypatch):
    """A line half there, a checkpoint that names more than was read before: no alarm."""
    clock = Clock()
    one, two = Stream(tmp_path, clock=clock, signer=SIGNER), Stream(tmp_path, clock=clock, signer=SIGNER)
    write(one, clock, 0, 3)
    from gatekeeper.audit import verify as module

    real, grown = module.Walker.walk, []

    def walk(self, stream, parts, *more):
        found = real(self, stream, parts, *more)
        if not grown:  # the first stream was read: now it grows, and the other one says so
            grown.append(stream)
            write(one, clock, 10, 2)
            two.checkpoint()
        return found

    monkeypatch.setattr(module.Walker, "walk", walk)
    report = verify(tmp_path)
    assert grown == [one.name] and report.problems == [] and len(report.open) == 2
    with (tmp_path / f"{two.name}.000001.jsonl").open("ab") as file:
        file.write(b'{"stream":"')
    assert verify(tmp_path).sound and logs.theirs(tmp_path, None) == []
    one.close()
    two.abandon()


def test_the_independent_verifier_runs_alone_and_says_the_same(log):
    """Standard library only: without this package, without any other."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(log / "audit"), str(log / "anchors")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "lines in 5 streams, as written" in done.stdout
    name = sorted(contents(log / "audit"))[0]
    put(log / "audit", {other: data for other, data in contents(log / "audit").items() if other != name})
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "segment 1 is missing" in done.stdout


def test_keys_rotate_audit_leaves_one_key_and_a_line(log):
    """Named by ids; nothing secret is printed; the line that the new key signs is anchored at once."""
    text = CliRunner().invoke(app, ["keys", "list", "--json", "-c", str(log / "gatekeeper.toml")])
    (old,) = (key["id"] for key in json.loads(text.stdout)["audit"] if key["in_use"])
    secret = next((log / "keys").glob("audit-*.key")).read_text().strip()
    done = CliRunner().invoke(app, ["keys", "rotate", "audit", "-c", str(log / "gatekeeper.toml")])
    assert done.exit_code == 0 and f"{old} introduced it and is destroyed" in done.stdout
    (left,) = (log / "keys").glob("audit-*.key")
    assert left.read_text().strip() != secret and secret not in done.stdout + text.stdout
    assert left.read_text().strip() not in done.stdout
    anchors = [*(log / "outside").read_bytes().splitlines(), (log / "anchors").read_bytes()]
    assert json.loads(anchors[0])["kind"] == "close" and verify(log / "audit", anchors=anchors).problems == []
    assert "keys go back to" in run(log, "--anchor", str(log / "outside"))


def test_a_key_from_the_environment_cannot_be_rotated_here(log, monkeypatch):
    """It is not ours to destroy."""
    monkeypatch.setenv("GATEKEEPER_AUDIT_KEYS", f"one:{'a' * 64}")
    done = CliRunner().invoke(app, ["keys", "rotate", "audit", "-c", str(log / "gatekeeper.toml")])
    assert isinstance(done.exception, ConfigError) and "cannot be rotated" in str(done.exception)
    assert len(list((log / "keys").glob("audit-*.key"))) == 1


def extended(folder, stream, n, previous):
    """A line more at the end of a stream, which follows from the one before; its hash."""
    raw, digest = chain.seal(decision(n, time.time()), stream.name, n + 1, bytes.fromhex(previous), b"")
    with (folder / f"{stream.name}.000001.jsonl").open("ab") as file:
        file.write(raw)
    return digest


def test_what_goes_on_after_its_end_is_found_though_it_follows(tmp_path):
    """After a close, and after a crash that was taken over."""
    for name, finish, why in (
        ("closed", Stream.close, "stands after the stream was closed"),
        ("crashed", Stream.abandon, "over at line 2, but it goes on to 3"),
    ):
        folder = tmp_path / name
        stream = Stream(folder, signer=SIGNER)
        stream.write([decision(1)])
        finish(stream)
        Stream(folder, signer=SIGNER).close()
        assert verify(folder).sound
        extended(folder, stream, stream.head.n, stream.head.hash)
        (problem,) = verify(folder).problems
        assert why in problem.why and logs.theirs(folder, None) != []


def test_a_stream_written_anew_is_found_by_what_others_say_of_it(tmp_path):
    """Without signatures and anchors: each names how far the others were, with the hash."""
    clock = Clock()
    one, two = Stream(tmp_path, clock=clock, signer=SIGNER), Stream(tmp_path, clock=clock, signer=SIGNER)
    one.write([decision(1)])
    two.checkpoint()
    path = tmp_path / f"{one.name}.000001.jsonl"
    genesis = path.read_bytes().splitlines(keepends=True)[0]
    raw, _ = chain.seal(decision(2), one.name, 2, chain.split(genesis).hash, b"")
    path.write_bytes(genesis + raw)
    (problem,) = verify(tmp_path).problems
    assert "names another line 2 of" in problem.why and logs.theirs(tmp_path, None) != []
    one.abandon()
    two.abandon()


def test_a_missing_segment_is_named(log):
    """By its number."""
    files = contents(log / "audit")
    first, second = sorted(files)[:2]
    put(log / "audit", {name: data for name, data in files.items() if name != first})
    assert f"{second}: segment 000001 of the stream is missing before it" in run(log, code=1)


def test_a_request_that_is_decided_often_is_one_finding_of_a_bounded_length(tmp_path):
    """Some of the lines are named, the others counted."""
    stream = Stream(tmp_path / "audit", signer=SIGNER, fsync=False)
    stream.write([decision(1)] * 2_000)
    stream.close()
    (problem,) = verify(tmp_path / "audit").problems
    assert "and 1,996 other lines decided" in problem.why and len(problem.why) < 400
