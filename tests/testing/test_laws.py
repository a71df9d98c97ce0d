"""Laws of all vendors: no request makes them raise, and no problem repeats a value."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.testing.simulators import VENDORS
from gatekeeper.testing.vendor import Vendor

from . import test_ga4, test_google_ads, test_meta_capi, test_sentry, test_tiktok
from .builders import received

TARGETS = [
    test_ga4.TARGET,
    "/debug" + test_ga4.TARGET,
    "/g/collect?v=2",
    test_meta_capi.TARGET,
    test_google_ads.CLICKS,
    test_google_ads.ADJUSTMENTS,
    test_google_ads.INGEST,
    test_tiktok.TARGET,
    "/open_api/v1.3/pixel/batch/",
    test_sentry.TARGET,
    "/api/42/store/",
]
HEADERS = [
    test_sentry.AUTH,
    test_tiktok.TOKEN,
    *test_google_ads.HEADERS.items(),
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("Content-Type", "multipart/form-data; boundary=XX"),
    ("Content-Type", "application/json"),
    ("Content-Encoding", "gzip"),
]
VALID = [
    test_ga4.BODY,
    test_meta_capi.BODY,
    test_google_ads.CLICK_BODY,
    test_google_ads.ADJUSTMENT_BODY,
    test_google_ads.INGEST_BODY,
    test_tiktok.BODY,
    test_sentry.EVENT,
]

SECRET = "hush"
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([SECRET, f"{SECRET}@example.com", f"fb.1.1.{SECRET}", f"customers/1/{SECRET}", ""]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.just(f"{SECRET} "), inner, max_size=1)),
    max_leaves=4,
)


def paths(value: object, here: tuple = ()) -> list[tuple]:
    """Every place in a JSON value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for key, child in children for path in paths(child, (*here, key)))]


def put(value: object, path: tuple, new: object) -> object:
    """A copy of `value` with another value in one place."""
    if not path:
        return new
    key, *rest = path
    if isinstance(value, dict):
        return value | {key: put(value[key], tuple(rest), new)}
    return [put(child, tuple(rest), new) if index == key else child for index, child in enumerate(value)]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A valid body of some vendor with something else in one or two places, or any bytes."""
    if draw(st.booleans()) and draw(st.booleans()):
        return draw(st.binary(max_size=200))
    value = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 2))):
        value = put(value, draw(st.sampled_from(paths(value))), draw(VALUES))
    encoded = orjson.dumps(value)
    if draw(st.booleans()):
        return b"{}\n" + orjson.dumps({"type": "event", "length": len(encoded)}) + b"\n" + encoded
    return encoded


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.KIND)
@given(
    target=st.sampled_from(TARGETS),
    headers=st.lists(st.sampled_from(HEADERS), max_size=4),
    body=bodies(),
    method=st.sampled_from(["POST", "POST", "POST", "GET"]),
)
def test_no_request_raises_and_no_problem_repeats_a_value(
    vendor: Vendor, target: str, headers: list, body: bytes, method: str
) -> None:
    """Every vendor checks, decodes and answers whatever comes, and its problems say where, not what."""
    request = received(target, body, method=method, headers=headers)
    problems = vendor.check(request)
    answer = vendor.answer(request, problems)
    assert 200 <= answer.status <= 599
    assert all(isinstance(event, dict) for event in vendor.events(request))
    assert all(problem.rule and problem.source for problem in problems)
    assert SECRET not in "\n".join(map(str, problems))


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.KIND)
@given(body=st.lists(st.sampled_from([b"[", b'{"data":', b'{"events":[', b"--XX\r\n"]), max_size=4))
def test_deep_and_broken_nesting_is_harmless(vendor: Vendor, body: list[bytes]) -> None:
    """Nesting far beyond any event neither raises nor takes long."""
    for target in TARGETS:
        request = received(target, b"".join(body) + b"[" * 5000, headers=HEADERS[:5])
        assert vendor.answer(request, vendor.check(request)).status >= 200
