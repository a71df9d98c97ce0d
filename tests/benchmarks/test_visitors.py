"""The day of a shop that the harness sends: many visitors, the same for everybody, and nothing that flatters."""

import json

import pytest

from benchmarks import gates, samples, visitors
from benchmarks.rows import ours
from benchmarks.scenarios import collect
from tests.builders import decisions, plan

NOW = 1_795_478_400.0


def test_a_day_has_many_visitors_and_is_the_same_again():
    """Hundreds of people, every event of a shop, within GA4's three days; no request is another's copy."""
    day = list(visitors.day(NOW))
    assert day == list(visitors.day(NOW)) != list(visitors.day(NOW, seed=29))
    assert len(day) == visitors.REQUESTS and len({step.visitor.ga for step in day}) > 0.9 * visitors.VISITORS
    assert len({step.page for step in day}) > 0.9 * visitors.PAGES and len({step.order for step in day}) == len(day)
    assert {step.event for step in day} == {"page_view", "view_item", "add_to_cart", "begin_checkout", "purchase"}
    assert all(0 < NOW - step.at <= 86_400 + 1_000 for step in day)


@pytest.mark.parametrize("body_of", [visitors.event, visitors.ga4_call, visitors.meta_call, visitors.new_shape])
def test_every_request_has_a_field_that_nobody_listed(body_of):
    """What must not be sent is in each of them, so that whoever does not filter is seen."""
    found = [json.dumps(body_of(step)) for step in visitors.day(NOW)]
    assert len(set(found)) == len(found) and all(samples.STRIPPED in one for one in found)


def test_every_event_goes_to_every_destination():
    """So many the harness waits for, of each contestant: what a destination cannot take would be called lost."""
    gate, days = gates.gate(samples.DESTINATIONS), list(visitors.day(NOW))[::10]
    for step in days:
        made = plan(visitors.event(step), gate=gate, headers=[("cookie", step.visitor.cookie)])
        assert {name: one.reason for name, one in decisions(made).items()} == dict.fromkeys(samples.DESTINATIONS)
    assert len({step.event for step in days}) == 5
    assert [one.events for one in collect.SCENARIO.contestants] == [len(samples.DESTINATIONS)] * 6


def test_a_new_shape_has_a_name_that_no_other_call_has():
    """Nothing that is kept by shape helps with them."""
    names = [frozenset(visitors.new_shape(step)["events"][0]["params"]) for step in visitors.day(NOW)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("GA4: nginx", "GA4: gatekeeper"), ("Meta: nginx", "Meta: gatekeeper"),
        ("GA4: walker, one visitor", "GA4: gatekeeper, one visitor"),
        ("GA4: gatekeeper, one visitor", "GA4: gatekeeper"),
    ],
)  # fmt: skip
def test_each_stands_beside_ours_with_the_same_input(name, beside):
    """Many visitors beside many, one beside one, and ours with other input beside ours with the usual."""
    contestants = dict.fromkeys(["GA4: gatekeeper", "GA4: gatekeeper, one visitor", "Meta: gatekeeper", name])
    assert ours(name, contestants) == beside
