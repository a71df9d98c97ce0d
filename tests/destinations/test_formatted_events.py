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

from gatekeeper.destinations import KINDS
from gatekeeper.gate import Caller
from gatekeeper.model import Verdict
from gatekeeper.wire import Posted
from tests.builders import NOW, decisions, make_gate, make_policy

VECTORS = {row["id"]: row for row in json.loads(
    (Path(__file__).parent.parent / "vectors" / "formatted_events.json").read_text("utf-8")
)}  # fmt: skip
POLICY = make_policy(
    policy={"version": "t", "controller": "x", "phone_region": "US"},
    destinations={
        "ga4": {"kind": "ga4", "measurement_id": "G-ABC1234567", "api_secret": "SECRET"},
        "meta": {"kind": "meta_capi", "pixel_id": "123456789", "access_token": "EAATOKEN"},
    },
)


def posted(row):
    """The vector's event under our names."""
    canonical = row["canonical"]
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
    else:
        for event in body["data"]:
            event["event_source_url"] = event["event_source_url"].partition("?")[0]
            event.pop("referrer_url", None)
            event["user_data"].pop("external_id", None)
    return body


@pytest.mark.parametrize("case", [key for key, row in VECTORS.items() if row["destination"] in ("ga4", "meta")])
def test_the_request_is_the_vectors_within_the_guides_tables(case):
    """Path, headers and body; a case that must not be sent is not."""
    row = VECTORS[case]
    made = make_gate(POLICY).plan(posted(row), Caller(trusted=True), at=1795168800.0 + 60, request_id="req_x")
    decision = decisions(made)[row["destination"]]
    if row["request"] is None:
        assert decision.verdict is Verdict.BLOCK
        return
    to = POLICY.destinations[row["destination"]]
    shaped = made.shaped[row["destination"]]
    outgoing = KINDS[to.kind.name].assemble(to, shaped.head, [shaped.body])
    url = urlsplit(outgoing.url)
    assert f"{url.path}?{url.query}" == row["request"]["path"]
    assert dict(outgoing.headers) == row["request"]["headers"]
    assert orjson.loads(outgoing.body) == allowed_by_the_guide(row)


def test_the_meta_combination_that_is_refused_is_insufficient_data():
    """Only country and user agent left: Meta would reject the whole request."""
    row = VECTORS["meta-insufficient"]
    made = make_gate(POLICY).plan(posted(row), Caller(trusted=True), at=NOW, request_id="req_x")
    assert decisions(made)["meta"].reason == "insufficient_data"
