"""After an outage of any length up to an hour, what is queued starts to flow within ten seconds. In virtual time."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.delivery.breaker import CONCURRENT, PROBES
from tests.delivery.virtual import recovery

HOW = ("refuses", "answers 503", "drops", "hangs")


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("outage", [1.0, 20.0, 300.0, 3_600.0], ids=["1s", "20s", "5min", "1h"])
def test_what_is_queued_flows_soon_after_an_outage(how, outage):
    """The first delivery within 10 s, all that waited within 15; and while it lasts the vendor is left in peace."""
    told = recovery(how, outage, every=max(2.0, outage / 60))
    assert told.first <= 10.0 and told.last <= 15.0
    assert told.vendor.most <= CONCURRENT + PROBES
    probes = sum(told.vendor.down + 15.0 <= at < told.vendor.back for at in told.vendor.asked)
    assert probes <= max(0.0, outage - 15.0) / 0.8 + 1
    if outage >= 300:
        assert probes <= outage / 4.0 + 120


@settings(max_examples=15, deadline=None)
@given(
    how=st.sampled_from(HOW),
    outage=st.floats(0.1, 60.0) | st.floats(60.0, 3_600.0),
    timeout=st.sampled_from([1.0, 5.0, 10.0, 30.0, 60.0]),
    queued=st.integers(1, 150),
    every=st.sampled_from([0.5, 7.0, 10_000.0]),
    share=st.floats(0.0, 0.999),
)
def test_no_outage_of_up_to_an_hour_delays_more_than_ten_seconds(how, outage, timeout, queued, every, share):
    """Whatever its length, the timeout, and how much waits or comes meanwhile."""
    told = recovery(
        how, outage, timeout=timeout, queued=queued, every=every if outage < 60 else 60.0, chance=lambda: share
    )
    assert told.first <= max(10.0, timeout + 0.1)  # what is under way already ends by its own timeout; a look follows


def test_a_long_outage_is_asked_about_less_and_less():
    """A day of it: every two minutes at most."""
    told = recovery("refuses", 86_400.0, every=7_200.0, queued=20)
    late = [at for at in told.vendor.asked if 50_000 < at < 80_000]
    assert told.first <= 120.5 and max(b - a for a, b in itertools.pairwise(late)) <= 120.0
    assert len(late) <= 30_000 / 60


def test_a_probe_is_one_event():
    """What a vendor that hangs swallows, if it cannot tell repetitions, is one event a probe."""
    told = recovery("answers 503", 60.0)
    during = [count for at, count in told.vendor.took if at < told.vendor.back]
    assert during == [1]  # the one of before the outage
    first_back = next(count for at, count in told.vendor.took if at > told.vendor.back)
    assert first_back == 1
