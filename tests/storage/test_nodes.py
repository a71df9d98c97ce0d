"""What several machines on one PostgreSQL promise, beyond what every store does: `tests/storage/contract.py`."""

import os
import time

import psycopg
import pytest

from gatekeeper.audit.segments import Head
from gatekeeper.errors import ConfigError, StorageError
from gatekeeper.model import Heard
from gatekeeper.model.reasons import WITHDRAWN
from gatekeeper.runtime.health import standing
from gatekeeper.storage.erasing import ErasureRow
from gatekeeper.storage.opening import elsewhere, late, make_ready
from gatekeeper.storage.outbox import Again
from gatekeeper.storage.postgres import commits, schema, writing
from gatekeeper.storage.postgres.checking import findings
from gatekeeper.storage.postgres.commits import Copies
from gatekeeper.storage.postgres.connecting import run
from gatekeeper.storage.postgres.heads import PostgresHeads
from gatekeeper.storage.postgres.machines import machines, remove
from gatekeeper.storage.postgres.node import log_of, name_of
from gatekeeper.storage.postgres.opening import see_tables
from gatekeeper.storage.postgres.passing import LEASE, MARGIN
from gatekeeper.storage.postgres.store import PostgresStore
from gatekeeper.storage.protocols import Bounds, Place
from tests.storage.builders import (
    NOW,
    Log,
    PostgresEngine,
    accept,
    arrival,
    books,
    claim,
    claim_all,
    names,
    put_off,
    settle,
    wait,
)
from tests.storage.server import DATABASES

pytestmark = pytest.mark.engine


@pytest.fixture
def engine(tmp_path):
    """An engine without any machine."""
    engine = PostgresEngine(tmp_path)
    yield engine
    engine.close()


def machine(engine, name, **more):
    """A store on another machine: with a folder of its own."""
    more = {"clock": lambda: engine.at, **more}
    store = PostgresStore(engine.url, engine.here / name, Bounds(("own", "other")), Log(), **more)
    engine.stores.append(store)
    store.members.start()
    return store


def ids(flight):
    return tuple(row.id for row in flight.rows)


def test_every_machine_delivers_and_no_row_goes_twice(engine):
    """Claims exclude each other; a packet may be divided between two machines."""
    one, two = machine(engine, "a"), machine(engine, "b")
    assert one.queue.lead() and two.queue.lead()
    accept(one, *(arrival(f"a{n}") for n in range(10)))
    books(one)
    first = one.queue.claim("own", events=3, size=10**6, flights=1).result(10).flights
    assert len(names(first)) == 3 and sorted(names([*first, *claim(two)])) == [f"a{n}" for n in range(10)]
    assert claim(one) == ()


def test_what_a_machine_had_under_way_is_found_by_another_when_its_lease_is_over(engine):
    """Also what waits there; its settling comes too late and changes nothing."""
    one, two = machine(engine, "a"), machine(engine, "b")
    assert one.queue.lead() and two.queue.lead()
    accept(one, arrival("a"), arrival("b", head=b"1"))
    books(one)
    flying, waits = claim(one)
    again = Again(NOW + 60, 1, ids(waits))
    put_off(one, waits, again)
    number = one.members.number()
    one.members.abandon()

    found = []

    def takes_over():
        left = two.queue.maintain().result(10)
        found.extend([left] if left is not None else [])
        return found

    began = time.monotonic()
    wait(takes_over)
    assert time.monotonic() - began > LEASE / 2, "its lease was not over yet"
    (left,) = found
    assert names(left.flights) == ["a"] and left.waiting == (("own", again),)
    two.queue.claim_again("own", again).result(10)
    with psycopg.connect(engine.url) as link:
        assert link.execute("SELECT count(*) FROM process WHERE no = %s", (number,)).fetchone() == (1,)
    late = PostgresStore(engine.url, engine.here / "a", Bounds(("own", "other")), Log(), clock=lambda: engine.at)
    engine.stores.append(late)
    assert settle(late, flying) is False and books(late).delivered == 0, "it is another's by now"
    assert settle(two, left.flights[0]) is True and books(two).delivered == 1
    assert settle(late, flying) is False and books(late).delivered == 1


def test_a_withdrawal_waits_for_a_silent_process_until_its_lease_is_over_and_says_so(engine):
    """It may begin nothing after: its own clock tells it so, from before it asked for the lease."""
    one, two = machine(engine, "a"), machine(engine, "b")
    assert two.barrier.now() is not None
    two.members.abandon()
    began = time.monotonic()
    done = one.barrier.withdraw(["p_1"], {"own": WITHDRAWN}).result(10)
    took = time.monotonic() - began
    assert done.heard is Heard.EXPIRED and LEASE / 2 < took < LEASE + MARGIN + 2.0
    assert two.barrier.enter() is None and two.barrier.now() is None


def test_a_withdrawal_is_heard_at_once_by_processes_that_answer(engine):
    """By notification, far below the pause between two looks."""
    one, two = machine(engine, "a"), machine(engine, "b")
    took = []
    for n in range(5):
        began = time.monotonic()
        assert one.barrier.withdraw([f"p_{n}"], {"own": WITHDRAWN}).result(10).heard is Heard.HEARD
        took.append(time.monotonic() - began)
        assert two.barrier.now().generation >= one.barrier.now().generation
    assert min(took) < 0.25


def test_a_withdrawal_is_over_as_soon_as_the_request_that_it_waits_for_has_begun(engine):
    """On another machine: it says so then, and not at its next renewal."""
    one, two = machine(engine, "a"), machine(engine, "b")
    took = []
    for n in range(5):
        slot = two.barrier.enter()
        done = one.barrier.withdraw([f"p_{n}"], {"own": WITHDRAWN})
        wait(lambda slot=slot: two.barrier.now().generation > slot.generation)
        assert not done.done()
        began = time.monotonic()
        two.barrier.leave(slot)
        assert done.result(10).heard is Heard.HEARD
        took.append(time.monotonic() - began)
    assert min(took) < 0.25


def test_nothing_begins_without_a_lease(engine):
    """A process that cannot reach the database does not know of withdrawals."""
    one = machine(engine, "a")
    slot = one.barrier.enter()
    one.barrier.leave(slot)
    one.members.abandon()
    assert one.barrier.now() is None and one.barrier.enter() is None
    assert not one.ledger.still(())


def test_a_database_that_went_back_in_time_is_not_used(engine):
    """It has lost what it acknowledged: no event is accepted, nothing that needs a consent begins."""
    one = machine(engine, "a")
    one.barrier.withdraw(["p_1"], {"own": WITHDRAWN}).result(10)
    with psycopg.connect(engine.url, autocommit=True) as link:
        link.execute("UPDATE generation SET n = 1")
    wait(lambda: one.barrier.now() is None)
    assert one.books.failing() == "went back in time"
    with pytest.raises(StorageError, match="went back in time"):
        accept(one, arrival("a"))


def test_a_server_is_not_read_after_one_of_a_higher_timeline_took_a_write(engine, monkeypatch):
    """A new primary may take a write before it gives a lease; what the old one shows then is over."""
    monkeypatch.setattr(writing, "timeline", lambda link: "000000FF")  # of the server that is written to
    store = machine(engine, "a")
    assert store.books.count()["own"].accepted == 0
    accept(store, arrival("a"))
    with pytest.raises(StorageError, match="went back in time"):
        store.books.count()


def test_a_machine_with_other_keys_gets_no_lease(engine):
    """It would name visitors otherwise: a withdrawal and an erasure would find half."""
    machine(engine, "a", keys_checks=("k1", "k0"))
    rotated = machine(engine, "b", keys_checks=("k2", "k1"))
    assert rotated.barrier.now() is not None
    with psycopg.connect(engine.url) as link:
        assert link.execute("SELECT count(*) FROM process").fetchone() == (2,)
    foreign = PostgresStore(engine.url, engine.here / "c", Bounds(("own",)), Log(), keys_checks=("x",))
    engine.stores.append(foreign)
    foreign.members.first = 0.2
    assert foreign.barrier.now() is None and foreign.books.failing() == "another node has other keys"
    with pytest.raises(StorageError, match="no lease"):
        accept(foreign, arrival("a"))


def test_an_event_is_not_accepted_where_two_machines_were_asked_for_and_one_has_it(engine):
    """The server waits for no standby; nothing of the event is kept."""
    one = machine(engine, "a", copies=Copies(2))
    with pytest.raises(StorageError, match="not replicated"):
        accept(one, arrival("a"))
    assert machine(engine, "b", copies=Copies(2, "storage")).intake.accept([arrival("b")]).result(10)
    with psycopg.connect(engine.url) as link:
        assert link.execute("SELECT sum(n) FROM outbox").fetchone() == (1,)


def test_a_commit_of_which_no_answer_came_is_found_and_said_once(engine, broken):
    """The connection broke after it: its lines are written, its rows accepted, a repetition is answered with its id."""
    log = Log()
    one = PostgresStore(engine.url, engine.here / "a", Bounds(("own",)), log, clock=lambda: engine.at)
    engine.stores.append(one)
    accept(one, arrival("x"))
    assert one.queue.lead() and books(one, "own").accepted == 1
    broken.clear()
    with pytest.raises(StorageError):
        accept(one, arrival("a", key=b"k"))
    assert broken == [True]
    wait(lambda: one.queue.maintain().result(10) or books(one).accepted == 2)
    assert [line["request_id"] for line in log.of("decision")] == ["x", "a"]
    assert accept(one, arrival("b", key=b"k")) == ["a"]


def test_a_claim_of_which_no_answer_came_is_claimed_again(engine, broken):
    """No request was begun with it."""
    one = machine(engine, "a")
    accept(one, arrival("a"))
    assert one.queue.lead() and books(one).queued == 1
    broken.clear()
    with pytest.raises(StorageError):
        claim(one)
    assert claim(one) == ()
    wait(lambda: one.queue.maintain().result(10) or names(claim(one)) == ["a"])


@pytest.fixture
def broken(monkeypatch):
    """A list; while it is empty, the next commit succeeds and its answer is lost."""
    lost = [True]

    def cut(link, sql, *values):
        found = run(link, sql, *values)
        if sql == "COMMIT" and not lost:
            lost.append(True)
            link.pgconn.finish()
            raise psycopg.OperationalError("the link is down")
        return found

    monkeypatch.setattr(commits, "run", cut)
    return lost


def test_a_process_that_was_found_to_be_gone_joins_again(engine):
    """It was frozen: what it then does is done under another number."""
    one = machine(engine, "a")
    before = one.members.number()
    with psycopg.connect(engine.url, autocommit=True) as link:
        link.execute("DELETE FROM process")
    assert accept(one, arrival("a")) == ["a"] and one.members.number() != before


def test_a_forked_child_is_another_process(engine):
    """With a lease and connections of its own; its parent's go on."""
    one = machine(engine, "a")
    accept(one, arrival("a"))
    child = os.fork()
    if not child:
        status = 1
        try:
            accept(one, arrival("b"))
            status = 0 if one.barrier.now() is not None else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert accept(one, arrival("c")) == ["c"]
    with psycopg.connect(engine.url) as link:
        assert link.execute("SELECT count(*) FROM process").fetchone() == (2,)


def test_machines_are_listed_and_removed_when_they_are_gone(engine):
    """One that has a lease stays; a destroyed one's log is expected nowhere."""
    machine(engine, "a")
    here = engine.here / "a"
    log = log_of(here)
    heads = PostgresHeads(engine.url, lambda: log)
    heads.keep([Head("s-1", 7, "ab" * 32)])
    (found,) = machines(engine.url)
    assert (found.log, found.processes, found.streams, found.gone) == (log, 1, 1, None)
    with pytest.raises(StorageError, match="it has a lease"):
        remove(engine.url, log, destroyed=True)
    engine.stores.pop().close()
    assert remove(engine.url, log, destroyed=True) and not remove(engine.url, "nothing", destroyed=False)
    assert machines(engine.url)[0].gone == "destroyed" and heads.read() == []


def test_the_ends_of_streams_go_forwards_only(engine):
    """And each machine reads those of its own log."""
    one, two = (PostgresHeads(engine.url, lambda name=name: name) for name in ("one", "two"))
    one.keep([Head("s-1", 7, "ab" * 32), Head("s-2", 1, "cd" * 32)])
    one.keep([Head("s-1", 6, "00" * 32)])
    two.keep([Head("s-3", 1, "ef" * 32)])
    assert one.read() == [Head("s-1", 7, "ab" * 32), Head("s-2", 1, "cd" * 32)]
    assert two.read() == [Head("s-3", 1, "ef" * 32)]


def test_how_the_store_stands_is_counted(engine):
    """For metrics and `readyz`."""
    one, _ = machine(engine, "a"), machine(engine, "b")
    accept(one, arrival("a"))
    books(one)
    found = one.books.standing()
    assert (found.nodes, found.processes, found.behind, found.unwritten) == (2, 2, 0, 0)
    assert 0 < found.lease <= LEASE and found.commit > 0 and found.waited == 0
    assert standing(found) == [] and standing(None) == []
    assert len(standing(found._replace(unwritten=3, waited=90.0, horizon=900.0))) == 2


def test_a_folder_that_was_copied_to_another_machine_is_another_node(tmp_path, monkeypatch):
    """Or each of them would take over what the other has under way."""
    here = name_of(tmp_path)
    assert here == name_of(tmp_path) and log_of(tmp_path) == log_of(tmp_path)
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    assert name_of(tmp_path) != here


def test_tables_that_are_not_there_or_newer_are_refused_with_a_remedy(tmp_path):
    """And made once."""
    server = DATABASES.server()
    server.run("CREATE DATABASE bare")
    place = Place(server.url("bare"), tmp_path, tmp_path)
    try:
        with pytest.raises(ConfigError, match="storage prepare"):
            see_tables(place)
        assert schema.prepare(place.url) == 0 and schema.prepare(place.url) == schema.VERSION
        see_tables(place)
        server.run("UPDATE gatekeeper_schema SET version = 99", "bare")
        with pytest.raises(ConfigError, match="newer Gatekeeper"):
            see_tables(place)
    finally:
        server.run("DROP DATABASE bare")


def test_the_check_names_what_stands_against_a_server_and_what_costs(engine, tmp_path):
    """Each with its remedy."""
    place = Place(engine.url, tmp_path, tmp_path, copies=2)
    errors, warned = findings(place)
    assert len(errors) == 3 and "fsync" in errors[0] and "full_page_writes" in errors[1]
    assert "synchronous_standby_names" in errors[2] and warned == []
    with psycopg.connect(engine.url, autocommit=True) as link:
        link.execute("CREATE TABLE shop_order(id int)")
        try:
            errors, warned = findings(Place(engine.url, tmp_path, tmp_path, copies=1))
        finally:
            link.execute("DROP TABLE shop_order")
    assert len(errors) == 2 and "1 tables of others" in warned[0] and "copies" in warned[1]
    nowhere = Place("postgresql://gate@127.0.0.1:1/gate", tmp_path, tmp_path)
    assert "unreachable" in findings(nowhere)[0][0]


def test_a_role_that_may_only_read_and_write_is_enough(tmp_path):
    """The owner makes the tables, and grants; the gate's role can change none of what the ledger holds."""
    server = DATABASES.server()
    server.run("CREATE ROLE gate LOGIN")
    server.run("CREATE DATABASE roles")
    try:
        schema.prepare(server.url("roles"))
        for statement in schema.grants("gate"):
            server.run(statement, "roles")
        store = PostgresStore(server.url("roles", user="gate"), tmp_path, Bounds(("own",)), Log(), clock=lambda: NOW)
        accept(store, arrival("a"))
        settle(store, *claim(store))
        assert books(store).delivered == 1
        store.queue.maintain().result(10)
        store.close()
        with (
            psycopg.connect(server.url("roles", user="gate")) as link,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            link.execute("UPDATE choice SET marketing = 1")
    finally:
        server.run("DROP DATABASE roles WITH (FORCE)")
        server.run("DROP ROLE gate")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        pytest.param("sqlite:///var/gatekeeper.db", False, id="sqlite"),
        pytest.param("postgresql://gate@db/gate", True, id="postgresql"),
        pytest.param("postgres://gate@db/gate", True, id="django"),
    ],
)
def test_the_url_says_which_engine(url, server):
    """`postgres://` is what Django's and others' DATABASE_URL begin with."""
    assert elsewhere(url) is server


def test_a_request_for_erasure_that_is_late_is_found_on_the_server(engine, tmp_path):
    """For the self-audit, which asks without a gate."""
    one = machine(engine, "a")
    row = ErasureRow("er_1", 0, "open", NOW, None, NOW, "{}")
    assert one.erasures.add(row).result(10) and one.erasures.add(row._replace(id="er_2", state="closed")).result(10)
    place = Place(engine.url, tmp_path, tmp_path)
    assert late(place, NOW + 86_400.0) == [("er_1", NOW)], "when its day is over"
    assert late(place, NOW + 86_399.0) == []


def test_without_the_driver_a_sentence_names_the_extra(monkeypatch, tmp_path):
    """A policy that asks for PostgreSQL is refused, not run on something else."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"psycopg.*gatekeeper-consent\[postgres\]"):
        make_ready(Place("postgresql://gate@db/gate", tmp_path, tmp_path))


def test_what_is_accepted_while_its_person_withdraws_elsewhere_is_never_sent(engine):
    """Whichever of the two is first; the other sees it."""
    one, two = machine(engine, "a"), machine(engine, "b")
    both = []
    for n in range(60):
        decided = one.barrier.now().generation
        arrives = [arrival(f"a{n}-{k}", subjects=[f"p_{n}"])._replace(decided=decided) for k in range(4)]
        both.append((one.intake.accept(arrives), two.barrier.withdraw([f"p_{n}"], {"own": WITHDRAWN})))
        if n % 3 == 0:
            both[-1][1].result(10)
    for accepted, withdrawn in both:
        assert accepted.result(10).request_ids and withdrawn.result(10)
    assert names(claim_all(one)) == [] and books(one).cancelled == 240
