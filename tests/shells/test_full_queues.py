"""A full queue is its vendor's own: the others go on, the answer names it, and a repetition may deliver it."""

import threading
import time

import httpx
import pytest

from gatekeeper.gate.recompute import differences, recompute
from gatekeeper.model.reasons import WITHDRAWN
from tests.running import API_KEY, running
from tests.shells.test_relay import PROTOCOL, PURCHASE, consent

KEY = {"Authorization": f"Bearer {API_KEY}"}
HELD = {"status": 503, "headers": {"Retry-After": "3600"}, "times": 99}


def event(n, **more):
    return {
        "event": "purchase", "event_id": f"order-{n}", "consent": {"analytics": True},
        "data": {"session_id": "s"}, **more,
    }  # fmt: skip


def full_of(up, answer):
    """Whether an answer names the destination; the others have delivered what they had."""
    deadline = time.monotonic() + 60
    while up.runtime.store.books.count()["ga4"].queued:
        assert time.monotonic() < deadline
    assert answer.status_code == 202 and ("not_queued" in answer.json()) == ("retry-after" in answer.headers)
    return "own" in answer.json().get("not_queued", [])


@pytest.fixture(params=["sidecar", "middleware"])
def up(request, tmp_path):
    """Eight places a queue, and a vendor that takes nothing for now."""
    with running(request.param, tmp_path, delivery={"max_queued": 8}) as gate:
        gate.sims.first_party.answer(**HELD)
        yield gate


def test_one_full_queue_leaves_the_others_alone(up):
    """The destination that is full is blocked in the line; the rest of the same event is delivered."""
    for n in range(6):
        assert not full_of(up, up.post(event(n)))
    answer = up.post(event(6))
    assert full_of(up, answer)
    record = up.record(answer)
    assert up.statuses(record)["own"] == "queue_full" and up.statuses(record)["ga4"] == "delivered"


def test_a_repetition_is_delivered_where_there_was_no_room(up):
    """And nowhere twice: a full queue does not make the event a known one."""
    for n in range(6):
        up.post(event(n))
    assert full_of(up, up.post(event(6))) and full_of(up, up.post(event(6)))
    up.runtime.store.barrier.withdraw(subjects(up), {"own": WITHDRAWN}).result(10)  # now there is room
    answer = up.post(event(6))
    assert not full_of(up, answer)
    (request_id,) = answer.json()["request_ids"]
    deadline = time.monotonic() + 60
    while "duplicate_event" not in (
        ends := [one["reason"] for one in up.lines() if request_id in one.get("request_ids", ())]
    ):
        assert time.monotonic() < deadline, ends
    (line,) = [one for one in up.lines() if one.get("request_id") == request_id]
    assert up.statuses(line)["own"] == "pending"
    while up.runtime.store.books.count()["own"].queued != 1:
        assert time.monotonic() < deadline
    assert not full_of(up, again := up.post(event(6))) and again.json() != answer.json()
    assert up.runtime.store.books.count()["own"].queued == 1


def subjects(up):
    """The pseudonyms in the decision lines."""
    return {one for line in up.lines() for one in line.get("subjects", ())}


def test_what_anybody_sends_cannot_fill_a_queue_for_the_operators_servers(up):
    """A quarter of it is theirs."""
    answers = [full_of(up, up.post(event(n))) for n in range(20)]
    assert answers == [False] * 6 + [True] * 14
    assert [full_of(up, up.post(event(n), headers=KEY)) for n in range(3)] == [False, False, True]


def test_a_request_is_kept_for_a_destination_together_or_not(up):
    """A batch that does not fit leaves no half of it behind."""
    assert full_of(up, up.post([event(n) for n in range(7)]))
    assert not full_of(up, up.post([event(n) for n in range(6)]))


def test_a_decision_that_found_no_room_can_be_made_again(up):
    """From its line alone: it was permitted, and there was no room."""
    for n in range(7):
        answer = up.post(event(n))
    (request_id,) = answer.json()["request_ids"]
    (record,) = [line for line in up.lines() if line.get("request_id") == request_id]
    assert up.statuses(record)["own"] == "queue_full"
    assert differences(record, recompute(record, up.runtime.policy)) == []


def test_calls_that_cannot_wait_are_recorded_and_answered_503(tmp_path):
    """Of each class as many wait as may be under way; other destinations are not concerned."""
    with running("sidecar", tmp_path, delivery={"timeout": "3s", "max_concurrent": 1}) as gate:
        gate.sims.ga4.hang(times=9)
        headers = consent(gate, analytics=True)

        def call():
            with httpx.Client(base_url=gate.url, trust_env=False, timeout=60) as client:
                answers.append(client.post(PROTOCOL, json=PURCHASE, headers=headers))

        answers: list[httpx.Response] = []
        threads = [threading.Thread(target=call) for _ in range(4)]
        threads[0].start()
        gate.sims.ga4.wait(1)
        for thread in threads[1:]:
            thread.start()
        for thread in threads:
            thread.join()
        told = [answer.headers["gatekeeper-decision"] for answer in answers]
        assert told.count("blocked; reason=queue_full") == 2
        refused = [one for one in answers if one.headers["gatekeeper-decision"].startswith("blocked")]
        assert all(one.status_code == 503 and one.headers["retry-after"] == "5" for one in refused)
        lines = [line for line in gate.lines() if line["kind"] == "decision"]
        assert [one["reason"] for line in lines for one in line["deliveries"] if one["status"] == "blocked"].count(
            "queue_full"
        ) == 2
        assert gate.post(event(1)).status_code == 202
