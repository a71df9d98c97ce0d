"""The past that the demo makes up: by the real gate, the same for one seed, provable, no more than is missing."""

import collections
import time

import pytest

from gatekeeper.audit import read, segments
from gatekeeper.audit.verify import verify
from gatekeeper.demo import history
from gatekeeper.demo.crowd import COUNTRIES, Act, visitors
from gatekeeper.demo.stage import VENDOR_SECRET, stage
from gatekeeper.geoip.reader import Locations
from gatekeeper.policy import load_policy

BEGIN, END = 1_800_000_000.0, 1_800_000_480.0
ENVIRON = VENDOR_SECRET | {"GATEKEEPER_DEMO_ADMIN": "0123456789abcdef" * 4}


@pytest.fixture(scope="module")
def policy_of(tmp_path_factory):
    """The demo's policy in a folder of its own."""

    def made(name):
        folder = tmp_path_factory.mktemp(name)
        with stage(folder) as up:
            path = up.policy_path
        return load_policy(path, environ=ENVIRON)

    return made


@pytest.fixture(scope="module")
def past(policy_of):
    """Eight minutes that was made up, its policy and what was told of it."""
    policy = policy_of("past")
    return policy, history.make(policy, begin=BEGIN, end=END, seed=7, environ=ENVIRON)


def lines(policy):
    """All lines that were decided in the period that was made up."""
    return [line for segment in read.files(policy.audit_folder) for line in read.parse(segments.lines(segment))]


def shape(policy):
    """What lines say, without what is random: ids, keys and what is named by them."""
    found = collections.Counter()
    for line in lines(policy):
        if line["kind"] == "decision":
            sent = tuple((one["destination"], one["status"], one.get("reason")) for one in line["deliveries"])
            found[line["timestamp"], line["event_type"], line["country"], line["notice_version"], sent] += 1
        elif line["kind"] == "consent":
            found[line["timestamp"], line["method"], line["surface"], str(line["choices"])] += 1
        elif line["kind"] == "outcome":
            found[line["timestamp"], line["destination"], line["status"], line["reason"], len(line["request_ids"])] += 1
    return found


def test_a_seed_makes_one_past(past, policy_of):
    """Decisions, choices and what became of deliveries are the same, to the second; another seed makes another one."""
    again = policy_of("again")
    history.make(again, begin=BEGIN, end=END, seed=7, environ=ENVIRON)
    assert shape(again) == shape(past[0])
    assert visitors(8, BEGIN, END) != visitors(7, BEGIN, END) == visitors(7, BEGIN, END)


def test_it_can_be_proven_like_any_other(past):
    """The chain, the signatures and the database agree."""
    found = verify(past[0].audit_folder)
    assert not found.problems


def test_it_has_what_a_console_shows(past):
    """Places, consents, refusals, Sec-GPC, two notices, outages, and people's requests in several states."""
    policy, told = past
    found = lines(policy)
    decisions = [line for line in found if line["kind"] == "decision"]
    assert told.events == len(decisions) and told.choices == sum(line["kind"] == "consent" for line in found)
    assert {"DE", "FR", "GB", "US", "BR"} <= {line["country"] for line in decisions}
    assert any(line["gpc"]["honoured"] for line in decisions)
    assert {"2026-10", "2026-11"} <= {line["notice_version"] for line in decisions}
    assert len({line["policy"]["hash"] for line in decisions}) == 2
    reasons = {one.get("reason") for line in decisions for one in line["deliveries"]}
    assert {"no_marketing_consent", "no_analytics_consent", "gpc_opt_out"} <= reasons
    ended = collections.Counter((line["destination"], line["status"]) for line in found if line["kind"] == "outcome")
    assert ended["ga4", "delivered"] and ended["tiktok", "delivered"] and ended["meta_capi", "failed"]
    assert any(line["attempts"] > 1 for line in found if line["kind"] == "outcome" and line["destination"] == "tiktok")
    assert told.requests == 4 and sum(line["kind"] == "admin" for line in found) >= 6


def test_only_what_the_log_does_not_have_is_made_up(past, policy_of):
    """From where it ends, so that a second start adds nothing; and never into a gate that runs."""
    empty = policy_of("empty")
    assert history.since(empty, time.time() + 7_200, 60) == pytest.approx(time.time() + 3_600, abs=60)
    assert history.since(past[0], END + 600, 60) == pytest.approx(END, abs=30)
    assert history.since(past[0], END + 60, 60) is None


def test_a_country_is_where_its_visitors_are():
    """Every network of the list is in that place, by the bundled database."""
    where = Locations()
    for name, one in COUNTRIES.items():
        for last in (1, 128, 254):
            found = where(f"{one.network}.{last}")
            assert "-".join(filter(None, (found.country, found.region if "-" in name else None))) == name


def test_nobody_is_asked_where_nothing_is_to_be_asked():
    """There visitors opt out, and do nothing else about consent; elsewhere they answer."""
    acts = collections.defaultdict(set)
    for step in visitors(1, BEGIN, BEGIN + 7_200):
        acts[COUNTRIES[step.visitor.place].asked].add(step.act)
    assert acts == {True: {Act.EVENT, Act.CHOOSE, Act.WITHDRAW}, False: {Act.EVENT, Act.OPT_OUT}}
