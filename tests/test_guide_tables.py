"""The guide's tables, as tables: tiers to destinations, fields to destinations, the record, the laws."""

import pytest

from gatekeeper.audit.lines import decision_record
from gatekeeper.jurisdiction.laws import packaged
from gatekeeper.model import Purpose, Verdict
from gatekeeper.vendors import KINDS
from tests.builders import EVERY_KIND, GUIDE_EVENT, HASH, NOW, decisions, make_gate, make_policy, own_cookie, plan

NONE, ANALYTICS, MARKETING = (), ("analytics",), ("analytics", "marketing")

# | Destination | Required tier |, and who receives an event under which consent.
TIERS = [
    # destination, event, none, analytics, both, marketing alone
    ("errors", "error", True, True, True, True),
    ("own", "purchase", False, True, True, False),
    ("ga4", "purchase", False, True, True, False),
    ("meta_capi", "purchase", False, False, True, True),
    ("google_ads", "purchase", False, False, True, True),
    ("data_manager", "purchase", False, False, True, True),
    ("tiktok", "purchase", False, False, True, True),
]

# | Field | GA4 | Meta CAPI | Error Monitor |
FIELDS = [
    ("page_url", True, True, True),
    ("order_value", True, True, False),
    ("email_hash", False, True, False),
    ("fbclid", False, True, False),
    ("session_id", True, False, False),
    ("scroll_depth", True, False, False),
    ("error_stack", False, False, True),
]

# | Destination | Data received |, for those that the guide's field table does not have: "Hashed email, conversion
# value" for Google Ads; "Hashed PII, event data, click IDs" for TikTok.
MORE_FIELDS = [
    # field, Google Ads, TikTok
    ("page_url", False, True),
    ("order_value", True, True),
    ("email_hash", True, True),
    ("phone_hash", True, True),
    ("gclid", True, False),
    ("ttclid", False, True),
    ("fbclid", False, False),
    ("session_id", False, False),
    ("client_id", False, False),
    ("user_id", False, False),
    ("scroll_depth", False, False),
    ("error_stack", False, False),
]

VALUES = {
    "page_url": "/checkout",
    "order_value": 149.0,
    "email_hash": HASH,
    "fbclid": "abc123",
    "session_id": "s_98765",
    "scroll_depth": 40,
    "error_stack": "at main.js:1",
}


# What it takes to be found by Google and TikTok.
MATCHED = VALUES | {
    "page_url": "https://shop.example/checkout",
    "phone_hash": HASH,
    "gclid": "EAIaIQ",
    "ttclid": "E.C.P.abc",
    "client_id": "1.2",
    "user_id": "u-77",
}


@pytest.mark.parametrize(("destination", "event", "none", "analytics", "both", "marketing"), TIERS)
def test_each_destination_needs_its_tier(destination, event, none, analytics, both, marketing):
    """Purposes are separate permissions: marketing does not imply analytics."""
    data = {"event": event, "data": MATCHED | {"error_message": "boom"}}
    expected = {(): none, ANALYTICS: analytics, MARKETING: both, ("marketing",): marketing}
    for granted, sent in expected.items():
        gate = make_gate(make_policy(destinations=EVERY_KIND))
        made = plan(data, gate=gate, headers=[("cookie", own_cookie(*granted))])
        assert (decisions(made)[destination].verdict is Verdict.SEND) is sent, granted


@pytest.mark.parametrize(("field", "ga4", "meta", "errors"), FIELDS)
def test_each_field_reaches_only_whom_the_guide_says(field, ga4, meta, errors):
    """The guide's field table, with every consent granted and every destination receiving the event."""
    policy = make_policy(events={"all": {"destinations": ["ga4", "meta_capi", "errors"]}})
    made = plan({"event": "all", "data": VALUES}, gate=make_gate(policy), headers=[("cookie", own_cookie(*MARKETING))])
    got = {name: field in decision.kept for name, decision in decisions(made).items()}
    assert got == {"ga4": ga4, "meta_capi": meta, "errors": errors}


@pytest.mark.parametrize(("field", "google_ads", "tiktok"), MORE_FIELDS)
def test_google_ads_and_tiktok_get_what_the_guide_says_they_receive(field, google_ads, tiktok):
    """With every consent granted: contact hashes, the conversion, their own click id, and nothing else."""
    gate = make_gate(make_policy(destinations=EVERY_KIND))
    made = plan({"event": "purchase", "data": MATCHED}, gate=gate, headers=[("cookie", own_cookie(*MARKETING))])
    got = {name: field in decisions(made)[name].kept for name in ("google_ads", "data_manager", "tiktok")}
    assert got == {"google_ads": google_ads, "data_manager": google_ads, "tiktok": tiktok}


def test_the_guides_event_gives_the_guides_record():
    """`fields_sent`, `fields_stripped`, statuses and reason, to the letter and in order."""
    gate = make_gate(make_policy(destinations=POLICY))
    record = decision_record(plan(GUIDE_EVENT, gate=gate), gate.policy)
    assert record["event_type"] == "purchase"
    assert record["consent_state"] == {"necessary": True, "analytics": True, "marketing": False}
    ga4, meta = record["deliveries"]
    assert (ga4["destination"], ga4["status"], ga4["consent_basis"]) == ("ga4", "pending", "analytics")
    assert ga4["fields_sent"] == ["page_url", "order_value", "session_id"]
    assert ga4["fields_stripped"] == ["email_hash", "fbclid"]
    assert meta == {"destination": "meta_capi", "status": "blocked", "reason": "no_marketing_consent"}


POLICY = {
    "ga4": {"kind": "ga4", "measurement_id": "G-TEST", "api_secret": "s"},
    "meta_capi": {"kind": "meta_capi", "pixel_id": "1", "access_token": "t"},
}

# | Requirement | GDPR | CCPA | CPA | VCDPA | TDPSA |: consent for analytics, for ads, and the GPC duty.
LAW_MATRIX = [
    ("gdpr", "opt_in", "opt_in", "recommended"),
    ("ccpa", "none", "opt_out", "required"),
    ("cpa", "none", "opt_out", "required"),
    ("vcdpa", "none", "opt_out", "not_specified"),
    ("tdpsa", "none", "opt_out", "required"),  # the guide: not specified; see docs/decisions.md
]


@pytest.mark.parametrize(("law", "analytics", "ads", "duty"), LAW_MATRIX)
def test_each_law_asks_what_the_guides_matrix_says(law, analytics, ads, duty):
    """Five regimes; Texas has moved past the guide."""
    row = packaged().law(law, NOW)
    assert (row.analytics, row.marketing, row.opt_out_signal) == (analytics, ads, duty)


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [
        ("sentry", "necessary"),
        ("first_party", "analytics"),
        ("ga4", "analytics"),
        ("meta_capi", "marketing"),
        ("google_ads", "marketing"),
        ("tiktok", "marketing"),
    ],
)
def test_the_default_purpose_of_a_kind_is_the_guides(kind, purpose):
    """| Destination | Required Consent Tier |"""
    assert KINDS[kind].KIND.purpose is Purpose(purpose)


def test_no_personal_data_goes_to_tier_1_or_2_by_default():
    """Checklist: no PII is collected at Tier 1 or Tier 2."""
    from gatekeeper.fields import CATALOGUE

    for module in KINDS.values():
        if module.KIND.purpose is not Purpose.MARKETING:
            assert not [f for f in module.KIND.fields if CATALOGUE.by_key[f].hashed_as], module.KIND.name
