"""Canonical events as requests, against tests/vectors/formatted_events.json, within the guide's field tables.

The vectors send more than the guide allows (personal data to GA4, the referrer and the user id to Meta). What
the guide forbids is taken out of the expectation here, by name; docs/decisions.md says why.
"""

import json
from copy import deepcopy
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from gatekeeper.gate.incoming import Posted
from gatekeeper.model import Caller, Verdict
from gatekeeper.vendors import KINDS
from gatekeeper.vendors.formats.normalise import sha256
from tests.builders import NOW, decisions, make_gate, make_policy

VECTORS = {row["id"]: row for row in json.loads(
    (Path(__file__).parent.parent / "vectors" / "formatted_events.json").read_text("utf-8")
)}  # fmt: skip
GOOGLE = {
    "kind": "google_ads", "customer_id": "123-456-7890", "conversion_action": "987654", "access_token": "ya29.TOKEN",
}  # fmt: skip
# Google's two advertising permissions are one for us: where either is refused, nothing is sent. The request of the
# vector that refuses personalisation alone is compared with that refusal lifted.
REFUSED_BY_US = {"google-data-manager", "google-ads-user-data-denied"}
POLICY = make_policy(
    policy={"version": "t", "controller": "x", "phone_region": "US"},
    destinations={
        "ga4": {"kind": "ga4", "measurement_id": "G-ABC1234567", "api_secret": "SECRET"},
        "meta": {"kind": "meta_capi", "pixel_id": "123456789", "access_token": "EAATOKEN"},
        # Cart, address and browser are no default of Google Ads (the guide: e-mail and conversion value), but places.
        "google_ads_click": GOOGLE | {
            "developer_token": "DEVTOKEN",
            "fields": ["order_value", "currency", "transaction_id", "gclid", "email", "phone", "items"],
        },
        "google_data_manager": GOOGLE | {
            "route": "data_manager",
            "fields": ["order_value", "currency", "transaction_id", "gclid", "email", "phone", "first_name",
                       "last_name", "country", "postal_code", "ip", "user_agent"],
        },
        "tiktok": {"kind": "tiktok", "pixel_code": "COQDA8RC77U2TMR44LI0", "access_token": "TTTOKEN"},
    },
)  # fmt: skip


def posted(row, *, all_granted=False):
    """The vector's event under our names."""
    canonical = deepcopy(row["canonical"])
    if all_granted:
        canonical["consent"] = dict.fromkeys(canonical["consent"], "granted")
    data = {"referrer" if name == "page_referrer" else name: value for name, value in canonical["data"].items()}
    granted = {word for word, answer in canonical["consent"].items() if answer == "granted"}
    consent = {
        "analytics": "analytics_storage" in granted,
        "marketing": {"ad_storage", "ad_user_data", "ad_personalization"} <= granted,
    }
    return Posted(canonical["event"], data, consent=consent, id=canonical["event_id"], time=1795168800.0)


def allowed_by_the_guide(row):
    """The vector's request without what the guide's tables keep from that destination."""
    body = deepcopy(row["request"]["body"])
    if row["destination"] == "ga4":
        for forbidden in ("user_data", "user_id", "ip_override", "user_agent"):
            body.pop(forbidden, None)
        for event in body["events"]:
            # Click ids never stay in a URL; the rest of its query is allow-listed.
            event["params"]["page_location"] = event["params"]["page_location"].partition("?")[0]
            event["timestamp_micros"] = body["timestamp_micros"]
        del body["timestamp_micros"]
    elif row["destination"] == "google_data_manager":
        body["events"][0]["consent"]["adPersonalization"] = "CONSENT_GRANTED"  # see REFUSED_BY_US
        # The vector follows the protos; Google's guide, library and support leave the punctuation of names alone.
        address = next(one["address"] for one in body["events"][0]["userData"]["userIdentifiers"] if "address" in one)
        address["givenName"] = sha256("mary-jane")
        address["familyName"] = sha256("o'connor")
    elif row["destination"] == "tiktok":
        for event in body["data"]:
            event["page"] = {"url": event["page"]["url"].partition("?")[0]}
            event["user"].pop("external_id", None)  # the vector's is the user id, an analytics field
    elif row["destination"] == "meta":
        for event in body["data"]:
            event["event_source_url"] = event["event_source_url"].partition("?")[0]
            event.pop("referrer_url", None)
            event["user_data"].pop("external_id", None)
    return body


def test_every_vector_of_our_kinds_is_run():
    """Nothing is left out silently."""
    assert {row["destination"] for row in VECTORS.values()} == set(POLICY.destinations)


@pytest.mark.parametrize("case", [key for key, row in VECTORS.items() if row["destination"] in POLICY.destinations])
def test_the_request_is_the_vectors_within_the_guides_tables(case):
    """Path, headers and body; a case that must not be sent is not."""
    row = VECTORS[case]
    at = 1795168800.0 + 60
    made = make_gate(POLICY).plan(posted(row), Caller(trusted=True), at=at, request_id="req_x")
    decision = decisions(made)[row["destination"]]
    if case in REFUSED_BY_US:
        assert decision.reason == "no_marketing_consent"
        if case == "google-ads-user-data-denied":
            return
        event = posted(row, all_granted=True)
        made = make_gate(POLICY).plan(event, Caller(trusted=True), at=at, request_id="req_x")
        decision = decisions(made)[row["destination"]]
    if row["request"] is None:
        assert decision.verdict is Verdict.BLOCK
        return
    to = POLICY.destinations[row["destination"]]
    shaped = made.shaped[row["destination"]]
    outgoing = KINDS[to.kind.name].assemble(to, shaped.head, [shaped.body])
    url = urlsplit(outgoing.url)
    assert f"{url.path}?{url.query}".removesuffix("?") == row["request"]["path"]
    assert dict(outgoing.headers) == row["request"]["headers"]
    assert orjson.loads(outgoing.body) == allowed_by_the_guide(row)


def test_the_meta_combination_that_is_refused_is_insufficient_data():
    """Only country and user agent left: Meta would reject the whole request."""
    row = VECTORS["meta-insufficient"]
    made = make_gate(POLICY).plan(posted(row), Caller(trusted=True), at=NOW, request_id="req_x")
    assert decisions(made)["meta"].reason == "insufficient_data"
