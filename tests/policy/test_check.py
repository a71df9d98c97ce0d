"""Warnings: what is allowed, but questionable."""

import json

import pytest

from gatekeeper.policy.check import warnings
from gatekeeper.policy.file import json_schema
from tests.builders import DESTINATIONS, make_policy

OWN = {"kind": "first_party", "endpoint": "https://own.example"}


def warned(**tables):
    return warnings(make_policy(**tables))


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        pytest.param({}, "destinations.meta_capi.dpa: missing", id="missing-dpa"),
        pytest.param({}, "destinations.errors.lia: missing", id="missing-lia"),
        pytest.param({}, "destinations.ga4.api_secret: a secret is written in clear", id="clear-secret"),
        pytest.param(
            {"fields": {"plan": {"purposes": ["analytics"]}}}, "fields.plan: no destination", id="unused-field"
        ),
        pytest.param({}, "policy.currency: missing", id="no-currency"),
        pytest.param({}, "policy.phone_region: missing; telephone numbers for meta_capi", id="no-phone-region"),
        pytest.param(
            {"destinations": {"own": OWN | {"events": []}}},
            "destinations.own.events: no event reaches it; name one; or say whose protocol its calls are in",
            id="neither-events-nor-speaks",
        ),
        pytest.param({"destinations": {}}, "destinations: there is none", id="no-destination"),
        pytest.param(
            {"server": {"api_keys": ["3f9a0c5d7e1b2846" * 2]}},
            "server.api_keys: a secret is written in clear",
            id="clear-key",
        ),
        pytest.param({}, "jurisdiction: neither", id="no-law"),
        pytest.param({}, "server.trusted_proxies: empty", id="no-proxies"),
        pytest.param(
            {
                "jurisdiction": {"always": ["gdpr"]},
                "destinations": {"ga4": DESTINATIONS["ga4"] | {"regions": ["DE"]}},
            },
            "server.trusted_proxies: empty",
            id="no-proxies-and-regions",
        ),
        pytest.param(
            {"destinations": {"e": {"kind": "sentry", "endpoint": "https://e.example"}}},
            "destinations.e.dsn: missing",
            id="no-dsn",
        ),
        pytest.param(
            {"destinations": {"o": {"kind": "first_party", "endpoint": "http://o.example"}}},
            "destinations.o.endpoint: is not encrypted",
            id="not-encrypted",
        ),
    ],
)
def test_a_questionable_policy_is_warned_about(tables, expected):
    """Each warning begins with the key it is about."""
    assert any(line.startswith(expected) for line in warned(**tables))


@pytest.mark.parametrize(
    "tables",
    [
        pytest.param({"server": {"trusted_proxies": ["10.0.0.0/8"]}}, id="declared"),
        pytest.param({"server": {"trusted_proxies": ["unix"]}}, id="declared-socket"),
        pytest.param({"jurisdiction": {"always": ["gdpr"]}}, id="one-law-for-everybody"),
    ],
)
def test_nobody_is_asked_for_proxies_where_they_are_declared_or_the_place_decides_nothing(tables):
    """A warning that is always there is read by no operator."""
    assert not any(line.startswith("server.trusted_proxies") for line in warned(**tables))


def test_a_policy_with_everything_in_order_has_no_warnings():
    """The list can be emptied."""
    complete = {
        "ga4": DESTINATIONS["ga4"] | {"dpa": "x", "api_secret": {"env": "HOME"}},
        "errors": {"kind": "sentry", "dsn": "https://a@e.example/1", "lia": "x", "dpa": "x"},
        "product": {
            "kind": "first_party",
            "speaks": "posthog",
            "endpoint": "https://ph.example",
            "api_key": {"env": "HOME"},
        },
    }
    from gatekeeper.policy.load import parse_policy
    from tests.builders import policy_data

    policy = parse_policy(
        policy_data(
            policy={"version": "1", "controller": "x", "currency": "EUR"},
            destinations=complete,
            jurisdiction={"always": ["gdpr"]},
        ),
        environ={"HOME": "a-secret"},
    )
    assert warnings(policy) == []


@pytest.mark.parametrize(
    ("speaks", "endpoint", "company"),
    [
        ("posthog", "https://eu.i.posthog.com", "PostHog"),
        ("posthog", "https://posthog.shop.example", None),
        ("posthog", "https://notposthog.com", None),
        ("mixpanel", "https://api-eu.mixpanel.com", "Mixpanel"),
        ("segment", "https://cdp.shop.example", "Twilio Segment"),
        ("matomo", "https://shop.matomo.cloud", "InnoCraft"),
        ("matomo", "https://shop.example/stats", None),
    ],
)
def test_who_runs_a_product_for_others_is_a_processor(speaks, endpoint, company):
    """By its hosts; what runs at the operator's own needs no agreement."""
    asked = warned(destinations={"product": {"kind": "first_party", "speaks": speaks, "endpoint": endpoint}})
    about = [line for line in asked if line.startswith("destinations.product.dpa")]
    sentence = f"destinations.product.dpa: missing; name the data processing agreement with {company} (GDPR article 28)"
    assert about == ([] if company is None else [sentence])


def test_the_schema_knows_every_kind_and_key():
    """Editors complete and check from it."""
    text = json.dumps(json_schema())
    for word in ("measurement_id", "pixel_id", "trusted_proxies", "on_opt_out", "max_age", "first_party"):
        assert word in text
