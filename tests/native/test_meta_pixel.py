"""Meta's pixel through the gate: what a page's own hits may still say."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.model import Call
from gatekeeper.vendors.formats import form
from tests.builders import make_gate, make_policy
from tests.native.kit import EVERYTHING, everything, granting, query
from tests.sizes import sized

ACCOUNT = "123456789"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def send(call: Call, *granted: str, gate=None, **more):
    return granting(gate or make_gate(), "meta_capi", call, *(granted or EVERYTHING), **more)


def hit(*more: tuple[str, str]) -> Call:
    """A GET with these parameters besides what every hit has."""
    pairs = [("id", ACCOUNT), ("ev", "PageView"), ("dl", "https://shop.example/"), *more]
    return Call("GET", "/tr/", urlencode(pairs))


PERSONAL = {
    "em": (" Jane@Example.com", sha("jane@example.com")),
    "ph": ("+1 415 555 0100", sha("14155550100")),
    "fn": ("Jane", sha("jane")),
    "ln": ("Doe", sha("doe")),
    "db": ("19970216", sha("19970216")),
    "ge": ("female", sha("f")),
    "ct": ("menlopark", sha("menlopark")),
    "st": ("California", sha("ca")),
    "zp": ("94103", sha("94103")),
    "country": ("United States", sha("us")),
    "external_id": ("u-77", sha("u-77")),
}


@pytest.mark.parametrize("key", PERSONAL)
@pytest.mark.parametrize("group", ["ud", "udff"])
def test_a_clear_matching_field_goes_out_hashed(key, group):
    """By the rules of the Conversions API; one that the allow-list does not name goes nowhere."""
    raw, normal = PERSONAL[key]
    call = hit((f"{group}[{key}]", raw))
    assert query(send(call))[f"{group}[{key}]"] == normal
    narrow = {"kind": "meta_capi", "pixel_id": ACCOUNT, "access_token": "t", "fields": ["page_url"]}
    made = send(call, gate=make_gate(make_policy(destinations={"meta_capi": narrow})))
    assert f"{group}[{key}]" not in query(made) and raw.encode() not in everything(made)


@settings(max_examples=sized(150), deadline=None)
@given(
    st.text(max_size=60), st.binary(max_size=60), st.sampled_from([form.URLENCODED, "multipart/form-data; boundary=x"])
)
def test_no_bytes_make_the_gate_fail(text, noise, kind):
    """Whatever stands in the query or the body."""
    for call in (
        Call("GET", "/tr/", f"id={ACCOUNT}&ev=PageView&{text}"),
        Call("POST", "/tr/", f"id={ACCOUNT}&ev=PageView", ((b"content-type", kind.encode()),), noise),
    ):
        assert send(call).reason in (None, "call_unreadable", "consent_unreadable", "insufficient_data")
