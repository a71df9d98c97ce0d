"""GA4: names, limits, the derived client id, the consent object."""

import orjson
import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.vendors import KINDS
from gatekeeper.vendors.ga4 import events as ga4
from tests.builders import DESTINATIONS, NOW, decisions, make_gate, make_policy, own_cookie, plan

GRANTED = [("cookie", own_cookie("analytics"))]


def sent(data, *, name="purchase", headers=GRANTED, **keys):
    gate = make_gate(make_policy(destinations={"ga4": DESTINATIONS["ga4"] | keys}))
    made = plan({"event": name, "data": data}, gate=gate, headers=headers)
    if "ga4" not in made.shaped:
        return decisions(made)["ga4"], None
    shaped = made.shaped["ga4"]
    outgoing = ga4.assemble(gate.policy.destinations["ga4"], shaped.head, [shaped.body])
    return decisions(made)["ga4"], orjson.loads(outgoing.body)


def test_without_client_id_one_is_derived_from_the_session_and_differs_per_destination():
    """Stable for a session, keyed, and named in the decision."""
    decision, body = sent({"session_id": "s1"})
    _, again = sent({"session_id": "s1"})
    _, other = sent({"session_id": "s2"})
    assert decision.derived == ("client_id",)
    assert body["client_id"] == again["client_id"] != other["client_id"]
    gate = make_gate()
    assert gate.keys.derived_id("a", "s1") != gate.keys.derived_id("b", "s1")


def test_without_client_id_and_session_it_is_insufficient():
    """GA4 drops such an event silently; we say so instead."""
    decision, body = sent({"page_url": "/x"})
    assert (decision.reason, body, dict(decision.stripped)) == ("insufficient_data", None, {})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("purchase", "purchase"),
        ("video.play-now", "video_play_now"),
        ("ga_thing", "e_ga_thing"),
        ("x" * 60, "x" * 40),
    ],
)
def test_event_names_are_made_valid(name, expected):
    """Letters, digits, underscores, 40 at most, nothing reserved."""
    assert ga4.event_name(name) == expected


def test_consent_of_ads_follows_the_marketing_permission():
    """GRANTED only where marketing is."""
    for granted, word in ((("analytics",), "DENIED"), (("analytics", "marketing"), "GRANTED")):
        _, body = sent({"session_id": "s"}, headers=[("cookie", own_cookie(*granted))])
        assert body["consent"] == {"ad_user_data": word, "ad_personalization": word}


def test_long_values_are_cut_as_ga4_documents():
    """100 characters, 300 for the title, 1000 for the address."""
    _, body = sent({"session_id": "s", "funnel_step": "f" * 100, "page_title": "t" * 300, "page_url": "/" + "u" * 1500})
    params = body["events"][0]["params"]
    assert [len(params[name]) for name in ("funnel_step", "page_title", "page_location")] == [100, 300, 1000]


def test_an_old_event_is_not_sent():
    """GA4 takes 72 hours; an event that a server reports later is insufficient."""
    gate = make_gate(make_policy(destinations={"ga4": DESTINATIONS["ga4"]}))
    event = {"event": "x", "event_time": NOW - 4 * 86_400, "consent": {"analytics": True}, "data": {"session_id": "s"}}
    made = plan(event, gate=gate, trusted=True)
    assert decisions(made)["ga4"].reason == "insufficient_data"


def test_no_personal_data_can_be_listed_for_ga4():
    """The guide's field table: a policy that names an e-mail for an analytics destination does not load."""
    with pytest.raises(ConfigError, match="covered by marketing"):
        make_policy(destinations={"ga4": DESTINATIONS["ga4"] | {"fields": ["email"]}})


def test_batches_hold_one_visitor():
    """The head carries client id and consent: only events that share both share a request."""
    gate = make_gate(make_policy(destinations={"ga4": DESTINATIONS["ga4"]}))
    heads = {
        plan({"event": "x", "data": {"session_id": s}}, gate=gate, headers=GRANTED).shaped["ga4"].head
        for s in ("s1", "s1", "s2")
    }
    assert len(heads) == 2
    assert KINDS["ga4"].KIND.batch_events == 25
