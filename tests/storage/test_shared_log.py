"""The log over several machines in PostgreSQL: two gates, their commands, and an object store between them."""

import gzip
import json
import shutil
import time
from concurrent.futures import Future

import orjson
import psycopg
import pytest

from gatekeeper.audit.lines import Line
from gatekeeper.audit.segments import Head
from gatekeeper.rights import local
from gatekeeper.storage.postgres.machines import remove
from gatekeeper.storage.postgres.node import log_of
from gatekeeper.storage.postgres.store import PostgresStore
from gatekeeper.storage.postgres.trail import SILENT, PostgresTrail
from gatekeeper.storage.protocols import Bounds
from tests.storage.buckets import CREDENTIALS, store
from tests.storage.builders import Log, accept, arrival, books, wait
from tests.storage.gates import KEYS, Gate, archive
from tests.storage.server import DATABASES

pytestmark = pytest.mark.engine


@pytest.fixture
def database():
    """A database of the tests' one server."""
    url = DATABASES.fresh()
    yield url
    DATABASES.give_back(url)


class Placed(Log):
    """A log that says where its lines are."""

    def append(self, batch):
        """As the log's writer does."""
        super().append(batch).result()
        done = Future()
        done.set_result(Head("s", len(self.lines), "00"))
        return done


def machine(url, folder, name, *, archived=True):
    """A store on a machine of its own."""
    store = PostgresStore(url, folder / name, Bounds(("own",)), Placed(), archived=archived)
    store.members.start()
    return store


@pytest.mark.parametrize("archived", [True, False])
def test_lines_that_the_log_has_are_kept_until_the_archive_has_them(database, tmp_path, archived):
    """With the place that they have in the log; without an archive they go at once."""
    one = machine(database, tmp_path, "a", archived=archived)
    try:
        accept(one, arrival("a", subjects=["p_1"]), arrival("b"))
        assert books(one).queued == 2 and one.records.kept() == 0
        trail = PostgresTrail(database, log_of(tmp_path / "a"))
        found = trail.kept(others=False)
        assert [orjson.loads(line.core)["request_id"] for kept in found for line in kept.lines] == (
            ["a", "b"] if archived else []
        )
        if archived:
            assert (found[0].stream, found[0].n) == ("s", 2) and trail.lacking() == {"s": 2}
            assert one.books.standing().unarchived > 0
        assert PostgresTrail(database, "other").kept() == found and trail.kept() == []
        trail.archived({"s": 1})
        assert trail.kept(others=False) == found
        trail.archived({"s": 2})
        assert trail.kept(others=False) == []
    finally:
        one.close()


def test_what_only_a_destroyed_machine_had_in_its_log_another_one_writes(database, tmp_path):
    """And not before an operator says that its disk is gone."""
    one, two = machine(database, tmp_path, "a"), machine(database, tmp_path, "b")
    try:
        accept(one, arrival("a", subjects=["p_1"]))
        books(one)
        one.close()
        log = log_of(tmp_path / "a")
        assert two.records.adopt().result(10) == 0
        assert remove(database, log, destroyed=True)
        (kept,) = PostgresTrail(database, log_of(tmp_path / "b")).kept()  # in no log, and found all the same
        assert (kept.stream, kept.n, len(kept.lines)) == ("", 0, 1)
        assert two.records.adopt().result(10) == 1
        with psycopg.connect(database) as link:
            assert link.execute("SELECT count(*) FROM trail WHERE log = %s", (log,)).fetchone() == (0,)
    finally:
        one.close()
        two.close()


def test_a_wish_is_done_when_every_machine_that_is_expected_has_done_it(database, tmp_path):
    """One that is gone is named; one that was destroyed has nothing; what all have done is forgotten, too."""
    stores = [machine(database, tmp_path, name) for name in ("a", "b", "c")]
    try:
        logs = [log_of(tmp_path / name) for name in ("a", "b", "c")]
        trails = [PostgresTrail(database, log) for log in logs]
        wish = trails[0].wish(["p_1"], "er_1", 7.0)
        assert trails[0].wish(["p_1"], "er_1", 8.0) == wish != trails[0].wish(["p_2"], "er_1", 7.0)
        assert trails[1].wishes()[0] == (wish, frozenset({"p_1"}), "er_1", 7.0)
        copies = trails[0].wish([], "er_1", 7.0)  # of the same request, another one
        assert copies not in (wish, trails[0].wish(["p_2"], "er_1", 7.0)) and copies == trails[0].wish([], "er_1", 8.0)
        for one in trails:
            one.done(copies, 0)
        trails[0].done(wish, 3)
        trails[1].done(wish, 4)
        waiting, lines = trails[0].waits_for(wish)
        assert [one.log for one in waiting] == [logs[2]] and waiting[0].lives and lines == 4
        stores[2].close()
        (silent,), _ = trails[0].waits_for(wish)
        assert not silent.lives
        trails[0].tidy()
        assert len(trails[2].wishes()) == 2
        remove(database, logs[2], destroyed=True)
        assert trails[0].waits_for(wish) == ([], 4)
        trails[0].tidy()
        assert [one.names for one in trails[2].wishes()] == [frozenset({"p_2"})]
    finally:
        for one in stores:
            one.close()


@pytest.mark.parametrize(("over", "lives"), [(5, True), (SILENT + 2, False)], ids=["a-moment", "long"])
def test_a_machine_that_is_late_with_its_lease_is_waited_for(database, tmp_path, over, lives):
    """Under load it renews a little late, and has a log all the same; after a while it counts as silent."""
    stores = [machine(database, tmp_path, name) for name in ("a", "b")]
    try:
        stores[1].members.abandon()
        with psycopg.connect(database) as link:
            link.execute(
                "UPDATE process SET lease = clock_timestamp() - make_interval(secs => %s) WHERE log = %s",
                (over, log_of(tmp_path / "b")),
            )
        trail = PostgresTrail(database, log_of(tmp_path / "a"))
        waiting, _ = trail.waits_for(trail.wish(["p_1"], "er_1", 7.0))
        assert {one.log: one.lives for one in waiting}[log_of(tmp_path / "b")] is lives
    finally:
        for one in stores:
            one.close()


def test_a_line_that_is_kept_is_cut_for_every_machine(database, tmp_path):
    """Whoever asks."""
    one = machine(database, tmp_path, "a")
    try:
        accept(one, arrival("a", subjects=["p_1"]), arrival("b", subjects=["p_2"]))
        books(one)
        trail = PostgresTrail(database, "other")
        assert (
            trail.cut(lambda line: Line(line.core) if "p_1" in line.refs else line) == 0
        )  # refs stand in plans' lines
        before = trail.kept()
        assert trail.cut(lambda line: Line(line.core, ("p_3",))) == 2
        assert [line.refs for kept in trail.kept() for line in kept.lines] == [("p_3",)] * 2 != before
    finally:
        one.close()


@pytest.fixture(scope="module")
def objects():
    """moto's server, which stands in for S3."""
    with store() as one:
        yield one


class Asked(Gate):
    """One that is asked for its rows."""

    def rows(self):
        """The request ids that a query finds."""
        out = self.command("audit", "query", "--format", "json")
        return sorted({json.loads(line)["request_id"] for line in out.splitlines()})


@pytest.fixture
def gates(tmp_path, database, objects, monkeypatch):
    """Two, with an archive, and the same keys for visitors."""
    for name, value in (CREDENTIALS | KEYS).items():
        monkeypatch.setenv(name, value)
    shared = archive(objects, "1s") + '\ncheckpoint = "1s"'
    made = [Asked(tmp_path / name, database, shared) for name in ("a", "b")]
    yield made
    for one in made:
        one.runtime.close(0.0)


def everything(folder):
    """All bytes in a folder, unpacked."""
    return b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    )


def test_all_machines_are_one_log_for_every_command(gates):
    """While they live, after one has ended, and where its disk is gone."""
    one, two = gates
    ids = sorted([one.send("u-1"), two.send("u-1"), two.send("u-2")])
    assert one.rows() == ids == two.rows()
    assert sum(found["events"] for found in json.loads(one.command("audit", "stats", "--json"))["periods"]) == 3
    found = json.loads(one.command("subject", "show", "--user-id", "u-1", "--json"))
    assert found["stores"]["audit_lines"] == 2
    two.runtime.close(0.0)
    shutil.rmtree(two.folder / "audit")
    assert one.rows() == ids
    report = json.loads(one.command("audit", "verify", "--json"))
    (other,) = report["machines"]
    assert report["sound"] and other["sound"] and other["lines"] >= 4 and not other["lives"] and other["last"]["n"] >= 4
    assert other["last"]["stream"] in one.command("audit", "verify")


def test_a_person_is_deleted_in_all_of_it(gates, objects):
    """By the machine that carries out the request, and by the other one, within seconds."""
    one, two = gates
    for gate in gates:
        gate.send("u-3")
        gate.send("u-4")
    runtime = one.runtime
    names = frozenset(runtime.keys.names("user_id", "u-3"))
    one.rows()  # the other machine's log is here, too
    done = local.erase(
        runtime.store, runtime.policy.audit_folder, runtime.erasing.erasures.ports.writer, {"er_1": names}, ["own"],
        at=time.time(), machine=runtime.machine,
    )  # fmt: skip
    gone = done.gone["er_1"]
    assert gone["audit_lines"] == 1 and gone["other_machines"] >= 1 and gone["machines_not_reached"] == 0
    assert done.late == frozenset()
    for gate in gates:
        gate.runtime.close(0.0)
    left = everything(one.folder) + everything(two.folder)
    for bucket in objects.made:
        for key in objects.client.list_objects_v2(Bucket=bucket).get("Contents", ()):
            left += gzip.decompress(objects.client.get_object(Bucket=bucket, Key=key["Key"])["Body"].read())
    others = runtime.keys.names("user_id", "u-4")
    assert any(name.encode() in left for name in others) and not any(name.encode() in left for name in names)
    report = json.loads(one.command("audit", "verify", "--json"))
    assert report["sound"] and report["machines"][0]["sound"] and report["machines"][0]["redacted"] == 1


def test_an_archive_that_is_away_is_said_and_holds_no_event_up(tmp_path, database, objects, monkeypatch):
    """In `readyz`, with what is wrong; gates that can take events say that they can."""
    for name, value in (CREDENTIALS | KEYS).items():
        monkeypatch.setenv(name, value)
    archive = f"""archive = "s3://nowhere"
archive_references = "s3://nowhere-refs"
archive_endpoint = "{objects.url}"
archive_every = "1s\""""
    one = Gate(tmp_path / "a", database, archive)
    try:
        one.send("u-1")
        errors = json.loads(one.command("check", "--json", code=1))["errors"]
        assert errors[-1]["problem"].endswith("there is no such bucket")
        wait(lambda: any("no such bucket" in note for note in one.runtime.health.notes()), 30)
        wait(lambda: one.runtime.health.problems() == [], 30)
        assert b"gatekeeper_unarchived_bytes" in one.runtime.scrape()
        one.send("u-2")
    finally:
        one.runtime.close(0.0)
