"""One contract for every queue and scheduler, with the real libraries and real workers."""

import pytest

from gatekeeper import context
from gatekeeper.signals.context import LIFETIME
from tests.integrations.conftest import heard
from tests.integrations.libraries import LIBRARIES


@pytest.fixture(params=LIBRARIES, scope="module")
def jobs(request):
    """A library in use."""
    with LIBRARIES[request.param]().used() as used:
        yield used


def test_a_job_works_for_the_visitor_in_whose_request_it_was_sent(shop, jobs):
    """After the request has ended; and the next one for its own, or for nobody."""
    with shop.request_of("anna"):
        jobs.send()
    assert heard(1) == ["anna"]
    with shop.request_of("bert"):
        jobs.send()
    assert heard(1) == ["bert"]
    jobs.send()
    assert heard(1) == ["nobody"]


def test_a_token_that_expired_on_the_way_denies_and_the_job_is_done(shop, jobs, caplog):
    """One warning per place, without a value."""
    with shop.request_of("anna"):
        token = context.dump()
    now = shop.runtime.gate.clock()
    shop.runtime.gate.clock = lambda: now + LIFETIME + 1
    jobs.send(token)
    jobs.send(token)
    assert heard(2) == ["nobody", "nobody"]
    (said,) = [one for one in caplog.messages if "works for a carried visitor" in one]
    assert "has expired" in said and "anna" not in said


@pytest.mark.parametrize("token", ["forged", "a.b.c", 17, ["list"]])
def test_a_forged_token_denies_and_the_job_is_done(shop, jobs, caplog, token):
    """Whatever stands in its place."""
    jobs.send(token)
    assert heard(1) == ["nobody"]
    assert [one for one in caplog.messages if "works for a carried visitor" in one]


def test_a_worker_without_a_gate_does_its_jobs(shop, jobs, caplog, monkeypatch):
    """And says what is missing."""
    with shop.request_of("anna"):
        token = context.dump()
    monkeypatch.setattr(context.here, "_installed", [])
    jobs.send(token)
    assert heard(1) == ["no gate"]
    assert [one for one in caplog.messages if "no gate runs in this process; call gatekeeper.start()" in one]
