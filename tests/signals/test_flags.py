"""Consent inside events: Segment, RudderStack, walkerOS, Shopify. They narrow, whatever they say."""

from __future__ import annotations

from typing import Any

import pytest

from gatekeeper.model import Permission, Purpose, Role, Standing
from gatekeeper.signals.flags import rudderstack, segment, shopify, walkeros
from tests.signals.reading import opted_out

ANALYTICS, MARKETING = Purpose.ANALYTICS, Purpose.MARKETING
GRANTED, DENIED = Permission.GRANTED, Permission.DENIED
BOTH_DENIED = {ANALYTICS: DENIED, MARKETING: DENIED}
READERS = [segment.read, rudderstack.read, walkeros.read, shopify.read]


@pytest.mark.parametrize(
    ("preferences", "expected"),
    [
        pytest.param({"Analytics": True, "Advertising": True}, {ANALYTICS: GRANTED, MARKETING: GRANTED}, id="all"),
        pytest.param({"C0002": True, "C0004": False}, {ANALYTICS: GRANTED, MARKETING: DENIED}, id="onetrust-ids"),
        pytest.param({"Analytics": True}, {ANALYTICS: GRANTED, MARKETING: DENIED}, id="missing-is-false"),
        pytest.param({}, BOTH_DENIED, id="empty-is-false-for-all"),
        pytest.param({"Analytics": "true", "Advertising": 1}, BOTH_DENIED, id="only-true-is-true"),
        pytest.param({"Analytics": True, "Performance": False}, BOTH_DENIED, id="all-of-several"),
    ],
)
def test_segment(preferences: dict[str, object], expected: dict[Purpose, Permission]) -> None:
    """Segment's own reading: what is missing is false."""
    (signal,) = segment.read({"categoryPreferences": preferences})
    assert expected == signal.says


@pytest.mark.parametrize(
    ("consent", "expected"),
    [
        pytest.param({"deniedConsentIds": ["C0004"], "provider": "oneTrust"}, {MARKETING: DENIED}, id="denied"),
        pytest.param({"deniedConsentIds": []}, {}, id="nothing-denied"),
        pytest.param({"allowedConsentIds": ["C0002"], "deniedConsentIds": ["C0002"]}, {ANALYTICS: DENIED}, id="both"),
        pytest.param({"allowedConsentIds": {"C0002": "Performance"}}, {ANALYTICS: GRANTED}, id="allowed-object"),
        pytest.param({"deniedConsentIds": ["custom-ads"]}, {MARKETING: DENIED}, id="mapped-by-the-site"),
        pytest.param({"deniedConsentIds": ["whatever"]}, {}, id="unmapped"),
    ],
)
def test_rudderstack(consent: dict[str, object], expected: dict[Purpose, Permission]) -> None:
    """Denied ids refuse."""
    (signal,) = rudderstack.read(consent, {"custom-ads": MARKETING})
    assert expected == signal.says


def test_walkeros_needs_every_group_of_a_purpose() -> None:
    """walkerOS lets one of several groups suffice; here all of them must be true."""
    (signal,) = walkeros.read({"marketing": True, "social": False, "functional": True}, {"social": MARKETING})
    assert signal.says == {MARKETING: DENIED}


def test_shopify_and_its_opt_out_of_sale() -> None:
    """Two booleans for the purposes, one for the sale."""
    privacy = {"analyticsProcessingAllowed": True, "marketingAllowed": False, "saleOfDataAllowed": False}
    signals = shopify.read(privacy)
    assert signals[0].says == {ANALYTICS: GRANTED, MARKETING: DENIED}
    assert opted_out(signals)


@pytest.mark.parametrize("read", READERS, ids=[read.__module__.rpartition(".")[2] for read in READERS])
@pytest.mark.parametrize("value", [None, [], "granted", 1, True], ids=repr)
def test_an_object_that_is_none_is_malformed(read: Any, value: object) -> None:
    """Ours to read, but broken: it denies everything optional."""
    assert [(signal.role, signal.standing) for signal in read(value)] == [(Role.FLAG, Standing.MALFORMED)]
