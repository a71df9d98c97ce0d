"""Google's flags: the shared vectors, and what they narrow."""

from __future__ import annotations

from typing import Any

import pytest

from gatekeeper.model import Permission, Purpose, Role, Standing
from gatekeeper.signals.flags import google
from tests.signals.reading import vectors

ANALYTICS, MARKETING = Purpose.ANALYTICS, Purpose.MARKETING
GRANTED, DENIED = Permission.GRANTED, Permission.DENIED
ALL = vectors("consent_mode")
SWITCHES = ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization")


@pytest.mark.parametrize("vector", ALL, ids=[vector["name"] for vector in ALL])
def test_a_value_of_the_vectors_is_decoded(vector: dict[str, Any]) -> None:
    """Switches by place and letter; whatever is not known is nothing."""
    ((name, value),) = vector["input"].items()
    parse = {"gcs": google.parse_gcs, "gcd": google.parse_gcd}[name]
    found = parse(value)
    if vector["expect"] is None:
        assert found is None
        return
    assert found is not None
    assert vector["expect"] == {switch: getattr(found, switch) for switch in vector["expect"]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({"gcs": ["G111"]}, {ANALYTICS: GRANTED, MARKETING: GRANTED}, id="gcs-all"),
        pytest.param({"gcs": ["G100"]}, {ANALYTICS: DENIED, MARKETING: DENIED}, id="gcs-none"),
        pytest.param({"gcs": ["G101"]}, {ANALYTICS: GRANTED, MARKETING: DENIED}, id="gcs-analytics"),
        pytest.param({"gcd": ["13r3r3u3r5"]}, {ANALYTICS: GRANTED, MARKETING: DENIED}, id="gcd-user-data-denied"),
        pytest.param({"gcs": ["G111"], "npa": ["1"]}, {ANALYTICS: GRANTED, MARKETING: DENIED}, id="npa"),
        pytest.param({"gcs": ["G111", "G100"]}, {ANALYTICS: DENIED, MARKETING: DENIED}, id="twice"),
        pytest.param({"gcd": ["13l3l3l3l1"]}, {}, id="gcd-without-consent-mode"),
        pytest.param({"gcd": ["13l3l3R3l5l1"]}, {}, id="gcd-unknown-letters"),
    ],
)
def test_the_flags_of_a_hit(query: dict[str, list[str]], expected: dict[Purpose, Permission]) -> None:
    """Every switch of a purpose must be on; one that is off refuses; what is not known says nothing."""
    (signal,) = google.read_query(query)
    assert expected == signal.says
    assert Role.FLAG is signal.role


@pytest.mark.parametrize("query", [{}, {"gcs": ["G1--"], "npa": ["0"]}, {"gcd": ["x" * 100_000]}])
def test_flags_that_say_nothing_give_no_signal(query: dict[str, list[str]]) -> None:
    """No consent mode is no refusal."""
    assert google.read_query(query) == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"ad_user_data": "GRANTED", "ad_personalization": "DENIED"}, {MARKETING: DENIED}, id="ga4"),
        pytest.param({"adUserData": "CONSENT_GRANTED"}, {MARKETING: GRANTED}, id="data-manager"),
        pytest.param({"adUserData": "UNSPECIFIED"}, {}, id="unspecified"),
        pytest.param({"analytics_storage": "granted"}, {ANALYTICS: GRANTED}, id="gtag"),
        pytest.param({"ad_storage": True}, {MARKETING: DENIED}, id="not-their-word"),
        pytest.param({"ad_storage": "denied", "adStorage": "granted"}, {MARKETING: DENIED}, id="both-spellings"),
    ],
)
def test_consent_objects(value: dict[str, object], expected: dict[Purpose, Permission]) -> None:
    """A value that is none of their words is taken as refused."""
    (signal,) = google.read_object(value)
    assert expected == signal.says


def test_a_consent_object_that_is_none_is_malformed() -> None:
    """It denies everything optional."""
    assert [signal.standing for signal in google.read_object(["granted"])] == [Standing.MALFORMED]
    assert google.read_object({"security_storage": "granted"}) == ()
