"""The course of one call: recorded before it is sent, with an outcome however it ends, by both of its drivers."""

import asyncio

import orjson
import pytest
from msgspec import structs

from gatekeeper.delivery.permit import Withheld
from gatekeeper.errors import DeliveryError, StorageError
from gatekeeper.gate.carry import carry, carry_async, course, record_call
from gatekeeper.model import Answer
from tests.builders import DESTINATIONS, make_gate, make_policy
from tests.native.kit import granting, vector

GRANTED = ("analytics", "marketing")


def _waiting(steps, record, send):
    return carry(steps, record, send)


def _looping(steps, record, send):
    async def recorded(plan):
        return record(plan)

    async def sent(outgoing):
        return send(outgoing)

    return asyncio.run(carry_async(steps, recorded, sent))


@pytest.fixture(params=[_waiting, _looping], ids=["a client that waits", "a client on a loop"])
def drive(request):
    """A driver of courses."""
    return request.param


def call(*granted):
    """A gate, and the plan of a call to Meta by a visitor who granted this."""
    gate = make_gate(make_policy(destinations={"meta": DESTINATIONS["meta_capi"]}))
    return gate, granting(gate, "meta", vector("meta-capi-python-sdk"), *granted)


def outcomes(gate):
    """Status and reason of each outcome line."""
    return [(line["status"], line.get("reason")) for line in gate.recorder.lines if line.get("kind") == "outcome"]


def test_a_call_is_recorded_then_sent_then_finished(drive):
    """In this order, each once; and the answer is the vendor's, as the caller may see it."""
    gate, plan = call(*GRANTED)
    seen = []

    def send(outgoing):
        seen.append(("send", outgoing, len(gate.recorder.lines)))
        return Answer(200, (), b'{"events_received":1}')

    def record(planned):
        seen.append(("record", planned))
        record_call(gate, planned).result()

    carried = drive(course(gate, plan, str), record, send)
    assert seen == [("record", plan), ("send", plan.outgoing, 1)]
    assert carried.answer is not None and carried.answer.status == 200
    assert outcomes(gate) == [("delivered", None)]


def test_a_blocked_call_is_recorded_and_not_sent(drive):
    """The caller gets the stand-in; there is no outcome to tell."""
    gate, plan = call()
    carried = drive(course(gate, plan, str), lambda one: record_call(gate, one).result(), _never)
    assert (carried.plan, carried.answer) == (plan, plan.answer)
    assert len(gate.recorder.lines) == 1 and outcomes(gate) == []


def test_what_could_not_be_recorded_is_not_sent(drive):
    """The plan that comes true says so."""
    gate, plan = call(*GRANTED)
    gate.recorder.broken = True
    carried = drive(course(gate, plan, str), lambda one: record_call(gate, one).result(), _never)
    assert carried.plan.outgoing is None and carried.plan.reason == "audit_unavailable"
    assert carried.answer == plan.answer


def test_a_store_that_fails_sends_nothing_and_says_so(drive):
    """What a visitor refuses may still be queued: the caller hears of it."""
    gate, plan = call(*GRANTED)

    def record(one):
        raise StorageError("the outbox cannot be written")

    with pytest.raises(StorageError):
        drive(course(gate, plan, str), record, _never)
    assert outcomes(gate) == []


@pytest.mark.parametrize("error", [DeliveryError("timeout"), asyncio.CancelledError("timeout"), OSError("timeout")])
def test_what_sending_raises_is_recorded_and_raised_again(drive, error):
    """With the word that its client finds for it."""
    gate, plan = call(*GRANTED)

    def send(outgoing):
        raise error

    with pytest.raises(type(error)):
        drive(course(gate, plan, lambda one: f"{one}"), lambda one: record_call(gate, one).result(), send)
    assert outcomes(gate) == [("failed", "timeout")]


def test_a_call_whose_consent_is_withdrawn_before_its_first_byte_is_cancelled(drive):
    """The plan that comes true says so, and the caller gets the stand-in."""
    gate, plan = call(*GRANTED)
    put = []

    def send(outgoing):
        raise Withheld

    carried = drive(course(gate, plan, str, put.extend), lambda one: record_call(gate, one).result(), send)
    assert carried.answer == plan.answer
    assert (carried.plan.outgoing, carried.plan.reason) == (None, "consent_withdrawn")
    assert outcomes(gate) == []  # they were put elsewhere
    (line,) = [orjson.loads(one.core) for one in put]
    assert (line["status"], line["reason"], line["destination"]) == ("cancelled", "consent_withdrawn", "meta")
    assert line["request_ids"] == [one.request_id for one in plan.plans]


@pytest.mark.parametrize("error", [None, DeliveryError("timeout")], ids=["an answer", "none"])
def test_outcomes_go_where_they_are_to_go(drive, error):
    """To the recorder, or to who asks for them."""
    gate, plan = call(*GRANTED)
    put = []

    def send(outgoing):
        if error is not None:
            raise error
        return Answer(200, (), b'{"events_received":1}')

    try:
        drive(course(gate, plan, str, put.extend), lambda one: record_call(gate, one).result(), send)
    except DeliveryError:
        assert error is not None
    assert outcomes(gate) == [] and len(put) == 1


def test_an_answer_that_cannot_be_read_is_recorded_as_unknown(drive):
    """The vendor has the call; what it said of it is not known."""
    gate, plan = call(*GRANTED)

    class Broken:
        """A format whose answers cannot be read."""

        def read_answer(self, answer, count):
            raise ZeroDivisionError

    plan = structs.replace(plan, dialect=Broken())
    carried = drive(course(gate, plan, str), lambda one: record_call(gate, one).result(), lambda one: Answer(200))
    assert carried.answer is None
    assert outcomes(gate) == [("failed", "unknown")]


def _never(outgoing):
    raise AssertionError("nothing may be sent")
