"""How much callers may ask for in a minute: who counts with whom, and what is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.errors import ConfigError
from gatekeeper.model import Caller
from gatekeeper.policy.load import parse_policy
from gatekeeper.policy.tables.server import LimitsTable
from gatekeeper.runtime.limits import Limits

TABLE = LimitsTable(
    events=20, bytes="10KB", address_events=10, address_bytes="1KB", consents=3, trusted_events=30, trusted_bytes="1MB"
)
HERE, BESIDE, AWAY = (Caller(address=one) for one in ("91.20.1.1", "91.20.1.77", "91.20.2.1"))
NOWHERE, PRIVATE, TRUSTED = Caller(), Caller(address="10.0.0.7"), Caller(trusted=True)


def admitted(limits, caller, count, what="events", now=0.0, size=0):
    """How many of so many requests count."""
    return sum(limits.over(what, caller, now, size=size) is None for _ in range(count))


@pytest.mark.parametrize(
    ("caller", "allowed"),
    [
        pytest.param(HERE, 10, id="its network's"),
        pytest.param(NOWHERE, 20, id="an unknown address counts in all"),
        pytest.param(PRIVATE, 20, id="a private address is no visitor's own"),
        pytest.param(TRUSTED, 30, id="a trusted caller counts with trusted callers"),
    ],
)
def test_a_caller_has_its_rate_and_no_more(caller, allowed):
    """Requests of one instant."""
    assert allowed == admitted(Limits(TABLE), caller, 100)


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        pytest.param("91.20.1.1", "91.20.1.77", 0, id="the same /24"),
        pytest.param("91.20.1.1", "91.20.2.1", 10, id="another /24"),
        pytest.param("2a02:908:1:100::1", "2a02:908:1:1ff::2", 0, id="the same /56"),
        pytest.param("2a02:908:1:100::1", "2a02:908:1:200::1", 10, id="another /56"),
        pytest.param("91.20.1.1", "::ffff:91.20.1.9", 0, id="IPv4 in IPv6"),
    ],
)
def test_a_network_counts_as_one(first, second, left):
    """Of the second address, after the first has used up its rate."""
    limits = Limits(TABLE)
    admitted(limits, Caller(address=first), 10)
    assert left == admitted(limits, Caller(address=second), 100)


def test_all_networks_together_have_a_rate():
    """Three of them want 30."""
    limits = Limits(TABLE)
    assert sum(admitted(limits, one, 10) for one in (HERE, AWAY, Caller(address="80.1.1.1"))) == 20


def test_a_trusted_caller_is_not_harmed_by_anonymous_ones():
    """Nor the other way round."""
    limits = Limits(TABLE)
    admitted(limits, NOWHERE, 100)
    assert admitted(limits, TRUSTED, 100) == 30


def test_the_answer_says_when_to_come_back():
    """And then it is admitted."""
    limits = Limits(TABLE)
    admitted(limits, HERE, 10)
    wait = limits.over("events", HERE, 0.0)
    assert 1 <= wait <= 60
    assert limits.over("events", HERE, float(wait)) is None


def test_bytes_count_as_well_as_events():
    """Ten requests of 300 bytes are over 1 KB."""
    assert admitted(Limits(TABLE), HERE, 10, size=300) == 4


def test_events_of_one_body_count_each():
    """One request of ten leaves nothing."""
    limits = Limits(TABLE)
    assert limits.over("events", HERE, 0.0) is None
    limits.more(HERE, 9, 0.0)
    assert limits.over("events", HERE, 0.0) is not None


def test_grants_have_a_rate_of_their_own():
    """Events go on."""
    limits = Limits(TABLE)
    assert admitted(limits, HERE, 5, "consents") == 3
    assert limits.over("events", HERE, 0.0) is None


def test_what_is_refused_does_not_count():
    """Who keeps trying is admitted as early as who waits."""
    limits = Limits(TABLE)
    admitted(limits, HERE, 1_000)
    assert admitted(limits, HERE, 1_000, now=30.0) == 5


def test_workers_have_a_share_each():
    """Of two workers, half."""
    assert admitted(Limits(TABLE, workers=2), HERE, 100) == 5


def test_each_request_over_a_rate_is_heard_of():
    """With what it asked for and by which rate it was refused."""
    heard = []
    limits = Limits(TABLE, counted=lambda *what: heard.append(what))
    admitted(limits, HERE, 12)
    admitted(limits, TRUSTED, 31)
    assert heard == [("events", "address")] * 2 + [("events", "trusted")]


def test_no_address_is_kept():
    """Networks are remembered as keyed digests."""
    limits = Limits(TABLE)
    limits.over("events", HERE, 0.0)
    kept = repr(list(limits._networks._cache))
    assert "91.20" not in kept and str(0x5B1401) not in kept and len(limits._networks) == 1


def test_a_new_policy_counts_from_what_was_used():
    """A reload fills nothing up."""
    limits = Limits(TABLE)
    admitted(limits, HERE, 10)
    limits.table = TABLE.model_copy(update={"address_events": 12})
    assert admitted(limits, HERE, 5) == 0
    assert admitted(limits, HERE, 50, now=30.0) == 6


@given(st.lists(st.tuples(st.floats(-50, 200), st.integers(0, 2_000)), max_size=60))
def test_no_minute_has_more_than_twice_its_rate(requests):
    """Whatever the clock does: what is there at its start, and what comes in meanwhile, and one body that overdraws."""
    limits, counted, high, passed = Limits(TABLE), 0, 0.0, 0.0
    now = 0.0
    for step, size in requests:
        now += step
        passed += max(0.0, step)
        high += size if limits.over("events", NOWHERE, now, size=size) is None else 0
        counted = high
    assert counted <= 10_000 * (1 + passed / 60) + 2_000


def test_one_body_must_have_room():
    """A budget below `max_body` would refuse what the policy permits."""
    tables = {"policy": {"version": "1", "controller": "c"}, "limits": {"bodies": "1KB"}}
    with pytest.raises(ConfigError, match=r"limits\.bodies: 1000 bytes is not enough for one body"):
        parse_policy(tables)
