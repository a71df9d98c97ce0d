"""The vendors' bad days: every delivery ends in exactly one state, whatever happens while it is under way."""

import asyncio
import json
import threading
import time
from contextlib import contextmanager

import pytest

from gatekeeper.testing import Simulators
from gatekeeper.vendors import KINDS
from tests.builders import DESTINATIONS
from tests.delivery.builders import delivering
from tests.storage.builders import opened, wait, withdraw

NOT_SENT = {"endpoint": "http://127.0.0.1:9/events", "kind": "first_party"}


@pytest.fixture
def sims():
    with Simulators(only=("first_party", "ga4", "meta_capi")) as running:
        yield running


def names(received):
    """Event names a first-party endpoint got."""
    return [event["n"] for one in received for event in json.loads(one.body)["events"]]


def body(n):
    return b'{"n":%d}' % n


def test_what_was_accepted_is_delivered_once(tmp_path, sims):
    """Two hundred events, in batches."""
    with delivering(tmp_path, sims) as at:
        for n in range(20):
            at.accept(*(f"{n}a{k}" for k in range(10)))
        at.until_idle()
        assert at.books().delivered == 200 and len(at.ended()) == 200
        assert sum(len(json.loads(one.body)["events"]) for one in sims.first_party.received) == 200
        assert len(sims.first_party.received) < 60


def test_what_was_queued_before_the_start_is_delivered(tmp_path, sims):
    """A restart loses nothing."""
    with delivering(tmp_path, sims, start=False) as at:
        at.accept("a", "b")
    with delivering(tmp_path, sims) as at:
        at.until_idle()
        assert at.ended() == {"a": ("delivered", None), "b": ("delivered", None)}


def test_a_failing_vendor_is_asked_again_and_every_request_has_its_line(tmp_path, sims):
    """Pending with the reason, then delivered."""
    sims.first_party.answer(status=503, times=2)
    with delivering(tmp_path, sims) as at:
        at.accept("a")
        at.until_idle()
        lines = [(line["status"], line["reason"], line["attempts"]) for line in at.log.of("outcome")]
    assert lines == [("pending", "http_503", 1), ("pending", "http_503", 2), ("delivered", None, 3)]


def test_a_vendor_that_cannot_be_reached_does_not_use_up_attempts(tmp_path, sims):
    """It can be down for a day: the event waits, until it is too old."""
    with delivering(tmp_path, sims, destinations={"down": NOT_SENT}) as at:
        at.accept("a", to="down")
        at.wait(lambda: at.books("down").retried >= 3)
        assert at.books("down").queued == 1


def test_a_dead_vendor_delays_no_other(tmp_path, sims):
    """It hangs; the other is served meanwhile."""
    sims.meta_capi.hang(times=100)
    meta = {"kind": "meta_capi", "pixel_id": "1", "access_token": "t", "endpoint": sims.meta_capi.url}
    with delivering(tmp_path, sims, destinations={"meta": meta}, timeout=30.0) as at:
        at.accept(*(f"h{n}" for n in range(50)), to="meta")
        sims.meta_capi.wait(1)
        started = time.monotonic()
        at.accept(*(f"d{n}" for n in range(50)))
        at.wait(lambda: at.books().delivered == 50)
        assert time.monotonic() - started < 5 and at.books("meta").queued == 50


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_is_final_and_kept_as_a_dead_letter(tmp_path, sims, status):
    """Trying again would not help; the operator may."""
    sims.first_party.answer(status=status)
    with delivering(tmp_path, sims) as at:
        at.accept("a")
        at.until_idle()
        assert at.ended() == {"a": ("failed", f"http_{status}")} and len(sims.first_party.received) == 1
        (letter,) = at.store.dead_letters.page()
        at.store.dead_letters.retry([letter.id]).result(10)
        at.deliverer.wake()
        at.until_idle()
        assert at.ended() == {"a": ("delivered", None)}


def test_an_event_that_became_too_old_is_not_sent(tmp_path, sims):
    """Below the vendor's own limit; the younger one of the same batch goes."""
    with delivering(tmp_path, sims, start=False) as at:
        at.accept("old", at=time.time() - 31 * 86_400)
        at.accept("young")
        at.deliverer.start()
        at.until_idle()
        assert at.ended() == {"old": ("failed", "expired"), "young": ("delivered", None)}
        assert at.books().expired == 1


def test_a_policy_can_let_events_expire_earlier(tmp_path, sims):
    """`expires`."""
    short = {"kind": "first_party", "endpoint": sims.first_party.url, "expires": "1h"}
    with delivering(tmp_path, sims, destinations={"short": short}) as at:
        at.accept("a", to="short", at=time.time() - 3_700)
        at.until_idle()
        assert at.ended() == {"a": ("failed", "expired")}


@pytest.mark.parametrize("poison", [0, 37, 99])
def test_one_poison_in_a_hundred_costs_at_most_fourteen_further_requests(tmp_path, sims, poison, monkeypatch):
    """I15: 99 are delivered."""
    monkeypatch.setattr(sims.first_party, "take", refusing(sims.first_party, {poison}))
    with delivering(tmp_path, sims, start=False) as at:
        for n in range(100):
            at.accept(f"{n}", body=body(n))
        at.deliverer.start()
        at.until_idle()
        assert at.books().delivered == 99 and at.books().dead == 1
        assert at.ended()[f"{poison}"] == ("failed", "http_400")
        assert len(sims.first_party.received) <= 15


def test_three_poisons_are_all_found(tmp_path, sims, monkeypatch):
    """And 97 are delivered."""
    monkeypatch.setattr(sims.first_party, "take", refusing(sims.first_party, {3, 50, 51}))
    with delivering(tmp_path, sims, start=False) as at:
        for n in range(100):
            at.accept(f"{n}", body=body(n))
        at.deliverer.start()
        at.until_idle()
        dead = {int(name) for name, (status, _) in at.ended().items() if status == "failed"}
        assert dead == {3, 50, 51} and at.books().delivered == 97


def test_a_refusal_of_everything_is_not_divided_for_ever(tmp_path, sims):
    """A wrong pixel id: a few requests, then all are dead letters."""
    sims.first_party.answer(status=400, times=1000)
    with delivering(tmp_path, sims, start=False) as at:
        at.accept(*(f"{n}" for n in range(100)))
        at.deliverer.start()
        at.until_idle()
        assert at.books().dead == 100 and len(sims.first_party.received) < 25


def test_what_a_killed_deliverer_had_under_way_is_sent_again_where_the_vendor_dedupes(tmp_path, sims):
    """`unknown` first, then delivered: at least once."""
    with delivering(tmp_path, sims, start=False) as at:
        at.accept("a")
        at.store.queue.claim("own", events=9, size=9999, flights=1).result(10)
    with delivering(tmp_path, sims) as at:
        at.until_idle()
        lines = [(line["status"], line["reason"]) for line in at.log.of("outcome")]
    assert lines == [("pending", "unknown"), ("delivered", None)]


def test_what_a_killed_deliverer_had_under_way_to_ga4_is_unknown(tmp_path, sims):
    """Nothing tells a repeated hit from a new one: a named state, and the operator may retry."""
    ga4 = {"kind": "ga4", "measurement_id": "G-T", "api_secret": "s", "endpoint": sims.ga4.url}
    with delivering(tmp_path, sims, start=False, destinations={"ga4": ga4}) as at:
        at.accept("a", to="ga4", head=b'{"client_id":"c"}')
        at.store.queue.claim("ga4", events=9, size=9999, flights=1).result(10)
    with delivering(tmp_path, sims, destinations={"ga4": ga4}) as at:
        at.until_idle()
        assert at.ended() == {"a": ("failed", "unknown")} and sims.ga4.received == ()
        assert [letter.why for letter in at.store.dead_letters.page()] == ["unknown"]


def test_a_request_that_got_no_answer_is_tried_again_only_where_the_vendor_dedupes(tmp_path, sims):
    """The vendor may have it."""
    ga4 = {"kind": "ga4", "measurement_id": "G-T", "api_secret": "s", "endpoint": sims.ga4.url}
    sims.ga4.reset(times=1)
    sims.first_party.reset(times=1)
    with delivering(tmp_path, sims, destinations={"ga4": ga4}) as at:
        at.accept("a", to="ga4", head=b'{"client_id":"c"}')
        at.accept("b")
        at.until_idle()
        assert at.ended() == {"a": ("failed", "unknown"), "b": ("delivered", None)}


def test_a_bug_in_a_kind_fails_its_batch_once_and_the_next_is_delivered(tmp_path, sims, monkeypatch):
    """Not the destination."""
    with delivering(tmp_path, sims) as at:
        with monkeypatch.context() as broken:
            broken.setattr(KINDS["first_party"], "read_answer", lambda answer, count: ())
            at.accept("a")
            at.until_idle()
        at.accept("b")
        at.until_idle()
        assert at.ended() == {"a": ("failed", "internal_error"), "b": ("delivered", None)}


def test_a_stop_leaves_what_waits_in_the_queue(tmp_path, sims):
    """It is durable; the next start goes on with it."""
    sims.first_party.answer(status=503, headers={"Retry-After": "3600"})
    with delivering(tmp_path, sims) as at:
        at.accept("a")
        at.wait(lambda: at.books().retried == 1)
    with delivering(tmp_path, sims) as at:
        assert at.books().queued == 1
        assert at.ended() == {}


def test_a_request_under_way_at_the_stop_is_unknown(tmp_path, sims):
    """It hangs beyond the drain."""
    sims.first_party.hang()
    with delivering(tmp_path, sims, timeout=30.0) as at:
        at.accept("a")
        sims.first_party.wait(1)
        at.deliverer.close(drain=0.1)
        assert at.ended() == {"a": ("pending", "unknown")}
        assert at.books().queued == 1


def test_a_second_worker_takes_over_when_the_first_stops(tmp_path, sims):
    """One deliverer per node, by a lock that the kernel frees."""
    with delivering(tmp_path, sims) as first:
        first.wait(lambda: first.deliverer.leading)
        with delivering(tmp_path, sims) as second:
            second.accept("a")
            first.wait(lambda: first.books().delivered == 1)
            assert not second.deliverer.leading
            first.deliverer.close()
            second.wait(lambda: second.deliverer.leading)
            second.accept("b")
            second.wait(lambda: second.books().delivered == 2)


def test_what_is_cancelled_under_way_is_in_no_further_request(tmp_path, sims, monkeypatch):
    """A poisoned batch is being divided when a person withdraws, through another worker: at once is at once."""
    asked = []

    def before(message):
        if len(asked) == 1:
            with opened(tmp_path, names=("own",)) as other:
                assert withdraw(other, "p_7") == 0
        asked.append([event["n"] for event in json.loads(message.body)["events"]])

    monkeypatch.setattr(sims.first_party, "take", refusing(sims.first_party, {0}, before))
    with delivering(tmp_path, sims, start=False) as at:
        for n in range(8):
            at.accept(f"{n}", body=body(n), subjects=[f"p_{n}"])
        at.deliverer.start()
        at.until_idle()
        assert at.ended()["0"] == ("failed", "http_400") and at.ended()["7"] == ("cancelled", "consent_withdrawn")
        assert at.books().delivered == 6 and at.books().cancelled == 1
    assert 7 in asked[0] and not any(7 in numbers for numbers in asked[2:])


def test_retry_after_holds_back_the_whole_destination(tmp_path, sims):
    """A vendor that says 429 is not asked by the next event."""
    sims.first_party.answer(status=429, headers={"Retry-After": "3600"})
    with delivering(tmp_path, sims) as at:
        at.accept("a")
        at.wait(lambda: at.books().retried == 1)
        at.accept("b")
        time.sleep(0.3)
        assert len(sims.first_party.received) == 1 and at.books().queued == 2


def refusing(sim, poisons, before=lambda message: None):
    """The simulator's own turn-taking, but a batch with a poison in it is refused whole; `before` hears of each."""
    real = sim.take

    def take(message):
        seconds, reply = real(message)
        before(message)
        events = json.loads(message.body)["events"]
        if poisons & {event["n"] for event in events}:
            from gatekeeper.model import Answer

            return seconds, Answer(400)
        return seconds, reply

    return take


def test_nothing_of_what_was_delivered_is_left_in_any_file_a_few_seconds_later(tmp_path, sims):
    """While the gate runs on: not in the database, and not in its write-ahead log."""
    sims.first_party.answer(status=503, times=1)  # one batch waits for another attempt, and is gone then, too
    with delivering(tmp_path, sims) as at:
        for n in range(40):
            at.accept(*(f"{n}a{k}" for k in range(10)), body=b'{"n":1,"secret":"CANARY%s"}' % (b"x" * 97 * n))
        at.until_idle()
        assert at.books().delivered == 400

        def left():
            return [path.name for path in tmp_path.rglob("*") if path.is_file() and b"CANARY" in path.read_bytes()]

        assert left(), "or the test would show nothing"
        at.wait(lambda: not left(), 5.0)
        at.accept("later")
        at.until_idle()
        at.wait(lambda: at.books().delivered == 401)


def test_a_gate_that_is_never_idle_cuts_its_write_ahead_log_all_the_same(tmp_path, sims, monkeypatch):
    """Once a minute."""
    monkeypatch.setattr("gatekeeper.storage.upkeep.CUT", 0.5)
    monkeypatch.setattr("gatekeeper.storage.upkeep.QUIET", 1e9)
    with delivering(tmp_path, sims) as at:
        at.accept("a", body=b'{"n":"CANARY"}')
        at.until_idle()

        def left():
            at.accept(f"b{time.monotonic()}")
            return [path.name for path in tmp_path.rglob("*") if path.is_file() and b"CANARY" in path.read_bytes()]

        at.wait(lambda: not left(), 8.0)


def test_what_cannot_be_sent_is_dead_at_once(tmp_path, sims):
    """Trying again would not help; it is our own fault, and the destination is not blamed for it."""
    own = DESTINATIONS["own"] | {"endpoint": "http://127.0.0.1:99999"}
    with delivering(tmp_path, sims, destinations={"own": own}) as it:
        it.accept("a")
        it.until_idle()
        assert it.ended() == {"a": ("failed", "internal_error")}


async def _cancelled():
    """As `asyncio.run` ends."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def living(deliverer):
    """A server's loop, in a thread, that the deliverer lives on."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    deliverer.live_on(loop)
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(_cancelled(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_on_a_loop_that_runs_already_it_has_no_thread_of_its_own(tmp_path, sims):
    """The sidecar's: it delivers, ends when it is told to, and begins again with the next event."""
    before = set(threading.enumerate())  # other tests' gates may live beside
    with delivering(tmp_path, sims, start=False) as at, living(at.deliverer):
        for name in ("a", "b"):
            at.deliverer.start()
            at.accept(name)
            at.until_idle()
            assert "gatekeeper-delivery" not in {thread.name for thread in {*threading.enumerate()} - before}
            at.deliverer.close(drain=1.0)
            assert not at.deliverer.leading
        assert at.books().delivered == 2


def test_told_to_end_on_its_own_loop_it_does_not_wait_for_itself(tmp_path, sims):
    """A host that closes the gate out of a coroutine: the call returns, and delivery ends a moment later."""
    with delivering(tmp_path, sims, start=False) as at, living(at.deliverer) as loop:
        at.deliverer.start()
        wait(lambda: at.deliverer.leading)

        async def close():
            at.deliverer.close(drain=5.0)

        began = time.monotonic()
        asyncio.run_coroutine_threadsafe(close(), loop).result(4)
        wait(lambda: not at.deliverer.leading)
        assert time.monotonic() - began < 4


def test_when_its_loop_is_closed_it_goes_on_in_a_thread(tmp_path, sims):
    """A server that was thrown out of its loop: the next event begins again, and nothing waits for ever."""
    with delivering(tmp_path, sims, start=False) as at:
        with living(at.deliverer):
            at.deliverer.start()
            wait(lambda: at.deliverer.leading)
        at.deliverer.start()
        at.accept("a")
        at.until_idle()
        assert at.books().delivered == 1
