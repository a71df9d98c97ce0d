"""Services that were refused by name, and vendors: what the purpose grants, one destination may still be refused."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.model import Caller
from gatekeeper.policy.platforms import USUAL_NAMES
from gatekeeper.signals import context
from gatekeeper.vendors import KINDS
from tests.builders import NOW, RING, decisions, make_gate, make_policy, plan
from tests.signals.encoders import DAY, tc_string, vendor_field, vendor_ranges

TO = {
    "ga4": {"kind": "ga4", "measurement_id": "G-TEST", "api_secret": "S"},
    "own": {"kind": "first_party", "endpoint": "http://127.0.0.1:9/events"},
    "ads": {
        "kind": "google_ads", "customer_id": "123-456-7890", "conversion_action": "1", "access_token": "T",
        "route": "data_manager",
    },
    "meta": {"kind": "meta_capi", "pixel_id": "1", "access_token": "T"},
}  # fmt: skip
EVENT = {
    "event": "purchase",
    "data": {"session_id": "s", "client_id": "1.2", "order_value": 10, "currency": "EUR", "gclid": "g", "fbclid": "f"},
}


def blocked(cookie: str, **consent: object) -> dict[str, str]:
    """The destinations that are blocked, with the reasons."""
    gate = make_gate(make_policy(consent=consent, destinations=TO))
    made = decisions(plan(EVENT, gate=gate, headers=[("cookie", cookie)]))
    consents = {name: decision.reason for name, decision in made.items()}
    return {name: reason for name, reason in consents.items() if reason not in (None, "insufficient_data")}


def cookie(name: str, value: object) -> str:
    """A cookie of encoded JSON."""
    return f"{name}={quote(json.dumps(value))}"


CMPLZ = "cmplz_statistics=allow; cmplz_marketing=allow; "
WP = "wp_consent_statistics=allow; wp_consent_marketing=allow; "
CC = {
    "categories": ["analytics", "marketing"],
    "revision": 0,
    "services": {"analytics": ["own"], "marketing": ["newsletter"]},
}
BORLABS = {"consents": {"statistics": ["own"], "marketing": ["newsletter"]}, "version": "1", "uid": "x"}
KLARO = {"matomo": True, "mine": False, "pixel": True}


@pytest.mark.parametrize(
    ("line", "consent", "expected"),
    [
        pytest.param(
            CMPLZ + cookie("cmplz_consented_services", {"my-analytics": False}),
            {"complianz": {"my-analytics": "ga4"}},
            {"ga4": "no_analytics_consent"},
            id="complianz",
        ),
        pytest.param(
            CMPLZ.replace("cmplz_", "cmplz_rt_") + cookie("cmplz_rt_consented_services", {"x": False}),
            {"complianz": {"x": ["ga4", "meta"]}},
            {"ga4": "no_analytics_consent", "meta": "no_marketing_consent"},
            id="complianz-network",
        ),
        pytest.param(
            WP + cookie("wp_consent_consented_services", {"fb": False, "x": True}),
            {"wp-consent-api": {"fb": "meta"}},
            {"meta": "no_marketing_consent"},
            id="wp-consent-api",
        ),
        pytest.param(
            WP + cookie("wp_consent_consented_services", {"x": True}),
            {"wp-consent-api": {"x": "meta"}},
            {},
            id="allowed",
        ),
        pytest.param(
            cookie("cc_cookie", CC),
            {"vanilla-cookieconsent": {"pixel": "meta"}},
            {"meta": "no_marketing_consent"},
            id="vanilla-left-out",
        ),
        pytest.param(
            cookie("cc_cookie", CC),
            {"vanilla-cookieconsent": {"newsletter": "meta", "own": "own"}},
            {},
            id="vanilla-listed",
        ),
        pytest.param(cookie("cc_cookie", CC), {}, {}, id="vanilla-without-a-map"),
        pytest.param(
            cookie("borlabs-cookie", BORLABS), {"borlabs": {"ga": "ga4"}}, {"ga4": "no_analytics_consent"}, id="borlabs"
        ),
        pytest.param(
            cookie("klaro", KLARO),
            {"klaro": {"matomo": ["analytics", "own"], "pixel": ["marketing", "meta"], "mine": "ga4"}},
            {"ga4": "no_analytics_consent"},
            id="klaro",
        ),
        pytest.param(
            "__cmpcpcx12=__51_52__; __cmpcvcx12=__s1_U__",
            {"consentmanager": {"51": "analytics", "52": "marketing", "s1": "own", "s2": "meta"}},
            {"meta": "no_marketing_consent"},
            id="consentmanager-vendors",
        ),
        pytest.param(
            CMPLZ + cookie("cmplz_consented_services", {"google-analytics": False}),
            {},
            {"ga4": "no_analytics_consent"},
            id="a-usual-name",
        ),
        pytest.param(
            "tarteaucitron=!facebookpixel=false!own=true!ads=true",
            {"tarteaucitron": {"own": "analytics", "ads": "marketing"}},
            {"meta": "no_marketing_consent"},
            id="a-usual-name-of-tarteaucitron",
        ),
        pytest.param(
            CMPLZ + cookie("cmplz_consented_services", {"google-analytics": False}),
            {"complianz": {"google-analytics": "own"}},
            {"own": "no_analytics_consent"},
            id="the-site-s-own-map-replaces-it",
        ),
    ],
)
def test_a_service_refused_by_name_blocks_its_destination(line: str, consent: dict, expected: dict[str, str]) -> None:
    """Whatever the category says; nothing else is blocked."""
    assert expected == blocked(line, **consent)


def test_a_refused_service_is_in_the_trail() -> None:
    """Explain names the step."""
    gate = make_gate(make_policy(consent={"complianz": {"x": "ga4"}}, destinations=TO))
    made = plan(EVENT, gate=gate, headers=[("cookie", CMPLZ + cookie("cmplz_consented_services", {"x": False}))])
    steps = decisions(made)["ga4"].steps
    assert ("service", "denied") in [(step.rule, step.outcome) for step in steps]


def test_a_refused_service_travels_in_a_visitor_context() -> None:
    """What one process knows of a visitor, another one acts on."""
    gate = make_gate(make_policy(consent={"complianz": {"x": "ga4"}}, destinations=TO))
    line = CMPLZ + cookie("cmplz_consented_services", {"x": False})
    signals = gate.consent_of(Caller(headers=((b"cookie", line.encode()),)), NOW).signals
    token = context.write(context.Visitor(signals), at=NOW, sign=RING.sign)
    known = context.read(token, at=NOW, verify=RING.verify)
    assert known.signals == signals
    assert gate.consent_of(Caller(visitor=known), NOW).refused == {"ga4"}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        pytest.param(
            {"klaro": {"ga": "ga5"}},
            'consent.klaro.ga: "ga5" is neither a purpose nor a destination; did you mean "ga4"?',
            id="typo",
        ),
        pytest.param(
            {"klaro": {"ga": ["analytics", "marketing"]}},
            "consent.klaro.ga: more than one purpose; a category has one",
            id="two-purposes",
        ),
        pytest.param(
            {"claro": {"ga": "ga4"}}, 'consent.claro: "claro" is not a platform; did you mean "klaro"?', id="platform"
        ),
        pytest.param({"klaro": {"ga": 4}}, "consent.klaro.ga", id="number"),
    ],
)
def test_a_map_that_means_nothing_does_not_load(table: dict, words: str) -> None:
    """The error names the key, the value and the remedy."""
    with pytest.raises(ConfigError) as error:
        make_policy(consent=table, destinations=TO)
    assert words in str(error.value)


def test_the_usual_names_are_of_kinds_that_there_are() -> None:
    """A row without a kind would never be used, and no name stands for two kinds."""
    assert set(USUAL_NAMES) <= set(KINDS)
    names = [name for row in USUAL_NAMES.values() for name in row]
    assert len(names) == len(set(names))


def consented(**more: object) -> str:
    """A TC string with all purposes."""
    return f"euconsent-v2={tc_string(purposes=range(1, 12), created=20504 * DAY, **more)}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(consented(vendors=vendor_field([755])), {}, id="google-consented"),
        pytest.param(
            consented(vendors=vendor_field([1, 2, 800])),
            {"ga4": "no_analytics_consent", "ads": "no_marketing_consent"},
            id="google-left-out",
        ),
        pytest.param(
            consented(vendors=vendor_field([])),
            {"ga4": "no_analytics_consent", "ads": "no_marketing_consent"},
            id="no-vendor-at-all",
        ),
        pytest.param(
            consented(vendors=vendor_field([755]), policy=5, disclosed=vendor_field([])),
            {"ga4": "no_analytics_consent", "ads": "no_marketing_consent"},
            id="not-disclosed",
        ),
        pytest.param(
            consented(vendors=vendor_field([755]), restrictions=[(3, 0, [(755, 755)])]),
            {"ads": "no_marketing_consent"},
            id="purpose-3-forbidden",
        ),
        pytest.param(CMPLZ, {}, id="no-tc-string"),
    ],
)
def test_google_is_asked_for_by_its_vendor_id(line: str, expected: dict[str, str]) -> None:
    """755, without a line in the policy; other destinations go by the purpose."""
    assert expected == blocked(line)


def test_a_vendor_id_of_zero_asks_for_none() -> None:
    """And a policy's own id replaces the kind's, with its purposes."""
    to = {name: table | {"vendor_id": 0} for name, table in TO.items()}
    policy = make_policy(destinations=to)
    assert {None} == {one.vendor_id for one in policy.destinations.values()}
    other = make_policy(destinations={"ads": TO["ads"] | {"vendor_id": 21}})
    assert (other.destinations["ads"].vendor_id, other.destinations["ads"].tcf_purposes) == (21, ())
    assert (policy_of("ads").vendor_id, policy_of("ads").tcf_purposes) == (755, (1, 3, 4))


def policy_of(name: str):
    """A destination under the defaults."""
    return make_policy(destinations=TO).destinations[name]


@pytest.mark.parametrize(
    ("vendors", "expected"),
    [
        pytest.param(vendor_field([755]), set(), id="consented"),
        pytest.param(vendor_field([754]), {"ga4", "ads"}, id="left-out"),
        pytest.param(vendor_ranges([(1, 754), (756, 900)]), {"ga4", "ads"}, id="left-out-of-ranges"),
        pytest.param(vendor_ranges([(at, at) for at in range(1, 1500, 2)]), {"ga4", "ads"}, id="too-long-to-travel"),
    ],
)
def test_vendors_are_still_known_from_a_visitor_context(vendors: str, expected: set[str]) -> None:
    """The context carries what the question of a vendor needs; where it would be too long, it refuses."""
    gate = make_gate(make_policy(destinations=TO))
    caller = Caller(headers=((b"cookie", consented(vendors=vendors).encode()),))
    token = context.write(context.Visitor(gate.consent_of(caller, NOW).signals), at=NOW, sign=RING.sign)
    known = context.read(token, at=NOW, verify=RING.verify)
    made = decisions(plan(EVENT, gate=gate, visitor=known))
    assert expected == {name for name, decision in made.items() if (decision.reason or "").endswith("_consent")}
