"""What URLs lose, and that the rest stays byte for byte."""

from __future__ import annotations

import pytest

from gatekeeper.scrub import DEFAULT_PARAMS, Scrubbed, scrub_url

SHOP = "https://shop.example"

CHANGED = [
    pytest.param(f"{SHOP}/p?utm_source=a&email=b", f"{SHOP}/p?utm_source=a", ("query",), id="unlisted-parameter"),
    pytest.param(f"{SHOP}/p?a=1", f"{SHOP}/p", ("query",), id="no-parameter-left"),
    pytest.param(f"{SHOP}/p?UTM_SOURCE=a", f"{SHOP}/p", ("query",), id="letter-case-counts"),
    pytest.param("/p?utm_source=a;email=b", "/p?utm_source=a", ("query",), id="semicolon"),
    pytest.param("/p?utm_source=a?email=b", "/p?utm_source=a", ("query",), id="second-question-mark"),
    pytest.param("/p;jsessionid=A1?utm_id=1", "/p?utm_id=1", ("query",), id="path-parameter"),
    pytest.param("/p%3Femail%3Djane", "/p", ("query",), id="encoded-question-mark"),
    pytest.param("/p?utm_content=%2Fx%3Fname%3DJane", "/p?utm_content=%2Fx", ("query",), id="query-in-a-value"),
    pytest.param(f"{SHOP}/p#x", f"{SHOP}/p", ("fragment",), id="fragment"),
    pytest.param("https://jane:pw@shop.example:8443/p", f"{SHOP}:8443/p", ("userinfo",), id="userinfo"),
    pytest.param("//a@b@shop.example/p", "//shop.example/p", ("userinfo",), id="userinfo-with-at"),
    pytest.param("/u/jane%40example.com/x", "/u/[email]/x", ("email",), id="segment"),
    pytest.param("/u/id-jane@example.com-7/x", "/u/[email]/x", ("email",), id="whole-segment"),
    pytest.param("/u/amFuZUBleGFtcGxlLmNvbQ", "/u/[email]", ("email",), id="segment-in-base64"),
    pytest.param("/t/+49%2030%2023125%20001", "/t/[phone]", ("phone",), id="segment-phone"),
    pytest.param("/p?utm_term=to%20jane%40a.example", "/p?utm_term=to%20[email]", ("email",), id="value"),
    pytest.param("http://203.0.113.9:81/p", "http://[ip]:81/p", ("ip",), id="host-ipv4"),
    pytest.param("http://[2001:db8::1]:81/p", "http://[ip]:81/p", ("ip",), id="host-ipv6"),
    pytest.param("mailto:jane@example.com", "mailto:", ("scheme",), id="mailto"),
    pytest.param("file:///C:/Users/Jane%20Doe/cv.pdf", "file:", ("scheme",), id="file"),
    pytest.param("FILE:///home/jane/cv.pdf", "FILE:", ("scheme",), id="file-upper-case"),
    pytest.param("data:text/html,<p>Jane", "data:", ("scheme",), id="data"),
    pytest.param("blob:https://shop.example/jane", "blob:", ("scheme",), id="blob"),
    pytest.param("javascript:alert('Jane')", "javascript:", ("scheme",), id="javascript"),
    pytest.param("view-source:https://shop.example/jane", "view-source:", ("scheme",), id="view-source"),
    pytest.param("tel:03012345", "tel:", ("scheme",), id="tel"),
    pytest.param("C:\\Users\\Jane\\cv.pdf", "C:", ("scheme",), id="drive"),
    pytest.param("/path&email=jane.doe", "/path", ("query",), id="parameter-without-a-question-mark"),
    pytest.param("/path&email=jane.doe/x", "/path/x", ("query",), id="parameter-in-a-segment"),
    pytest.param("/p?utm_source=fb%26name%3DJane", "/p?utm_source=fb", ("query",), id="swallowed-parameter"),
    pytest.param(
        "/p?utm_source=fb%2526name%253DJane&utm_id=1", "/p?utm_source=fb&utm_id=1", ("query",), id="twice-encoded"
    ),
    pytest.param("/p?utm_source=fb%3Bname=Jane", "/p?utm_source=fb", ("query",), id="swallowed-by-semicolon"),
    pytest.param("/p?utm_content=jane.doe_at_example.com", "/p?utm_content=[email]", ("email",), id="merge-tag"),
    pytest.param("/\ud800?utm_id=\udfff", "/\ufffd?utm_id=\ufffd", (), id="surrogates"),
]


@pytest.mark.parametrize(("url", "expected", "found"), CHANGED)
def test_a_url_loses_what_is_not_listed_and_what_is_personal(url: str, expected: str, found: tuple[str, ...]) -> None:
    """Parameters by allow-list; path segments and values by shape."""
    assert Scrubbed(expected, found) == scrub_url(url)


KEPT = [
    "",
    "/",
    "/checkout/confirmation",
    "checkout.html",
    "//cdn.example/lib/1.2.3/app.js",
    f"{SHOP}/de/stra%C3%9Fe/größe-42/",
    f"{SHOP}/p?utm_source=a%20b+c&utm%5Fmedium=%65mail",
    f"{SHOP}/u/550e8400-e29b-41d4-a716-446655440000",
    f"{SHOP}/p/4006381333931/reviews",
    f"{SHOP}/@handle",
    "http://localhost:8000/checkout",
    "http://127.0.0.1:8787/gk/collect",
    "http://[::1]:8000/",
    "about:blank",
    "about:srcdoc",
    "localhost:8000/checkout",
    "shop.example:8443/p",
    "android-app://com.google.android.gm/",
    "ios-app://544007664/",
    "/a&b/c",
    f"{SHOP}/p?utm_content=r%26b",
    f"{SHOP}/home/garden/tools",
    f"{SHOP}/look_at_me.html",
]


@pytest.mark.parametrize("url", KEPT)
def test_what_stays_is_never_re_encoded(url: str) -> None:
    """An ordinary URL comes back as the very same text."""
    assert Scrubbed(url) == scrub_url(url)


def test_the_policy_adds_parameters() -> None:
    """The list that is given is the list that counts; the default is the campaign parameters."""
    assert Scrubbed("/p?page=2", ("query",)) == scrub_url("/p?page=2&utm_source=a", frozenset({"page"}))
    assert Scrubbed("/p?page=2&utm_source=a") == scrub_url("/p?page=2&utm_source=a", DEFAULT_PARAMS | {"page"})


def test_an_added_parameter_is_still_searched() -> None:
    """To be listed is no licence for an address."""
    assert Scrubbed("/p?q=[email]", ("email",)) == scrub_url("/p?q=jane@example.com", frozenset({"q"}))
