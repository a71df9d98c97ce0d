"""A policy loads, or says in one sentence per fault which key, which value and what would be right."""

import tomllib

import pytest

from gatekeeper import ConfigError, load_policy
from gatekeeper.policy.load import parse_policy
from tests.builders import DESTINATIONS, make_policy, policy_data

SMALLEST = """
[policy]
version = "2026-11-23"
controller = "Example Shop GmbH"

[audit]
path = "var/audit"

[storage]
url = "sqlite:///var/gatekeeper.db"

[destinations.ga4]
kind = "ga4"                       # purpose, fields, endpoint, batching come from the kind
measurement_id = "G-XXXX"
api_secret = { env = "GA4_API_SECRET" }

[destinations.errors]
kind = "sentry"
purpose = "necessary"
endpoint = "https://errors.example.com"
"""


def test_the_designs_smallest_file_loads(tmp_path):
    """DESIGN section 7; paths in it are relative to the file."""
    path = tmp_path / "gatekeeper.toml"
    path.write_text(SMALLEST)
    policy = load_policy(path, environ={"GA4_API_SECRET": "s"})
    assert policy.audit_folder == tmp_path / "var/audit"
    assert policy.destinations["ga4"].endpoint == "https://www.google-analytics.com"
    assert policy.destinations["ga4"].secret("api_secret") == "s"


def faults(**tables):
    with pytest.raises(ConfigError) as caught:
        make_policy(**tables)
    return list(caught.value.problems)


def one(name="ga4", **keys):
    return {"destinations": {name: DESTINATIONS[name] | keys}}


FAULTS = [
    pytest.param(
        {"policy": {"version": "1"}}, "policy.controller: missing; add it", id="missing"
    ),
    pytest.param(
        {"polcy": {}}, 'polcy: unknown key; did you mean "policy"?', id="unknown-table"
    ),
    pytest.param(
        {"server": {"prot": 1}}, 'server.prot: unknown key; did you mean "port"?', id="unknown-key"
    ),
    pytest.param(
        one(measurment_id="G-1"),
        'destinations.ga4.measurment_id: unknown key; did you mean "measurement_id"?',
        id="unknown-key-of-a-kind",
    ),
    pytest.param(
        one(measurement_id="UA-1"),
        "destinations.ga4.measurement_id: 'UA-1' is not a GA4 measurement id: those begin with G- (UA- was Universal "
        "Analytics, which ended); copy it from the web stream's settings",
        id="pattern",
    ),
    pytest.param(
        one(purpose="ads"),
        "destinations.ga4.purpose: 'ads' is not known; use 'necessary', 'analytics' or 'marketing'",
        id="no-purpose",
    ),
    pytest.param(
        one(purpose="necessary"),
        'destinations.ga4.purpose: "necessary" is not a purpose ga4 can have; use analytics',
        id="necessary-is-no-loophole",
    ),
    pytest.param(
        one("meta_capi", purpose="analytics"),
        'destinations.meta_capi.purpose: "analytics" is not a purpose meta_capi can have; use marketing',
        id="advertising-needs-marketing",
    ),
    pytest.param(
        one("meta_capi", fields=["scroll_depth"]),
        'destinations.meta_capi.fields: "scroll_depth" is covered by analytics, not by the purpose "marketing"; '
        "remove it",
        id="field-outside-the-purpose",
    ),
    pytest.param(
        one(fields=["page_ulr"]),
        'destinations.ga4.fields: "page_ulr" is not in the catalogue; did you mean "page_url"?',
        id="unknown-field",
    ),
    pytest.param(
        one("errors", fields=["order_value"]),
        'destinations.errors.fields: "order_value" is covered by analytics, marketing, not by the purpose "necessary"; '
        "remove it",
        id="field-outside-necessary",
    ),
    pytest.param(
        one("meta_capi", on_opt_out="contextual"),
        'destinations.meta_capi.on_opt_out: "contextual" does not work for meta_capi: '
        "without identifiers its vendor refuses the event; use block",
        id="contextual-needs-a-vendor-that-takes-it",
    ),
    pytest.param(
        {"destinations": {"x": {"kind": "nope"}}},
        'destinations.x.kind: "nope" is not a kind; use one of ga4, meta_capi, google_ads, tiktok, sentry, '
        "first_party, http_json, pinterest, snap, linkedin, microsoft, reddit, x",
        id="unknown-kind",
    ),
    pytest.param(
        one(api_secret={"env": "NOT_SET_ANYWHERE"}),
        "destinations.ga4.api_secret: the environment variable NOT_SET_ANYWHERE is not set; set it before starting",
        id="missing-secret",
    ),
    pytest.param(
        one(api_secret=5), 'destinations.ga4.api_secret: is not a secret; write { env = "NAME" }', id="no-secret"
    ),
    pytest.param(
        one(regions=["Germany"]),
        'destinations.ga4.regions: "Germany" is not a country; write ISO 3166-1 codes such as "FR", '
        'or "US-CA" for a subdivision',
        id="no-region",
    ),
    pytest.param(
        one(endpoint="ftp://x"),
        "destinations.ga4.endpoint: 'ftp://x' is not an address such as https://shop.example/path; "
        "write it without user, query and fragment",
        id="no-url",
    ),
    pytest.param(
        {"server": {"trusted_proxies": ["10.0.0/8"]}},
        'server.trusted_proxies: "10.0.0/8" is not a network; write it as "10.0.0.0/8" or "2001:db8::/32"',
        id="no-network",
    ),
    pytest.param(
        {"server": {"origins": ["*"]}},
        'server.origins: "*" is not an origin; write https://shop.example',
        id="no-star-origin",
    ),
    pytest.param(
        {"server": {"app_upstream": "http://127.0.0.1:8000/app"}},
        'server.app_upstream: "http://127.0.0.1:8000/app" is not an origin; write http://127.0.0.1:8000',
        id="no-upstream-with-a-path",
    ),
    pytest.param(
        {"server": {"hosts": ["shop.example:443"]}},
        'server.hosts: "shop.example:443" is not a host name; write shop.example, without a port',
        id="no-host-with-a-port",
    ),
    pytest.param(
        {"server": {"max_body": "1 apple"}},
        "server.max_body: '1 apple' is not a size; write a number and a unit, such as 64KiB or 1MiB",
        id="no-size",
    ),
    pytest.param(
        {"consent": {"max_age": 365}},
        "consent.max_age: 365 is not a duration; write a number and a unit, such as 90s, 15m, 24h or 365d",
        id="no-duration",
    ),
    pytest.param(
        {"events": {"x": {"destinations": ["gaa4"]}}},
        'events.x.destinations: "gaa4" is not a destination; did you mean "ga4"?',
        id="unknown-destination",
    ),
    pytest.param(
        {"fields": {"email": {"purposes": ["analytics"]}}},
        "fields.email: is already in the catalogue; choose another name",
        id="catalogue-field",
    ),
    pytest.param(
        {"policy": {"version": "1", "controller": "x", "currency": "EURO"}},
        'policy.currency: "EURO" is not a currency; use an ISO 4217 code such as EUR',
        id="no-currency",
    ),
    pytest.param(
        {"destinations": {"own": DESTINATIONS["own"] | {"speaks": "mixpannel"}}},
        "destinations.own.speaks: 'mixpannel' is not known; use 'plausible', 'matomo', 'umami', 'posthog', 'snowplow', "
        "'segment', 'rudderstack', 'mixpanel' or 'amplitude'",
        id="no-protocol",
    ),
    pytest.param(
        {"destinations": {"own": DESTINATIONS["own"] | {"api_key": "k"}}},
        "destinations.own: `api_key` goes into calls: say whose protocol they are in with `speaks`",
        id="key-without-protocol",
    ),
    pytest.param(
        {
            "destinations": {"own": DESTINATIONS["own"] | {"speaks": "posthog"}},
            "events": {"purchase": {"destinations": ["own"]}},
        },
        'events.purchase.destinations: "own" takes calls only (kind first_party), not events; remove it',
        id="event-to-calls-only",
    ),
    pytest.param(
        {"destinations": {"own": DESTINATIONS["own"] | {"speaks": "posthog", "on_opt_out": "contextual"}}},
        'destinations.own.on_opt_out: "contextual" does not work for first_party: '
        "without identifiers its vendor refuses the event; use block",
        id="contextual-without-ids",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("tables", "sentence"), FAULTS)
def test_a_fault_names_key_value_and_remedy(tables, sentence):
    """Exactly one sentence for one fault."""
    assert faults(**tables) == [sentence]


def test_an_unknown_law_is_refused():
    """By its id, with the nearest there is."""
    (sentence,) = faults(jurisdiction={"always": ["gdprr"]})
    assert sentence == 'jurisdiction.always: "gdprr" is not a law; did you mean "gdpr"?'


def test_all_faults_are_told_at_once():
    """Nobody wants to fix a file one error at a time."""
    assert len(faults(jurisdiction={"always": ["a"], "default": "b"}, server={"origins": ["*"]})) == 3


def test_a_secret_is_never_shown():
    """Neither in a fault nor in a repr."""
    secret = "hunter2-hunter2"
    (sentence,) = faults(destinations={"ga4": DESTINATIONS["ga4"] | {"api_secret": [secret]}})
    assert secret not in sentence
    policy = make_policy(destinations={"ga4": DESTINATIONS["ga4"] | {"api_secret": secret}})
    assert secret not in repr(policy) and secret not in repr(policy.destinations["ga4"])


def test_a_file_that_is_not_there_or_not_toml_is_one_sentence(tmp_path):
    """With the path and what to do."""
    with pytest.raises(ConfigError, match="gatekeeper init"):
        load_policy(tmp_path / "nothing.toml")
    (tmp_path / "bad.toml").write_text("[policy")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_policy(tmp_path / "bad.toml")


def test_the_hash_is_of_the_meaning_not_of_the_text():
    """Comments, order and secrets change nothing; a field more does."""
    first = parse_policy(tomllib.loads(SMALLEST), environ={"GA4_API_SECRET": "a"})
    second = parse_policy(tomllib.loads("# hello\n" + SMALLEST), environ={"GA4_API_SECRET": "b"})
    third = parse_policy(tomllib.loads(SMALLEST.replace("G-XXXX", "G-YYYY")), environ={"GA4_API_SECRET": "a"})
    assert first.hash == second.hash != third.hash


def test_a_field_of_ones_own_can_be_sent():
    """[fields.*] adds to the catalogue."""
    policy = parse_policy(
        policy_data(
            fields={"plan": {"purposes": ["analytics"]}},
            destinations={"own": DESTINATIONS["own"] | {"fields": ["plan"]}},
        ),
        environ={},
    )
    assert policy.destinations["own"].fields == {"plan"}


def test_what_speaks_a_protocol_takes_calls_and_no_events():
    """Neither by default, nor as an event that a destination's own `events` names."""
    product = DESTINATIONS["own"] | {"speaks": "posthog", "events": ["purchase"]}
    policy = make_policy(destinations=DESTINATIONS | {"product": product})
    for event in ("purchase", "page_view", "error", "any other"):
        assert "product" not in [to.name for to in policy.destinations_for(event)]


@pytest.mark.parametrize(("speaks", "ids"), [("plausible", {"user_agent"}), ("segment", {"client_id", "user_id"})])
def test_a_product_has_the_ids_it_needs_by_default(speaks, ids):
    """And the operator's own list replaces them."""
    own = DESTINATIONS["own"]
    plain = make_policy(destinations={"own": own}).destinations["own"].fields
    assert make_policy(destinations={"own": own | {"speaks": speaks}}).destinations["own"].fields == plain | ids
    listed = own | {"speaks": speaks, "fields": ["page_url"]}
    assert make_policy(destinations={"own": listed}).destinations["own"].fields == {"page_url"}
