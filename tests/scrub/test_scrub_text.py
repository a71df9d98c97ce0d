"""What free text loses, and what it keeps."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

import pytest

from gatekeeper.scrub import Scrubbed, scrub_text

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"

REPLACED = [
    pytest.param("Thanks jane.doe@example.com!", "Thanks [email]!", "email", id="email"),
    pytest.param("<JANE@EXAMPLE.COM>", "<[email]>", "email", id="email-upper-case"),
    pytest.param("jane@@example.com", "[email]", "email", id="email-two-ats"),
    pytest.param("jane@doe@example.com", "[email]", "email", id="email-two-ats-apart"),
    pytest.param("an анна@пример.рф", "an [email]", "email", id="email-cyrillic"),
    pytest.param("联系jane@example.com谢谢", "联系[email]谢谢", "email", id="email-between-han"),
    pytest.param("ｊａｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "[email]", "email", id="email-fullwidth"),
    pytest.param("ja\u00adne@exam\u200bple.com", "[email]", "email", id="email-invisible-characters"),
    pytest.param("u=jane%40example.com&v=1", "u=[email]&v=1", "email", id="email-percent"),
    pytest.param("u=jane%2540example.com", "u=[email]", "email", id="email-percent-twice"),
    pytest.param("jane\\u0040example.com", "[email]", "email", id="email-json-escape"),
    pytest.param("jane&#64;example.com", "[email]", "email", id="email-html-entity"),
    pytest.param("t=amFuZUBleGFtcGxlLmNvbQ==", "t=[email]==", "email", id="email-base64"),
    pytest.param("t=6a616e65406578616d706c652e636f6d", "t=[email]", "email", id="email-hex"),
    pytest.param("call +49 (0)30 23125-001.", "call [phone].", "phone", id="phone-country-code"),
    pytest.param("(212) 555-0123", "[phone]", "phone", id="phone-american"),
    pytest.param("Tel. 03023125001", "Tel. [phone]", "phone", id="phone-announced"),
    pytest.param("هاتف ٠٥٠١٢٣٤٥٦٧", "هاتف [phone]", "phone", id="phone-arabic-digits"),
    pytest.param("4242 4242 4242 4242", "[card]", "card", id="card-in-groups"),
    pytest.param("pan=378282246310005;", "pan=[card];", "card", id="card-amex"),
    pytest.param("from 203.0.113.9: timeout", "from [ip]: timeout", "ip", id="ipv4"),
    pytest.param("peer [2001:db8::1]:443", "peer [ip]:443", "ip", id="ipv6"),
    pytest.param("client 1.2.3.4", "client [ip]", "ip", id="ipv4-that-reads-like-a-version"),
    pytest.param("IBAN de89 3704 0044 0532 0130 00 ok", "IBAN [iban] ok", "iban", id="iban"),
    pytest.param(f"auth {JWT} expired", "auth [jwt] expired", "jwt", id="jwt"),
    pytest.param("Bearer 7c3f0b9e-a1", "Bearer [key]", "key", id="bearer-token"),
    pytest.param('{"password":"hunter2"}', '{"password":"[key]"}', "key", id="password"),
    pytest.param("md5 5d41402abc4b2a76b9719d911017c592", "md5 [token]", "token", id="digest"),
]


@pytest.mark.parametrize(("text", "expected", "shape"), REPLACED)
def test_a_shape_is_replaced_by_its_name(text: str, expected: str, shape: str) -> None:
    """The name stands where the value stood, everything around it stays."""
    assert Scrubbed(expected, (shape,)) == scrub_text(text)


DIGEST = "5d41402abc4b2a76b9719d911017c592"


@pytest.mark.parametrize("text", [f"{DIGEST} jane@example.com", f"jane@example.com {DIGEST}"], ids=["last", "first"])
@pytest.mark.parametrize("pack", [lambda raw: b64encode(raw).decode().rstrip("="), bytes.hex], ids=["base64", "hex"])
def test_a_word_is_named_by_the_most_exact_shape_in_it(text: str, pack: Callable[[bytes], str]) -> None:
    """Wherever it stands in the word: an operator who reads `token` would not look for an address."""
    assert scrub_text(f"t={pack(text.encode())}").found == ("email",)


KEPT = [
    "Blue Suede Shoes, size 42",
    "Кроссовки мужские беговые 43 размер",
    "4006381333931",
    "ORD-2026-000482",
    "114-1234567-1234567",
    "2026-11-23T10:30:45.123Z",
    "550e8400-e29b-41d4-a716-446655440000",
    "1234567890.1700000000",
    "v1.2.3.4",
    "1.2.3.4",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0 Safari/537.36",
    "OID 1.3.6.1.4.1.311.21.20",
    "logo@2x.png",
    "react@18.3.0-canary-a870b2d54",
    "@nike",
    "user@localhost",
    "36 38 40 42 44 46 48 50",
    "+10 000 000 downloads",
    "app.4a7d1ed414474e4033ac29ccb8653d9b.css",
    "password: required",
    "connect ECONNREFUSED 127.0.0.1:5432",
    "12:34:56",
    "std::map<int, char>",
    "Boston, MA 02110-1301",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_a_shape_stays(text: str) -> None:
    """Order numbers, article numbers, versions, dates and names of things survive."""
    assert Scrubbed(text) == scrub_text(text)


ADDRESSES = [
    pytest.param(
        "GET https://jane:pw@api.example/u?id=7&utm_source=x#top 500",
        "GET https://api.example/u?utm_source=x 500",
        ("userinfo", "query", "fragment"),
        id="absolute",
    ),
    pytest.param("see /account?name=Jane&sort=1 now", "see /account now", ("query",), id="relative"),
    pytest.param("(https://shop.example/a?q=1).", "(https://shop.example/a).", ("query",), id="in-brackets"),
    pytest.param(
        "at f (https://shop.example/a.js?v=12:10:15)",
        "at f (https://shop.example/a.js:10:15)",
        ("query",),
        id="stack-frame-keeps-line-and-column",
    ),
    pytest.param(
        "next=https%3A%2F%2Fshop.example%2F%3Fname%3DJane ok",
        "next=https%3A%2F%2Fshop.example%2F ok",
        ("query",),
        id="encoded-query",
    ),
    pytest.param("done#access_token=abc", "done", ("fragment",), id="token-in-a-fragment"),
    pytest.param("see https://shop.example/a, ok?", "see https://shop.example/a, ok?", (), id="nothing-to-cut"),
]


@pytest.mark.parametrize(("text", "expected", "found"), ADDRESSES)
def test_urls_in_text_keep_listed_parameters_only(text: str, expected: str, found: tuple[str, ...]) -> None:
    """An error message's URL is treated like a page URL, with the default list."""
    assert Scrubbed(expected, found) == scrub_text(text)


def test_found_lists_each_shape_once_in_order() -> None:
    """`found` tells what was replaced, not how often."""
    assert scrub_text("203.0.113.9 a@b.co 203.0.113.10 c@d.co").found == ("ip", "email")


def test_lone_surrogates_become_replacement_characters() -> None:
    """What no encoding can carry is not passed on, and is no shape."""
    assert Scrubbed("a\ufffdb") == scrub_text("a\ud800b")


def test_encodings_may_be_nested() -> None:
    """Base64 of percent-encoding of an address, percent-encoded again."""
    inner = b64encode(b"id=jane%40example.com").decode().replace("=", "%3D")
    assert scrub_text(inner).text.removesuffix("%3D").removesuffix("%3D") == "[email]"


def test_a_text_that_never_settles_goes_whole() -> None:
    """Where each replacement bares another shape, the text itself is replaced."""
    assert scrub_text("+1" * 400).text == "[text]"


def test_the_text_is_not_in_the_repr() -> None:
    """Names and addresses may be left in a text: tracebacks must not show it."""
    assert "Jane" not in repr(scrub_text("Jane Doe, Main Street 1"))
