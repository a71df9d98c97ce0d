"""The ends of streams in the database: what was cut off or removed is found on the machine itself."""

from __future__ import annotations

import contextlib
import json
import time

import apsw
import pytest
from typer.testing import CliRunner

from gatekeeper.audit import segments
from gatekeeper.audit.segments import Head
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stream import Stream
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.cli import app
from gatekeeper.errors import StorageError
from gatekeeper.storage.heads import SqliteHeads
from tests.audit import logs
from tests.audit.forgeries import EARLIER, Scene, chained, decided, genesis
from tests.audit.logs import SIGNER, decision

POLICY = (
    '[policy]\nversion = "t"\ncontroller = "c"\n[audit]\npath = "audit"\n[keys]\npath = "keys"\n'
    '[storage]\nurl = "sqlite:///gatekeeper.db"\n'
)


def verify(folder, code):
    """What the command says, with the policy's database."""
    result = CliRunner().invoke(app, ["audit", "verify", "--json", "-c", str(folder / "gatekeeper.toml")])
    assert result.exit_code == code, (result.output, result.exception)
    return json.loads(result.stdout)


@pytest.fixture
def log(tmp_path):
    """Two closed streams that a writer wrote, and a policy."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    for n in range(2):
        writer = AuditWriter(
            tmp_path / "audit", signer=Signer(tmp_path / "keys"), heads=SqliteHeads(tmp_path / "gatekeeper.db")
        )
        writer.append([decision(n, time.time())]).result(10)
        writer.close()
    return tmp_path


def test_the_ends_of_all_streams_are_known(log):
    """At the genesis, each checkpoint and the end; the command compares."""
    found = {head.stream: head.n for head in SqliteHeads(log / "gatekeeper.db").read()}
    assert found == dict.fromkeys(segments.streams(log / "audit"), 3)
    report = verify(log, 0)
    assert report["sound"] and report["heads"] == 2


def test_a_tail_that_was_cut_off_is_found_without_an_anchor(log):
    """Whatever stood there."""
    (path,) = (log / "audit").glob("*.jsonl")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    report = verify(log, 1)
    assert report["first"]["file"] == "the database" and "which ends at 2" in report["first"]["why"]


def test_the_newest_stream_that_was_removed_is_found_without_an_anchor(log):
    """No other stream knew of it."""
    (path,) = (log / "audit").glob("*.jsonl")
    path.unlink()
    assert "which is missing" in verify(log, 1)["first"]["why"]


def test_a_log_that_is_gone_is_found_by_what_the_database_knows(log):
    """It is no empty log."""
    for path in (log / "audit").iterdir():
        path.unlink()
    assert len(verify(log, 1)["problems"]) == 2


def test_a_crashed_stream_is_known_as_far_as_it_was_taken_over(log):
    """By the stream that did it."""
    signer, heads = Signer(log / "keys"), SqliteHeads(log / "gatekeeper.db")
    one = Stream(log / "audit", signer=signer)
    one.write([decision(7, time.time())])
    one.abandon()
    writer = AuditWriter(log / "audit", signer=signer, heads=heads)
    writer.append([decision(8, time.time())]).result(10)
    writer.close()
    assert one.head in heads.read()


def test_what_is_known_only_grows(tmp_path):
    """Two processes may tell of a stream in any order."""
    heads = SqliteHeads(tmp_path / "gatekeeper.db")
    heads.keep([Head("s", 5, "aa" * 32)])
    heads.keep([Head("s", 4, "bb" * 32), Head("t", 1, "cc" * 32)])
    assert heads.read() == [Head("s", 5, "aa" * 32), Head("t", 1, "cc" * 32)]


def test_a_database_that_cannot_be_read_is_an_error_not_an_empty_one(tmp_path):
    """Verifying without it would say less than it seems to."""
    path = tmp_path / "gatekeeper.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match="cannot be read"):
        SqliteHeads(path).read()
    assert SqliteHeads(tmp_path / "none.db").read() == []


def test_a_database_of_before_gets_the_table(tmp_path):
    """By its migration."""
    from gatekeeper.storage import database

    path = tmp_path / "gatekeeper.db"
    with contextlib.closing(apsw.Connection(str(path))) as db:
        for script in database.MIGRATIONS[:2]:
            db.execute(script)
        db.execute("PRAGMA user_version = 2")
    database.prepare(path)
    SqliteHeads(path).keep([Head("s", 1, "aa" * 32)])
    assert len(SqliteHeads(path).read()) == 1


def test_a_forged_log_of_format_1_in_the_place_of_ours_is_not_taken_over(log):
    """Somebody removed all streams and the count, and put an older log there: the database knows better."""
    for path in (log / "audit").iterdir():
        path.unlink()
    scene = Scene(log / "audit", log / "keys")
    data = chained(EARLIER, [genesis(scene, EARLIER, format_=1), decided()], version=1)
    (log / "audit" / f"{EARLIER}.000001.jsonl").write_bytes(data)
    writer = AuditWriter(log / "audit", signer=Signer(log / "keys"), heads=SqliteHeads(log / "gatekeeper.db"))
    writer.append([decision(9, time.time())]).result(10)
    writer.close()
    assert list((log / "audit" / "set-aside").iterdir())
    assert {one["why"].split(",")[-1] for one in verify(log, 1)["problems"]} == {" which is missing"}


def test_a_store_that_fails_stops_nothing(tmp_path, caplog):
    """The log is written; the ends are told again with the next checkpoint."""

    class Broken:
        def keep(self, heads):
            raise StorageError("the ends of streams cannot be kept (FullError)")

        def read(self):
            return []

    writer = AuditWriter(tmp_path, signer=SIGNER, heads=Broken())
    writer.append([decision(1, time.time())]).result(10)
    writer.close()
    assert logs.ours(tmp_path, None) == [] and "a chore of the audit log failed (StorageError)" in caplog.text
