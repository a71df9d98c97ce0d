"""What is taken back of the queue, once for each, and what waits for it."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from gatekeeper.consent.resolve import resolve
from gatekeeper.errors import StorageError
from gatekeeper.gate.refusals import merged, of_arrivals, refusal, then_swept
from gatekeeper.model import Permission, Purpose
from gatekeeper.signals import tcf
from gatekeeper.storage.outbox import Arrival, Refusal
from tests.builders import EVERY_KIND, NOW, law, make_policy, place, said
from tests.signals.encoders import tc_string, vendor_field

TO = make_policy(destinations=EVERY_KIND).destinations.values()
A = {one.name for one in TO if one.purpose is Purpose.ANALYTICS}
M = {one.name for one in TO if one.purpose is Purpose.MARKETING}
EVER = float("inf")
BOTH = {"analytics": True, "marketing": True}


def consent(*signals):
    return resolve(signals, place(law()), at=NOW, event_time=NOW, max_age=None)


def taken_back(*signals, subjects=("s1",), event_time=NOW):
    return refusal(consent(*signals), subjects, TO, at=NOW, event_time=event_time)


@pytest.mark.parametrize(
    ("says", "reasons"),
    [
        (BOTH, {}),
        ({}, {}),
        ({"analytics": True, "marketing": False}, dict.fromkeys(M, "no_marketing_consent")),
        ({"analytics": False, "marketing": True}, dict.fromkeys(A, "no_analytics_consent")),
        (
            {"analytics": False, "marketing": False},
            dict.fromkeys(A, "no_analytics_consent") | dict.fromkeys(M, "no_marketing_consent"),
        ),
    ],
    ids=["grant", "silence", "marketing", "analytics", "both"],
)
def test_what_a_refusal_takes_back(says, reasons) -> None:
    """The deliveries to destinations of the refused purpose, and to no other."""
    found = taken_back(said("cmp", **says))
    assert found == (Refusal(("s1",), reasons, EVER) if reasons else None)


@pytest.mark.parametrize(
    ("event_time", "until"), [(NOW, EVER), (NOW + 1, EVER), (NOW - 1, NOW - 1)], ids=["now", "later", "of the past"]
)
def test_an_event_of_the_past_takes_back_what_happened_up_to_then(event_time, until) -> None:
    """What the visitor permitted since stays."""
    assert taken_back(said("cmp", marketing=False), event_time=event_time).until == until


def test_nothing_is_taken_back_without_a_person_or_a_consent() -> None:
    """Where the gate failed there is no consent; a visitor without an id has nothing that could be found."""
    assert taken_back(said("cmp", marketing=False), subjects=()) is None
    assert refusal(None, ("s1",), TO, at=NOW, event_time=NOW) is None
    assert taken_back() is None


GOOGLE = {one.name: one.purpose for one in TO if one.vendor_id == 755}


@pytest.mark.parametrize(("vendors", "refused"), [([755], False), ([1, 2], True), ([], True)])
def test_a_vendor_that_a_tc_string_refuses_loses_what_is_queued_for_it(vendors, refused) -> None:
    """Where its purpose is granted; vendors without an id, and destinations of another vendor, go by the purpose."""
    string = tc_string(purposes=range(1, 11), vendors=vendor_field(vendors), disclosed=vendor_field([755, 1, 2]))
    found = taken_back(tcf.read(string))
    reasons = {name: f"no_{purpose}_consent" for name, purpose in GOOGLE.items()}
    assert GOOGLE and found == (Refusal(("s1",), reasons, EVER) if refused else None)


def arrival(n, refuses=None):
    return Arrival(f"r{n}", None, (), None, (), refuses)


def test_what_a_request_refuses_spares_what_it_says_later() -> None:
    """The same refusal twice is the later one; others stand beside it."""
    one, other = Refusal(("s1",), {"a": "x"}), Refusal(("s1",), {"b": "x"})
    found = of_arrivals([arrival(0, one), arrival(1), arrival(2, other), arrival(3, one), arrival(4)])
    assert found == [
        one._replace(spared=frozenset({"r4"})),
        other._replace(spared=frozenset({"r3", "r4"})),
    ]
    late = one._replace(until=NOW)
    assert len(of_arrivals([arrival(0, one), arrival(1, late), arrival(2, one._replace(subjects=("s2",)))])) == 3
    assert of_arrivals([arrival(0), arrival(1)]) == []


def test_the_refusals_of_a_calls_elements_are_merged() -> None:
    """Each once: same persons, same destinations, same time."""
    one = Refusal(("s1",), {"a": "x"})
    others = [one._replace(subjects=("s2",)), one._replace(reasons={"b": "x"}), one._replace(until=NOW)]
    assert merged([None, one, *others, None, one]) == [one, *others]
    assert merged([None]) == []


def done(value=None, error=None):
    future: Future = Future()
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
    return future


def test_a_sweep_begins_after_what_is_recorded_and_is_waited_for() -> None:
    """The sweep begins when the first has ended, not before; the result is the first's."""
    first, last, begun = Future(), Future(), []
    both = then_swept(first, lambda: begun.append(1) or last)
    assert not begun and not both.done()
    first.set_result("kept")
    assert begun and not both.done()
    last.set_result(3)
    assert both.result(timeout=0) == "kept"


def test_where_nothing_is_to_be_swept_the_record_alone_is_waited_for() -> None:
    """Then it is done with the first."""
    assert then_swept(done("kept"), lambda: None).result(timeout=0) == "kept"


def test_after_a_record_that_fails_nothing_is_swept() -> None:
    """The sweep is not begun, and the record's error is the answer."""
    begun = []
    both = then_swept(done(error=StorageError("full")), lambda: begun.append(1) or done())
    with pytest.raises(StorageError, match="full"):
        both.result(timeout=0)
    assert not begun


@pytest.mark.parametrize("raises", [False, True], ids=["later", "at-once"])
def test_a_sweep_that_fails_is_told(raises) -> None:
    """Who waits hears of it, whether it could not begin or did not end well."""

    def sweep():
        if raises:
            raise StorageError("locked")
        return done(error=StorageError("locked"))

    with pytest.raises(StorageError, match="locked"):
        then_swept(done("kept"), sweep).result(timeout=0)


def test_who_stops_waiting_cancels_nothing() -> None:
    """The answer is given up, the refusal is not."""
    assert not then_swept(Future(), lambda: None).cancel()


def test_the_words_of_the_fixture_are_what_they_are_called() -> None:
    """Both purposes have a destination, or the tables above would be empty."""
    assert A and M and consent(said("cmp", **BOTH)).rulings[Purpose.MARKETING].permission is Permission.GRANTED
