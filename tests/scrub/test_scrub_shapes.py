"""Single decisions of the shapes, and the data files they rest on."""

from __future__ import annotations

import re
import tomllib
from base64 import b64encode
from pathlib import Path

import pytest

from gatekeeper.scrub import scrub_text, shapes
from gatekeeper.scrub.shapes import jwt, key

FOLDER = Path(shapes.__file__).parent


def test_every_key_pattern_is_met_by_the_marks_that_are_looked_for_first() -> None:
    """A new row in key.toml has to be known to the quick look too, or it would never be found."""
    rows = tomllib.loads((FOLDER / "key.toml").read_text(encoding="utf-8"))["keys"]
    for row in rows:
        assert row["source"].startswith("https://")
        opening = re.match(r"(?:\(\?<![^)]*\))?(.*)", row["pattern"])
        assert opening is not None
        assert key.suspicious(example(opening.group(1)) + "0aB" * 20), row["name"]


def example(pattern: str) -> str:
    """A text that begins like the pattern: the first of each class and alternative, up to a repetition."""
    pattern = pattern.partition("]{")[0].rpartition("[")[0]
    pattern = re.sub(r"\(\?:([^|)]*)\|?[^)]*\)", r"\1", pattern)
    return re.sub(r"\[(.)[^\]]*\]", r"\1", pattern).replace("\\", "")


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_alg_is_recognised_in_each_alignment(shift: int) -> None:
    """The member that every JOSE header has may stand anywhere in it (RFC 7515, 4.1.1)."""
    assert jwt.ALG.search(b64encode(b" " * shift + b'{"alg":"HS256"}').decode())


@pytest.mark.parametrize(
    ("number", "issued"),
    [
        ("4242424242424242", True),
        ("4242424242424241", False),  # check digit
        ("1234567812345670", False),  # no issuer
        ("42424242424242424", False),  # length
        ("378282246310005", True),
        ("2223003122003222", True),
        ("4222222222222", False),  # thirteen digits are an EAN
    ],
)
def test_a_card_has_an_issuer_a_length_and_a_check_digit(number: str, issued: bool) -> None:
    """Luhn alone would take every tenth number for a card."""
    assert issued is ("card" in scrub_text(number).found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("DE89370400440532013000", True),
        ("DE89370400440532013001", False),  # check digits
        ("DE8937040044053201300", False),  # length
        ("XX89370400440532013000", False),  # country
        ("de 89370400440532013000", False),  # `de` is also a word
    ],
)
def test_an_iban_has_a_country_its_length_and_check_digits(text: str, found: bool) -> None:
    """Nothing else is one."""
    assert found is ("iban" in scrub_text(text).found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("203.0.113.9", True),
        ("203.0.113.256", False),
        ("1.2.3.4.5", False),
        ("version 203.0.113.9", False),
        ("tool-8.31.0.22.exe", False),
        ("131.0.0.0", False),
        ("255.255.255.0", False),
        ("10.0.0.1", True),
        ("5.6.7.8", False),  # below 20 and no word: a version
        ("ip=5.6.7.8", True),
        ("2001:db8::1", True),
        ("fe80::1%eth0", True),
        ("2001:db8::1.", True),
        ("2001:db8::1:", True),
        ("2001:db8::", True),
        ("2001:db8::1x", False),
        ("ab::1", True),
        ("::ffff:192.0.2.1", True),
        ("1:2:3:4:5:6:7:8", False),
        ("::1", False),
        ("a::b", False),
        ("aa:bb:cc:dd:ee:ff", False),
        ("10:30:45", False),
    ],
)
def test_addresses_and_versions_are_told_apart(text: str, found: bool) -> None:
    """By range, by the words before them, by what follows."""
    assert found is ("ip" in scrub_text(text).found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2125550123", False),  # a bare run of digits may be anything
        ("phone 2125550123", True),
        ("phone number is 2125550123", True),
        ("iphone 2125550123", False),
        ("phone holder 4006381333931", False),
        ("[phone] 2125550123", False),  # our own mark announces nothing
        ("0171/0406901", True),
        ("see x/0171/0406901", False),  # segments of a path
        ("01.02.2026 10.30", False),
        ("192 384 768 1536", False),
        ("6 212 555 0123", False),
        ("+281474976710656123", False),  # more than fifteen digits
        ("SKU AB-212-555-0123", False),
        ("00491711000009", True),
        ("00491711000005", False),  # the check digit of an article number
        ("6 (212) 555-0123", True),  # a bracket begins a number of its own
        ("tel: 12 34 56 78 90", True),  # groups add up
        ("tel: 12 34", False),
        ("tel: 123   4567890", True),
        ("tel: 123    4567890", False),  # four characters apart are two things
    ],
)
def test_a_phone_number_needs_a_sign_that_it_is_one(text: str, found: bool) -> None:
    """A plus, a way of grouping, or a word."""
    assert found is ("phone" in scrub_text(text).found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('write to "jane doe"@example.com today', "write to [email] today"),
        ('"jane doe"@example.com', "[email]"),
        ('say "hi" to "jane"@example.com', 'say "hi" to [email]'),
        ("jane@doe@example.com!", "[email]!"),
        ("@jane@example.com", "@[email]"),
        ("&#9999999; jane&#64;example.com", "&#9999999; [email]"),
        ("password=hunter2", "password=[key]"),
        ("password: hunter2", "password: [key]"),
        ("to jane@[192.0.2.1].", "to [email]."),
        ("jane@x.1.com", "[email]"),
        ("(jane@example.com)", "([email])"),
        ("'o'hara@example.com'", "'[email]'"),
        ("mail 王小明@例子.公司 now", "mail [email] now"),
        ("jane@example.com@example.com x@y.com", "[email] [email]"),
        ("phone (2125550123", "phone [phone]"),
    ],
)
def test_an_address_goes_whole_and_what_stands_around_it_stays(text: str, expected: str) -> None:
    """Quoted local parts, several at signs, address literals (RFC 5321, 4.1.2 and 4.1.3) and other scripts."""
    assert scrub_text(text).text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at 2001:db8::1.", "at [ip]."),
        ("at 2001:db8::1: no", "at [ip]: no"),
        ("at [2001:db8::1]:80", "at [ip]:80"),
        ("at fe80::1%eth0, yes", "at [ip], yes"),
        ("at 2001:db8::192.0.2.1...", "at [ip]..."),
    ],
)
def test_a_version_6_address_goes_without_the_sentences_marks(text: str, expected: str) -> None:
    """Its brackets and its zone are its own."""
    assert scrub_text(text).text == expected


INVISIBLE = [
    *range(0xFE00, 0xFE10),
    0x34F,
    0x115F,
    0x1160,
    0x17B4,
    0x17B5,
    0x3164,
    0xFFA0,
    0xAD,
    0x200B,
    0x200D,
    0xFEFF,
    0,
]


@pytest.mark.parametrize("code", INVISIBLE, ids=hex)
def test_an_invisible_character_hides_nothing(code: int) -> None:
    """Variation selectors, fillers, soft hyphens, joiners: what a reader does not see."""
    assert scrub_text(f"to ja{chr(code)}ne@exam{chr(code)}ple.com!").text == "to [email]!"


@pytest.mark.parametrize("text", ["@example.com", "jane@example.1", "a @@example.com", "x@y@", '"@example'])
def test_an_at_sign_alone_makes_no_address(text: str) -> None:
    """Without a local part, or without a domain."""
    assert scrub_text(text).text == text


HEAD, BODY = (b64encode(part).decode().rstrip("=") for part in (b'{"alg":"HS256"}', b'{"sub":"1234567890"}'))


@pytest.mark.parametrize(
    ("rest", "left"),
    [
        (f".{BODY}.c2ln", ""),
        (f".{BODY}", ""),
        (f"..{BODY}.abc.def", ""),  # RFC 7516: only the first part behind the header may be empty
        (f".{BODY}..", ".."),
        (f".{BODY}.c2ln.x.y.z", ".z"),  # five parts at most
        (".", f"{HEAD}."),
        ("", HEAD),
    ],
    ids=["signed", "unsigned", "no-key", "dots-of-a-sentence", "five-parts", "header-and-dot", "header-alone"],
)
def test_a_token_ends_with_its_last_part(rest: str, left: str) -> None:
    """What follows it is not the token's; a header alone is none."""
    assert scrub_text(f"v1.{HEAD}{rest}").text == "v1." + (left if left.startswith(HEAD) else f"[jwt]{left}")
