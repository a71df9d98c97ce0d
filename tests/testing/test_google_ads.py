"""Google Ads uploads and the Data Manager API as documented."""

from __future__ import annotations

import base64
import hashlib

import httpx
import pytest

from gatekeeper.testing import Simulators
from gatekeeper.testing import google as google_ads

from .builders import HASH, changed, received, summary, violations

CLICKS = "/v26/customers/1234567890:uploadClickConversions"
ADJUSTMENTS = "/v26/customers/1234567890:uploadConversionAdjustments"
INGEST = "/v1/events:ingest"
HEADERS = {"Authorization": "Bearer ya29.TOKEN", "developer-token": "DEVTOKEN"}
ACTION = "customers/1234567890/conversionActions/987654"

CLICK = {
    "gclid": "EAIaIQ",
    "conversionAction": ACTION,
    "conversionDateTime": "2026-11-20 10:00:00+00:00",
    "conversionValue": 12.5,
    "currencyCode": "EUR",
    "orderId": "T1",
    "userIdentifiers": [
        {"hashedEmail": HASH, "userIdentifierSource": "FIRST_PARTY"},
        {"hashedPhoneNumber": HASH},
    ],
    "consent": {"adUserData": "GRANTED", "adPersonalization": "DENIED"},
}
CLICK_RESULT = {"gclid", "conversionAction", "conversionDateTime", "userIdentifiers"}
CLICK_BODY = {"conversions": [CLICK], "partialFailure": True}
ADJUSTMENT = {
    "adjustmentType": "ENHANCEMENT",
    "conversionAction": ACTION,
    "orderId": "T1",
    "gclidDateTimePair": {"conversionDateTime": "2026-11-20 10:00:00+00:00"},
    "userIdentifiers": [{"addressInfo": {"hashedFirstName": HASH, "countryCode": "US", "postalCode": "94045"}}],
}
ADJUSTMENT_BODY = {"conversionAdjustments": [ADJUSTMENT], "partialFailure": True}
EVENT = {
    "transactionId": "T1",
    "eventTimestamp": "2026-11-20T10:00:00Z",
    "eventSource": "WEB",
    "currency": "EUR",
    "conversionValue": 12.5,
    "adIdentifiers": {"gclid": "EAIaIQ"},
    "eventDeviceInfo": {"ipAddress": "203.0.113.9"},
    "userData": {
        "userIdentifiers": [
            {"emailAddress": HASH},
            {"address": {"givenName": HASH, "regionCode": "US", "postalCode": "94103"}},
        ]
    },
}
INGEST_BODY = {
    "destinations": [{"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1"}}],
    "events": [EVENT],
    "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_DENIED"},
    "encoding": "HEX",
}

ONE = "conversions[0]"
PARTIAL = violations("google", "partial")

TOTAL = violations("google", "total")

AD = "conversionAdjustments[0]"
ADJUSTMENT_VIOLATIONS = violations("google", "adjustment_violations")

INGEST_VIOLATIONS = violations("google", "ingest_violations")

VALID = [
    pytest.param(CLICKS, CLICK_BODY, id="click"),
    pytest.param(ADJUSTMENTS, ADJUSTMENT_BODY, id="adjustment"),
    pytest.param(INGEST, INGEST_BODY, id="ingest"),
]


@pytest.mark.parametrize(("target", "body"), VALID)
def test_a_valid_request_has_no_problems(target: str, body: dict) -> None:
    """The requests that the tables above change are right before they are changed."""
    assert google_ads.check(received(target, body, headers=HEADERS.items())) == ()


@pytest.mark.parametrize(("changes", "path", "rule"), PARTIAL.values(), ids=PARTIAL)
def test_one_bad_conversion_fails_alone(sims: Simulators, changes: dict, path: str, rule: str) -> None:
    """200; the good one has a result, the bad one an empty object and its reason in partialFailureError."""
    good = changed(CLICK, orderId="T2")
    body = {"conversions": [changed(CLICK, **changes), good], "partialFailure": True}
    response = httpx.post(sims.google_ads.url + CLICKS, json=body, headers=HEADERS)
    [problem] = sims.google_ads.received[0].errors
    answer = response.json()
    assert problem.path == path
    assert rule in problem.rule
    assert response.status_code == 200
    assert answer["results"][0] == {}
    assert answer["results"][1] == {name: good[name] for name in good if name in CLICK_RESULT}
    [failure] = answer["partialFailureError"]["details"][0]["errors"]
    assert failure["location"]["fieldPathElements"][0] == {"fieldName": "conversions", "index": 0}


@pytest.mark.parametrize(("changes", "path", "rule"), TOTAL.values(), ids=TOTAL)
def test_a_bad_request_fails_whole(sims: Simulators, changes: dict, path: str, rule: str) -> None:
    """400 INVALID_ARGUMENT, no results."""
    response = httpx.post(sims.google_ads.url + CLICKS, json=changed(CLICK_BODY, **changes), headers=HEADERS)
    [problem] = sims.google_ads.received[0].errors
    assert problem.path == path
    assert rule in problem.rule
    assert response.status_code == 400
    assert response.json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(("changes", "path", "rule"), ADJUSTMENT_VIOLATIONS.values(), ids=ADJUSTMENT_VIOLATIONS)
def test_an_adjustment_has_its_own_rules(changes: dict, path: str, rule: str) -> None:
    """Order id, window, address, and no consent field at all."""
    body = {"conversionAdjustments": [changed(ADJUSTMENT, **changes)], "partialFailure": True}
    [problem] = google_ads.check(received(ADJUSTMENTS, body, headers=HEADERS.items()))
    assert problem.path == path
    assert rule in problem.rule


@pytest.mark.parametrize(("changes", "path", "rule"), INGEST_VIOLATIONS.values(), ids=INGEST_VIOLATIONS)
def test_a_bad_ingestion_is_400(sims: Simulators, changes: dict, path: str, rule: str) -> None:
    """Data Manager names the field in the error's details."""
    response = httpx.post(sims.google_ads.url + INGEST, json=changed(INGEST_BODY, **changes), headers=HEADERS)
    [problem] = sims.google_ads.received[0].errors
    assert problem.path == path
    assert rule in problem.rule
    assert response.status_code == 400
    assert response.json()["error"]["details"][0]["fieldViolations"][0]["field"] == path


def test_consent_denied_is_a_warning() -> None:
    """Google takes such data and rejects it later; a gateway should not have sent it."""
    click = changed(CLICK_BODY, conversions__0__consent__adUserData="DENIED")
    ingest = changed(INGEST_BODY, consent__adUserData="CONSENT_DENIED")
    assert summary(google_ads.check(received(CLICKS, click, headers=HEADERS.items()))) == [
        ("warning", "conversions[0].consent.adUserData", "user identifiers without consent to send them")
    ]
    assert [p.severity for p in google_ads.check(received(INGEST, ingest, headers=HEADERS.items()))] == ["warning"]


def test_base64_digests_are_checked_as_such() -> None:
    """The declared encoding decides what a digest looks like; an encrypted one is not looked at."""
    digest = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    identifiers = [{"emailAddress": digest}]
    body = changed(INGEST_BODY, encoding="BASE64", events__0__userData__userIdentifiers=identifiers)
    assert google_ads.check(received(INGEST, body, headers=HEADERS.items())) == ()
    hexadecimal = changed(INGEST_BODY, encoding="BASE64")
    problems = google_ads.check(received(INGEST, hexadecimal, headers=HEADERS.items()))
    assert {p.rule for p in problems} == {"not a SHA-256 digest in base64"}
    encrypted = changed(hexadecimal, encryptionInfo={})
    assert google_ads.check(received(INGEST, encrypted, headers=HEADERS.items())) == ()


@pytest.mark.parametrize("missing", ["Authorization", "developer-token"])
def test_credentials_are_needed(sims: Simulators, missing: str) -> None:
    """401 UNAUTHENTICATED without either."""
    headers = {name: value for name, value in HEADERS.items() if name != missing}
    response = httpx.post(sims.google_ads.url + CLICKS, json=CLICK_BODY, headers=headers)
    assert (response.status_code, response.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_ingestion_is_answered_with_a_request_id(sims: Simulators) -> None:
    """The outcome is asynchronous; nothing but an id comes back."""
    answer = httpx.post(sims.google_ads.url + INGEST, json=INGEST_BODY, headers=HEADERS).json()
    assert list(answer) == ["requestId"]
    assert sims.google_ads.received[0].events == (EVENT,)


@pytest.mark.parametrize("target", [CLICKS, ADJUSTMENTS, INGEST])
def test_uploads_are_posted_objects(sims: Simulators, target: str) -> None:
    """Another method is 405, another body 400."""
    assert httpx.get(sims.google_ads.url + target, headers=HEADERS).status_code == 405
    assert httpx.post(sims.google_ads.url + target, content=b"[]", headers=HEADERS).status_code == 400
