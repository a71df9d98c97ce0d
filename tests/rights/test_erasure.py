"""Erasure from the request to the end: order, states, receipts, and that nothing of the person is left."""

import pytest

from tests.rights import people
from tests.rights.erasing import FINAL, POLICY, Office

JANE = {"user_id": "u-jane-canary", "client_id": "GA1.1.777.888", "email": "jane.canary@example.com"}


@pytest.fixture
def runtime(tmp_path):
    """A gate with four destinations, at which nobody answers."""
    with people.running(tmp_path, POLICY) as made:
        yield made


@pytest.fixture
def office(runtime):
    """Requests at that gate."""
    return Office(runtime)


def visit(runtime, subject="v_jane", n=3, **data):
    for one in range(n):
        people.send(
            runtime.gate,
            {"page_url": "/a", "order_value": 1.0 + one, "session_id": f"s-{subject}", **JANE, **data},
            headers=people.cookie("analytics", "marketing", subject=subject),
        )


def test_a_request_goes_through_every_state_in_order(runtime, office, tmp_path):
    """To the end, with each destination as far as its vendor says."""
    visit(runtime)
    erasure = office.approved(**JANE)
    told = office.run(erasure)
    assert told["state"] == "asked" and told["suppressed"]
    assert list(told["times"]) == ["received", "verified", "found", "approved", "suppressed", "local_erased", "asked"]
    office.clock.days(1)
    office.run(erasure)
    office.clock.days(1)
    office.run(erasure)
    assert office.states(erasure) == FINAL
    office.erasures.settle(erasure, "ads", by="ann", state="confirmed", evidence="ticket 7781")
    assert office.erasures.show(erasure)["state"] == "settled"
    assert office.erasures.told(erasure, by="ann")["state"] == "told"
    office.clock.days(8)
    assert office.run(erasure)["state"] == "closed"
