"""What a policy may not say: secrets that can be guessed, and the purpose `necessary` at a tracking host."""

import pytest

from gatekeeper import ConfigError
from gatekeeper.policy.load import parse_policy
from gatekeeper.policy.strength import is_strong
from tests.builders import DESTINATIONS, policy_data

STRONG = "5f0c3a9d71e24b685f0c3a9d71e24b6a"


def faults(environ=(), **tables):
    with pytest.raises(ConfigError) as caught:
        parse_policy(policy_data(**tables), environ=dict(environ))
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("secret", "strong"),
    [
        pytest.param("", False, id="empty"),
        pytest.param("k1", False, id="short"),
        pytest.param("server-to-server-key", False, id="words"),
        pytest.param("a" * 64, False, id="one-letter"),
        pytest.param("0123456789" * 3, False, id="digits"),
        pytest.param("5f0c3a9d71e24b68", False, id="64-bits"),
        pytest.param(STRONG, True, id="hex"),
        pytest.param(STRONG.upper(), True, id="HEX"),
        pytest.param("Zb3_tq8XkLw0RvN5yHsJ2g", True, id="base64"),
        pytest.param("ZbntqoXkLwaRvNeyHsJpgu", True, id="base64-without-digits"),
        pytest.param("6f1f3c1e-3f0b-4e52-9c7a-0d6a5b1c2e3f", True, id="uuid"),
    ],
)
def test_a_bearer_secret_has_128_bits_or_is_weak(secret, strong):
    """As far as its letters can tell."""
    assert is_strong(secret) is strong


KEY_TOO_SHORT = "can be guessed: it has less than 128 bits; make one with `openssl rand -hex 32`"


@pytest.mark.parametrize(
    ("server", "environ", "said"),
    [
        pytest.param({"api_keys": ["k1"]}, {}, [f"server.api_keys.0: {KEY_TOO_SHORT}"], id="key"),
        pytest.param(
            {"api_keys": [{"env": "KEY"}]},
            {"KEY": "k1"},
            [f"server.api_keys.0: {KEY_TOO_SHORT}"],
            id="key-in-environment",
        ),
        pytest.param(
            {"admin_token": {"env": "ADM"}}, {"ADM": "adm"}, [f"server.admin_token: {KEY_TOO_SHORT}"], id="token"
        ),
        pytest.param(
            {"admin_token": STRONG},
            {},
            ['server.admin_token: is written in clear; use { env = "NAME" }'],
            id="token-in-clear",
        ),
        pytest.param(
            {"api_keys": [""]},
            {},
            ['server.api_keys.0: is empty; write { env = "NAME" }, or remove it'],
            id="empty-key",
        ),
        pytest.param(
            {"api_keys": [{"env": "KEY"}]},
            {"KEY": ""},
            ["server.api_keys.0: the environment variable KEY is not set; set it before starting"],
            id="empty-environment",
        ),
    ],
)
def test_a_key_to_the_gate_that_can_be_guessed_does_not_load(server, environ, said):
    """Nor a token in clear, nor an empty one; the value is in no sentence."""
    assert faults(environ, server=server) == said


@pytest.mark.parametrize(
    ("name", "keys", "where"),
    [
        ("ga4", {"api_secret": ""}, "destinations.ga4.api_secret"),
        ("meta_capi", {"access_token": "  "}, "destinations.meta_capi.access_token"),
        ("own", {"headers": {"X-Key": ""}}, "destinations.own.headers.X-Key"),
    ],
)
def test_an_empty_secret_does_not_load(name, keys, where):
    """It would be sent, and refused."""
    said = faults(destinations={name: DESTINATIONS[name] | keys})
    assert said == [f'{where}: is empty; write {{ env = "NAME" }}, or remove it']


def test_a_strong_key_and_token_load():
    """From the environment, as they should be."""
    server = {"api_keys": [{"env": "KEY"}], "admin_token": {"env": "ADM"}}
    policy = parse_policy(policy_data(server=server), environ={"KEY": STRONG, "ADM": STRONG[::-1]})
    assert policy.admin_token.value == STRONG[::-1] and policy.api_keys[0].value == STRONG


def necessary(endpoint, **keys):
    """A destination of our own that claims to be necessary."""
    table = {"kind": "http_json", "purpose": "necessary", "lia": "x", "endpoint": endpoint, "fields": ["page_url"]}
    return {"destinations": {"json": table | keys}}


@pytest.mark.parametrize(
    ("endpoint", "vendor"),
    [
        ("https://www.google-analytics.com/mp/collect", "Google Analytics"),
        ("https://WWW.Google-Analytics.com.:443/mp/collect", "Google Analytics"),
        ("https://graph.facebook.com/v26.0/1/%65vents", "Meta"),
        ("https://graph.facebook.com/v26.0/1/eve%zznts", "Meta"),
        ("https://a.klaviyo.com/api/events", "Klaviyo"),
        ("https://o1.ingest.sentry.io/api/1/envelope/", "Sentry"),
        ("https://api.rollbar.com/api/1/item/", "Rollbar"),
    ],
)
def test_no_tracking_host_serves_a_necessary_purpose(endpoint, vendor):
    """However its address is spelled."""
    (said,) = faults(**necessary(endpoint))
    assert said.startswith('destinations.json.purpose: "necessary" is not a purpose that ') and f"({vendor})" in said
    assert ('or events = ["error"]' in said) is (vendor in ("Sentry", "Rollbar"))


@pytest.mark.parametrize(
    "tables",
    [
        necessary("https://erp.shop.example/orders"),
        necessary("https://api.hubapi.com/crm/v3/objects/contacts"),
        necessary("https://graph.facebook.com/v26.0/106540352242922/messages"),
        necessary("https://api.rollbar.com/api/1/item/", events=["error"]),
        {"destinations": {"errors": {"kind": "sentry", "dsn": "https://k@o1.ingest.de.sentry.io/42"}}},
    ],
    ids=["own", "crm", "whatsapp", "errors-alone", "sentry"],
)
def test_other_paths_and_error_monitors_do(tables):
    """A record of a customer, a message, an error."""
    parse_policy(policy_data(**tables), environ={})


def test_an_error_monitors_address_at_another_tracking_host_does_not():
    """Sentry's protocol, but no error monitor's host."""
    (said,) = faults(destinations={"errors": {"kind": "sentry", "dsn": "https://k@www.google-analytics.com/42"}})
    assert "(Google Analytics)" in said
