"""Where each shape begins and ends: what it finds of a text stands between ⟦ and ⟧, and nothing else is found."""

from __future__ import annotations

import re

import pytest

from gatekeeper.scrub.found import Span
from gatekeeper.scrub.shapes import card, email, iban, ip, key, phone, token

SECRET = "a8F3kQ9zL2mN7pR4sT6vW1xY5bC0dE8g"
EMAILS = [
    "mail ⟦jane@example.com⟧, please",
    "⟦jane.doe+x@mail.example.co.uk⟧.",
    "⟦jane@doe@example.com⟧",
    "<⟦jane@example.com⟧>",
    "'⟦jane@example.com⟧'",
    '⟦"jane doe"@example.com⟧',
    "⟦jane@[203.0.113.9]⟧!",
    "⟦jane@例子.公司⟧",
    "谢谢 ⟦王伟@example.com⟧ 先生",
    "⟦jane@xn--e1afmkfd.xn--p1ai⟧",
    "⟦jane@example.com⟧.123",
    "⟦a@b.co⟧,⟦c@d.co⟧",
    "x ⟦a@b.co⟧ y ⟦c@d.de⟧ z",
    "@nike and user@localhost",
    "react@18.2.0 logo@2x.png logo@1.5x.png @ .@. a@",
    "⟦jane@18.example.com⟧",
    "⟦jane_at_example_dot_com⟧",
    "⟦jane.doe_at_example.com⟧ x",
    "⟦jane(at)example.com⟧",
    "⟦jane [at] example [dot] com⟧",
    "⟦jane {at} mail {dot} example {dot} com⟧",
    "look_at_this.html and photo_at_sea.jpg",
    "meet at noon (at) the bar",
]
PHONES = [
    "call ⟦+49 171 1234987⟧ now",
    "⟦+491711234987⟧",
    "⟦+1 (212) 555-0123⟧",
    "+123456 and +1234567890123456",
    "⟦0049 171 1234987⟧",
    "⟦00491711234987⟧",
    "004917112349",
    "⟦(212) 555-0123⟧",
    "⟦212-555-0123⟧",
    "⟦1-212-555-0123⟧",
    "212-555.0123",
    "AB-212-555-0123",
    "⟦0171 1234987⟧",
    "⟦(0)171 12345⟧",
    "⟦(030) 901820⟧",
    "⟦138 1234 5678⟧",
    "⟦98765 43210⟧",
    "⟦612 34 56 78⟧",
    "⟦8 912 345-67-89⟧",
    "07.03.1990 and 7/03/1990",
    "+10 000 000 and +12.50",
    "09-88937-12759",
    "12345-6789",
    "1234 5678 9012",
    "tel ⟦1234567⟧",
    "Tel.: ⟦12345678⟧, x",
    "phone number is 123456",
    "fax:⟦(1234567⟧)",
    "order 12345678",
    "mytel 1234567x",
    "/0171/1234987/",
    "2 0171 1234987",
    "tel ⟦123 4567⟧",
    "tel 123    4567",
    "tel ⟦123456789012345⟧",
    "tel 1234567890123456",
    "05901234123457",
]
IPS = [
    "from ⟦203.0.113.9⟧,",
    "⟦10.0.0.1⟧",
    "127.0.0.1 0.1.2.3 255.255.255.0 1.2.0.0 999.1.1.1",
    "1.2.3.4 and 19.19.19.19",
    "⟦20.1.1.1⟧",
    "ip ⟦1.2.3.4⟧",
    "remote_addr=⟦1.2.3.4⟧",
    "//⟦1.2.3.4⟧/x",
    "v203.0.113.9 and version 203.0.113.9 and release: 203.0.113.9",
    "setup-203.0.113.9.exe",
    "1.203.0.113.9 203.0.113.9.1 %203.0.113.9",
    "⟦2001:db8::1⟧",
    "⟦[2001:db8::1]⟧:443",
    "⟦2001:db8::1⟧.",
    "⟦fe80::1%eth0⟧",
    "x ⟦2001:db8:0:0:0:0:0:1⟧ y",
    "::1 :: a::b 12:30:45 std::string",
    "00:1b:63:84:45:e6",
    "⟦2001:db8::⟧",
]
KEYS = [
    "password=⟦hunter22⟧&x=1",
    "password=⟦swordfish⟧",
    "password: swordfish",
    "password=required password=None token: invalid secret = None",
    "pwd=abc",
    "api_key: ⟦a1b2c3d4⟧",
    'client_secret="⟦s3cr3tvalue⟧"',
    "Bearer ⟦abc123def456⟧",
    "basic abcdefghij",
    "basic ⟦YWJjOmRlZjE1⟧",
    "bearer:⟦a1b2c3d4⟧",
    "bearer a1b2c3d",
    "authorization=/path/1234",
    "⟦AKIAIOSFODNN7EXAMPLE⟧",
    "sessiontoken=⟦x9y8z7⟧",
    "monkey=12345 and turnkey: 12345",
    "-----BEGIN PUBLIC KEY-----",
    "x ⟦-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----⟧ y",
]
CARDS = [
    "⟦4242424242424242⟧",
    "pay ⟦4242 4242 4242 4242⟧!",
    "⟦4242-4242-4242-4242⟧",
    "4242424242424241",
    "4242  4242   4242 4242",
    "⟦3782 822463 10005⟧",
    "⟦378282246310005⟧",
    "42424242424242424242",
    "36 38 40 42 44 46 48 50",
    "⟦4242424242424242⟧ ⟦4242424242424242⟧",
]
IBANS = [
    "⟦DE89370400440532013000⟧",
    "iban ⟦de89 3704 0044 0532 0130 00⟧.",
    "⟦DE89-3704-0044-0532-0130-00⟧",
    "DE88370400440532013000",
    "XX89370400440532013000",
    "ADE89370400440532013000",
    "⟦GB29NWBK60161331926819⟧",
]
TOKENS = [
    f"⟦{SECRET}⟧",
    f"x/⟦{SECRET}⟧/y",
    f"app.{SECRET}.css {SECRET}.min.js",
    SECRET[:31],
    "12345678-1234-1234-1234-123456789012",
    "aGVsbG8gd29ybGQgdGhpcyBpcyBwbGFpbiB0ZXh0",
    "this-is-a-long-slug-with-many-words-in-it-2026-11-24",
    "1" * 40,
    "abcdefghijklmnopqrstuvwxyzabcdefghij",
    f"_Z{SECRET}",
    "⟦5eb63bbbe01eeed093cb22bb8f5acdc3⟧",
    "550e8400e29b41d4a716446655440000",
]
TABLE = [
    (module, text)
    for module, texts in (
        (email, EMAILS), (phone, PHONES), (ip, IPS), (key, KEYS), (card, CARDS), (iban, IBANS), (token, TOKENS),
    )
    for text in texts
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "marked"),
    TABLE,
    ids=[f"{module.__name__.rpartition('.')[2]}-{n}" for n, (module, _) in enumerate(TABLE)],
)
def test_a_shape_ends_where_it_ends(module, marked: str) -> None:
    """To the character; and what only resembles it is none."""
    text = marked.replace("⟦", "").replace("⟧", "")
    name = module.__name__.rpartition(".")[2]
    expected = []
    for n, match in enumerate(re.finditer("⟦([^⟧]*)⟧", marked)):
        start = match.start() - 2 * n
        expected.append(Span(start, start + len(match[1]), name))
    assert sorted({*module.find(text)}) == expected
