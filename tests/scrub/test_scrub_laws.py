"""Laws of the scrubber, for any text at all."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from gatekeeper.scrub import (
    CLICK_IDS,
    DEFAULT_PARAMS,
    detect,
    lift_click_ids,
    personal_shape,
    scrub_text,
    scrub_url,
)
from gatekeeper.scrub.meter import UNMETERED
from gatekeeper.scrub.plain import is_plain
from gatekeeper.scrub.shapes.secret import SECRETS
from gatekeeper.scrub.views import View, folded, folded_text
from tests.sizes import sized

ANY_CHARACTER = st.characters(exclude_categories=())  # lone surrogates too
# What addresses, numbers, tokens and their disguises are made of, in every order.
WORDS = r"""
@ . .. - _ : :: / // ? # & ; = + % %25 %40 %2540 %3F %3D \ \u0040 &#64; " ' ( ) [ ] < > , | ~ $
a b.co jane example.com jane@example.com a@b.co xn--p1ai 例子.公司 jürgen anna@пример.рф
amFuZUBleGFtcGxlLmNvbQ 1 12 007 4242 4242424242424242 4111-1111
+49 030 2125550123 212-555-0123 203.0.113.9 2001:db8::1 1.2.3.4
DE89 DE89370400440532013000 3704 eyJ eyJhbGciOiJIUzI1NiJ9 eyJzdWIiOiI3In0 c2ln sk_live_ ghp_ a1B2c3D4e5F6g7H8
tel phone ip v token= password= bearer https:// http: mailto: utm_source= gclid= [email] [phone] ٤ ٢٠٣ ＠ ．
"""
INVISIBLE = [" ", "  ", "\n", "\t", "\0", "\u200b", "\u00ad", "\u202e", "\ud800", "\udc00", "🎉", "é", "中"]
PIECES = st.sampled_from(WORDS.split() + INVISIBLE)
TEXTS = st.one_of(
    st.text(ANY_CHARACTER, max_size=60),
    st.lists(PIECES, max_size=25).map("".join),
    st.lists(st.one_of(PIECES, ANY_CHARACTER), max_size=25).map("".join),
)

LABEL = st.from_regex("[a-z][a-z0-9]{0,8}", fullmatch=True)
EMAILS = st.builds("{}@{}.{}".format, LABEL, LABEL, st.sampled_from(["com", "org", "net", "example", "museum"]))
CARDS = st.sampled_from(["4242424242424242", "4111111111111111", "5555555555554444", "378282246310005"])
JWTS = st.builds(
    lambda claims: ".".join(
        urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b'{"alg":"HS256","typ":"JWT"}', claims, claims)
    ),
    st.binary(min_size=3, max_size=30),
)
# Beside a number of the same digits, or in the middle of an escape, a planted value is no longer that value.
AROUND = st.lists(st.one_of(PIECES, ANY_CHARACTER), max_size=8).map("".join)
APART = st.sampled_from(" \n,;|\"'<>()🎉中ж。")


def forms(value: str) -> dict[str, str]:
    """A value as it stands and in the disguises that the scrubber promises to see through."""
    once = "".join(f"%{byte:02X}" for byte in value.encode())
    return {
        "raw": value,
        "percent": quote(value, safe=""),
        "percent, every byte": once,
        "percent twice": quote(quote(value, safe=""), safe=""),
        "base64": b64encode(value.encode()).decode(),
        "base64, one byte on": b64encode(b"#" + value.encode()).decode(),
        "base64, two bytes on": b64encode(b"u=" + value.encode()).decode(),
        "base64url": urlsafe_b64encode(value.encode()).rstrip(b"=").decode(),
    }


@settings(max_examples=sized(400), deadline=None)
@given(TEXTS)
@example("+1" * 40)
@example("4242 " * 9)
@example("[phone] 2125550123")
def test_scrubbing_text_twice_changes_nothing(text: str) -> None:
    """What is scrubbed is clean: a second pass finds nothing and returns the same."""
    once = scrub_text(text).text
    again = scrub_text(once)
    assert (once, ()) == (again.text, again.found)


@settings(max_examples=sized(400), deadline=None)
@given(TEXTS)
def test_scrubbing_a_url_twice_changes_nothing(url: str) -> None:
    """The same for URLs."""
    once = scrub_url(url).text
    again = scrub_url(once)
    assert (once, ()) == (again.text, again.found)


@settings(max_examples=sized(150), deadline=None)
@given(TEXTS, st.sampled_from(["jane:pw", "j@ne", "x"]))
@example("/u/id-jane@example.com-7/x", "jane:pw")
@example("/x;id=7/y", "jane:pw")
def test_a_password_in_an_address_changes_nothing_of_what_follows(text: str, user: str) -> None:
    """Without it the rest is what it is with it: places in the URL are counted from the same host."""
    text = "/" + text.partition("#")[0]
    plain, given = scrub_url(f"https://shop.example{text}"), scrub_url(f"https://{user}@shop.example{text}")
    assert (plain.text, ("userinfo", *plain.found)) == (given.text, given.found)


@settings(max_examples=sized(200), deadline=None)
@given(TEXTS)
@example("\ud800" * 20)
@example("%ff%fe" * 20)
@example("&#99999999;&#x110000;\\u{ffffffff}")
def test_no_text_raises_and_all_results_can_be_encoded(text: str) -> None:
    """Any str is good; what comes out is UTF-8, whatever went in."""
    url, lifted = lift_click_ids(text)
    for result in (scrub_text(text).text, scrub_url(text).text, url, *lifted.values()):
        result.encode("utf-8")
    personal_shape(text)


@settings(max_examples=sized(150), deadline=None)
@given(st.one_of(EMAILS, CARDS), AROUND, APART, APART, AROUND)
def test_a_planted_address_or_card_never_survives(value: str, before: str, left: str, right: str, after: str) -> None:
    """Raw, percent-encoded once and twice, and in base64 of any alignment."""
    assume(value not in before + after)  # there it may be a part of another number
    for name, form in forms(value).items():
        text = f"{before}{left}{form}{right}{after}"
        result = scrub_text(text).text
        assert form not in result, name
        assert value not in unquote(unquote(result)), name


@settings(max_examples=sized(150), deadline=None)
@given(JWTS, AROUND, APART, APART, AROUND)
def test_a_planted_jwt_never_survives(value: str, before: str, left: str, right: str, after: str) -> None:
    """A token's payload goes with it."""
    assert value.split(".")[1] not in scrub_text(f"{before}{left}{value}{right}{after}").text


@settings(max_examples=sized(150), deadline=None)
@given(st.one_of(EMAILS, CARDS, JWTS), st.sampled_from(sorted(DEFAULT_PARAMS)))
def test_a_planted_value_survives_nowhere_in_a_url(value: str, param: str) -> None:
    """As a path segment, in an allowed parameter, in a dropped one and in the fragment."""
    for name, form in forms(value).items():
        url = f"https://shop.example/{form}/x?{param}={form}&other={form}#{form}"
        result = scrub_url(url).text
        assert form not in result, name
        assert value not in unquote(unquote(result)), name


@settings(max_examples=sized(400), deadline=None)
@given(TEXTS)
def test_the_quick_look_never_passes_what_the_search_would_find(text: str) -> None:
    """It finds what the search of all shapes finds; it saves time and nothing else."""
    view = folded(View(text))
    quick = detect.looked_for(view, detect.DEPTH, SECRETS, UNMETERED, clean=True)
    assert quick == detect.layers(view, detect.DEPTH, SECRETS, UNMETERED, clean=True)


IDENTIFIERS = st.lists(
    st.one_of(
        st.sampled_from(
            ["tel", "Phone", "no", "T", "ORD", "s", "sk", "SKU", "AKIA", "DE89", "de", "_at_", "_", "-", "--", "e"]
        ),
        st.text("0123456789", min_size=1, max_size=9),
        st.text("abcdefABCDEF0123456789", max_size=13),
        st.sampled_from([b64encode(text).decode().rstrip("=") for text in (b"a@b.co", b"+491512345678", b"jane@x.de")]),
    ),
    max_size=6,
).map("".join)


@settings(max_examples=sized(1500), deadline=None)
@given(IDENTIFIERS)
def test_an_identifier_that_one_look_settles_holds_nothing(text: str) -> None:
    """Each sign that it looks for is one that a shape needs."""
    if is_plain(text):
        assert detect.layers(View(text), detect.DEPTH, SECRETS, UNMETERED, clean=True) == []


@settings(max_examples=sized(600), deadline=None)
@given(st.one_of(TEXTS, st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "replace"))))
def test_what_is_no_readable_text_holds_nothing_without_a_sign(text: str) -> None:
    """Of a decoded word that is not readable as a whole only what is exact counts, and that has a sign."""
    if detect.MAY_HOLD.search(folded_text(text)) is None:
        assert detect.layers(folded(View(text)), detect.DEPTH - 1, SECRETS, UNMETERED, clean=False) == []


@pytest.mark.parametrize("text", ["T-00123-123456", "s_1795392000", "ORD-2026-10433", "T-KEPT-123456"])
def test_one_look_settles_an_orders_number(text: str) -> None:
    """The law above would be empty without."""
    assert is_plain(text)


@settings(max_examples=sized(200), deadline=None)
@given(TEXTS, st.frozensets(st.sampled_from(["utm_source", "a", "q", "page"]), max_size=3))
def test_only_listed_parameters_and_no_fragment_stay(url: str, params: frozenset[str]) -> None:
    """Whatever the URL: after scrubbing, its parameters are on the list and it has no fragment."""
    result = scrub_url(url, params).text
    _, _, query = result.partition("?")
    assert "#" not in result
    assert {unquote(pair.partition("=")[0]) for pair in query.split("&") if pair} <= params | {"[text]"}


@settings(max_examples=sized(300), deadline=None)
@given(TEXTS)
def test_no_click_id_stays_in_a_url(url: str) -> None:
    """After lifting, nothing is left to lift."""
    rest, _ = lift_click_ids(url)
    assert (rest, {}) == lift_click_ids(rest)


@settings(max_examples=sized(100), deadline=None)
@given(
    st.sampled_from(sorted(CLICK_IDS)),
    st.from_regex("[A-Za-z0-9_-]{1,30}", fullmatch=True),
    st.sampled_from("?#"),
)
def test_a_click_id_is_lifted_from_query_and_fragment(name: str, value: str, mark: str) -> None:
    """Its value comes back under the canonical field, if it has one; the rest of the URL is as it was."""
    field = CLICK_IDS[name]
    expected = ("/p?a=1", {field: value} if field else {})
    assert expected == lift_click_ids(f"/p?a=1{'&' if mark == '?' else '#'}{name}={value}")
