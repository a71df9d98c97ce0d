"""What the host asks a gate outside any event, and what it answers where its store fails."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from gatekeeper.errors import DeliveryError, StorageError
from gatekeeper.gate.suppressing import without_person
from gatekeeper.jurisdiction.place import Found
from gatekeeper.model import Caller, Purpose
from gatekeeper.signals import own
from tests.builders import DESTINATIONS, NOW, make_gate, make_policy, own_cookie, plan

A, M = Purpose.ANALYTICS, Purpose.MARKETING
COOKIE = Caller(headers=((b"cookie", own_cookie("analytics").encode()), (b"sec-gpc", b"1")), address="73.1.2.3")


def gate(**more):
    """One that knows where an address is."""
    return make_gate(make_policy(destinations=DESTINATIONS), lookup={"73.1.2.3": Found("US", "CA")}.get, **more)


@pytest.mark.parametrize(
    ("at", "now"),
    [(NOW, NOW), (NOW + 0.1234, NOW + 0.123), (NOW + 0.0009, NOW), (1.9999, 1.999)],
)
def test_a_gates_time_is_of_milliseconds(at: float, now: float) -> None:
    """And never later than it is."""
    assert gate(clock=lambda: at).now() == pytest.approx(now, abs=1e-9) and gate(clock=lambda: at).now() <= at


def test_where_a_caller_is_and_what_they_say() -> None:
    """By their address and headers, before any event."""
    one = gate()
    there = one.place_of(COOKIE)
    assert (there.country, there.region) == ("US", "CA") and "ccpa" in {law.id for law in there.laws}
    assert one.place_of(Caller()).country is None
    assert [signal.source for signal in one.heard(COOKIE)] == [own.COOKIE, "sec-gpc"] and one.heard(Caller()) == ()
    consent = one.consent_of(COOKIE, NOW)
    assert (consent.rulings[A].permission, consent.rulings[M].reason) == ("granted", "gpc_opt_out")


def test_what_was_withdrawn_is_asked_before_anything_is_decided() -> None:
    """Without a store nothing is sent; one that cannot tell stops everything."""
    one = gate()
    assert one.generation() == one.barrier.now().generation
    one.barrier = SimpleNamespace(now=lambda: None)
    with pytest.raises(DeliveryError, match="it cannot be known what was withdrawn"):
        one.generation()
    one.barrier = None
    assert one.generation() is None


class Broken:
    """A store of suppressed persons, one of whose answers is an error."""

    def __init__(self, *fails: str, lacking: bool = False) -> None:
        self.fails, self.lacking = fails, lacking

    def _do(self, name, answer):
        if name in self.fails:
            raise StorageError("locked")
        return answer

    def any(self):
        """Whether there is an entry."""
        return self._do("any", True)

    def keys(self, known):
        """The keys that are lacking."""
        return self._do("keys", frozenset({"x0"} if self.lacking else ()))

    def of(self, hashes):
        """The entries of these."""
        return self._do("of", [])


@pytest.mark.parametrize(
    ("store", "logged"),
    [(Broken("any"), True), (Broken("keys"), True), (Broken("of"), True), (Broken(lacking=True), False)],
    ids=["any", "keys", "of", "a-lost-key"],
)
def test_where_it_cannot_be_known_who_is_suppressed_everything_optional_is_denied(store, logged, caplog) -> None:
    """For events and for a caller without one; the log says why, and nothing of the visitor."""
    one = gate()
    one.suppressing._store = store  # noqa: SLF001  # no gate is built with a store that is broken
    with caplog.at_level(logging.ERROR):
        consent = one.consent_of(COOKIE, NOW)
        made = plan(
            {"event": "purchase", "data": {"session_id": "s"}}, gate=one, headers=[("cookie", own_cookie("analytics"))]
        )
    assert {consent.rulings[purpose].reason for purpose in (A, M)} == {"consent_unreadable"}
    assert made.consent.rulings[A].reason == "consent_unreadable" and "ga4" not in made.shaped
    assert {record.getMessage() for record in caplog.records} == (
        {"it cannot be known who is suppressed (locked)"} if logged else set()
    )


def test_a_visitor_of_whom_there_is_no_entry_is_as_everybody() -> None:
    """Though there are entries of others."""
    one = gate()
    one.suppressing._store = Broken()  # noqa: SLF001  # as above
    assert one.consent_of(COOKIE, NOW).rulings[A].permission == "granted"


def test_an_event_without_its_person_has_no_identifier() -> None:
    """They are stripped as after an opt-out; an event that has none is the same."""
    one = gate()
    made = plan({"event": "a", "data": {"page_url": "/", "colour": 1}}, gate=one).event
    assert without_person(made, one.policy.catalogue) is made
    made = plan(
        {"event": "a", "data": {"page_url": "/", "session_id": "s", "email": "a@b.co", "colour": 1}}, gate=one
    ).event
    bare = without_person(made, one.policy.catalogue)
    assert set(bare.data) == {"page_url"}
    assert set(bare.unusable.values()) == {"unknown_field", "opt_out"} and bare.unusable["session_id"] == "opt_out"
    assert set(made.data) - set(bare.data) == {name for name, cause in bare.unusable.items() if cause == "opt_out"}
