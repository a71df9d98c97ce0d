"""Google Ads uploads and the Data Manager API as documented."""

from __future__ import annotations

import base64
import hashlib

import httpx
import pytest

from gatekeeper.testing import Simulators
from gatekeeper.testing import google as google_ads

from .builders import HASH, changed, received

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
