"""Writes the two generated files of the labelled set: `positives.jsonl` and `ordinary_numbers.jsonl`.

Run by hand (`python tests/scrub/labelled/make.py`); a test checks that the files are what it writes. It
shares nothing with the detector: personal values are written out below by hand, check digits are computed
here on their own, and all of it is synthetic (example domains, documentation networks, numbers set aside for
fiction, vendors' published test cards, the registry's example IBANs).
"""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).parent

EMAILS = """
jane.doe@example.com
jane@example.org
j.doe+shop@example.net
jane_doe-1984@mail.example.co.uk
JANE.DOE@EXAMPLE.COM
Jane.Doe@Example.Com
o'connor@example.ie
x@example.io
1234567@example.com
jane@sub.sub2.sub3.example.museum
jürgen@example.de
müller@bücher.example
анна@пример.рф
用户@例子.公司
ユーザー@例え.テスト
사용자@예시.한국
उपयोगकर्ता@उदाहरण.भारत
مستخدم@مثال.إختبار
משתמש@דוגמה.קום
jane@xn--bcher-kva.example
jane@bücher.example
jane.doe＠example.com
jane﹫example．com
jane@@example.com
jane@doe@example.com
first.last%dept@example.com
jane!doe#1@example.com
"jane doe"@example.com
jane{tag}@example.com
user.name+tag+sorting@example.com
admin@mailserver1.example
jane@3com.example.com
jane@163.example
a.b.c.d.e.f@g.h.i.example
_jane_@example.com
jane--doe@ex-am-ple.com
no-reply@example.travel
j@e.co
jane.doe@example.photography
jane\u200b.doe@exam\u200bple.com
ja\u00adne@exam\u00adple.org
jane\u2060@\u2060example.com
ｊａｎｅ@ｅｘａｍｐｌｅ.ｃｏｍ
ｊａｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ
𝓳𝓪𝓷𝓮@example.com
jane@example。com
kunde.4711@example.at
maría.josé@ejemplo.example
søren.ærø@example.dk
zoë@example.nl
łukasz@przykład.example
đorđe@primer.example
ευάγγελος@παράδειγμα.example
გიორგი@მაგალითი.example
նունե@example.am
สมชาย@ตัวอย่าง.ไทย
nguyễn.văn.a@example.vn
«jane.doe@example.com».
<«jane.doe@example.com»>
mailto:«jane.doe@example.com»
""".strip().splitlines()

PHONES = """
+12125550123
+1 212 555 0147
+1 (212) 555-0199
+1-800-555-0100
1-800-555-0155
1 (415) 555-0132
(212) 555-0123
212-555-0123
212.555.0123
212 555 0123
tel «2125550123»
phone: «4155550132»
call me at «2125550123»
+44 20 7946 0123
+44 7700 900123
+447700900456
020 7946 0958
0161 496 0123
01632 960 123
07700 900 789
(020) 7946 0123
+49 30 23125 001
+49 (0)30 23125-002
+49/176/04069012
+491760406901
0049 30 23125 003
030 / 23125 004
030-23125005
(030) 23125006
0176 04069012
0171/0406901
Telefon: «03023125007»
Tel. «0221 4710 999»
Handy «0152 28817386»
+33 1 99 00 12 34
+33639981234
01 99 00 12 34
06.39.98.12.34
06-39-98-12-34
0033 6 39 98 12 34
+34 612 345 678
tel. «612 345 678»
móvil «612345678»
612 34 56 78
+39 06 12345678
+39 312 345 6789
02 1234 5678
+31 6 12345678
06-12345678
+32 470 12 34 56
0470 12 34 56
+41 79 123 45 67
079 123 45 67
+43 660 1234567
0660/1234567
+45 32 12 34 56
tlf. «32 12 34 56»
+46 70-174 06 05
070-174 06 05
+47 22 12 34 56
+358 40 123 4567
040 123 4567
+48 512 345 678
telefon «512 345 678»
+420 601 123 456
+36 20 123 4567
+40 712 345 678
+7 912 345-67-89
8 (912) 345-67-89
+7 (495) 123-45-67
телефон «89123456789»
+380 50 123 4567
+90 532 123 45 67
0532 123 45 67
+972 50-123-4567
050-123-4567
+971 50 123 4567
هاتف «٠٥٠١٢٣٤٥٦٧»
+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧
+91 98765 43210
98765 43210
+९१ ९८७६५ ४३२१०
+86 138 0013 8000
138 0013 8000
电话：«13800138000»
手机号 «13800138000»
+81 90-1234-5678
090-1234-5678
03-1234-5678
電話番号 «0312345678»
+82 10-1234-5678
010-1234-5678
+61 491 570 156
0491 570 156
(02) 5550 1234
+55 11 91234-5678
(11) 91234-5678
+52 55 1234 5678
+27 82 123 4567
082 123 4567
+234 803 123 4567
+65 6123 4567
whatsapp «61234567»
+1.212.555.0123
+1 212 5550123
＋４９ ３０ ２３１２５００８
+49\u200b30\u200b23125009
+49\u00a030\u00a023125010
+49‑30‑23125‑011
tel:«+4930231250012»
tel:«+1-212-555-0123»
sms:«+447700900123»
wa.me/«447700900123»
phone=«4930231250013»
"phone":"«2125550123»"
mobile_number: «9876543210»
ph# «415 555 0132»
fax «030 23125014»
612 345 678
32 12 34 56
6123 4567
""".strip().splitlines()

CARDS = """
4242424242424242
4242 4242 4242 4242
4242-4242-4242-4242
4111111111111111
4111 1111 1111 1111
4012888888881881
4000056655665556
4000002500003155
5555555555554444
5555 5555 5555 4444
5105105105105100
5200828282828210
2223003122003222
2223 0031 2200 3222
378282246310005
3782 822463 10005
3714-496353-98431
371449635398431
6011111111111117
6011 0009 9013 9424
6011981111111113
3056930009020004
36227206271667
3622 720627 1667
3566002020360505
3530 1113 3330 0000
6200000000000005
6205500000000000004
4000.0566.5566.5556
4242_4242_4242_4242
4242  4242  4242  4242
４２４２４２４２４２４２４２４２
４２４２ ４２４２ ４２４２ ４２４２
٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢
४१११११११११११११११
4242\u200b4242\u200b4242\u200b4242
4242\u00a04242\u00a04242\u00a04242
4111‑1111‑1111‑1111
4111+1111+1111+1111
""".strip().splitlines()

IPS = """
203.0.113.9
198.51.100.23
192.0.2.146
203.0.113.255
198.51.100.1
203.000.113.009
192.168.178.21
10.20.30.40
172.16.254.1
100.64.12.34
２０３.０.１１３.９
٢٠٣.٠.١١٣.٩
203．0．113．77
«203.0.113.9»:54321
«203.0.113.0»/24
client «1.2.3.4»
from «5.6.7.8»
2001:db8::1
2001:db8:85a3::8a2e:370:7334
2001:0db8:85a3:0000:0000:8a2e:0370:7334
2001:DB8:0:1:1:1:1:1
2001:db8::ff00:42:8329
2001:db8:1234:5678:9abc:def0:1234:5678
fe80::1ff:fe23:4567:890a
fe80::1ff:fe23:4567:890a%eth0
fd12:3456:789a:1::1
::ffff:203.0.113.9
[2001:db8::9]
[«2001:db8::9»]:443
2001:db8::192.0.2.33
64:ff9b::203.0.113.9
http://«203.0.113.9»/status
«203.0.113.9».dyn.isp.example
""".strip().splitlines()

IBANS = """
DE89370400440532013000
DE89 3704 0044 0532 0130 00
de89370400440532013000
de89 3704 0044 0532 0130 00
De89-3704-0044-0532-0130-00
GB29NWBK60161331926819
GB29 NWBK 6016 1331 9268 19
gb29nwbk60161331926819
FR1420041010050500013M02606
FR14 2004 1010 0505 0001 3M02 606
NL91ABNA0417164300
NL91 ABNA 0417 1643 00
BE68539007547034
BE68 5390 0754 7034
AT611904300234573201
CH9300762011623852957
CH93 0076 2011 6238 5295 7
ES9121000418450200051332
ES91 2100 0418 4502 0005 1332
IT60X0542811101000000123456
PL61109010140000071219812874
SE4550000000058398257466
NO9386011117947
DK5000400440116243
FI2112345600000785
PT50000201231234567890154
IE29AIBK93115212345678
MT84MALT011000012345MTLCAST001S
LU280019400644750000
SA0380000000608010167519
TR330006100519786457841326
BR1800360305000010009795493C1
ＤＥ８９３７０４００４４０５３２０１３０００
DE89\u200b3704\u200b0044\u200b0532\u200b0130\u200b00
DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000
""".strip().splitlines()

# Every one invented; where a vendor publishes a sample key, that one. Split so that no scanner takes them for real.
KEYS = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ASIA" + "IOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
    "sk_" + "test_4eC39HqLyjWDarjtT1zdp7dc",
    "sk_" + "live_51H0exampleexample0000aBcDeFgH",
    "rk_" + "live_51H0exampleexample0000aBcDeFgH",
    "whsec" + "_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH",
    "ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a",
    "gho" + "_16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat" + "_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBc",
    "glpat" + "-aBcDeFgHiJkLmNoPqRsT",
    "xoxb" + "-123456789012-1234567890123-aBcDeFgHiJkLmNoPqRsTuVwX",
    "xoxp" + "-123456789012-123456789012-123456789012-0123456789abcdef0123456789abcdef",
    "AIza" + "SyA1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tU1v",
    "ya29" + ".a0AfExampleExample-Example_Example0123456789abcdefghij",
    "SG" + ".aBcDeFgHiJkLmNoPqRsTuV.aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcDeFg",
    "npm" + "_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
    "hf" + "_aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567",
    "sk-ant" + "-api03-aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789-AA",
    "sk-proj" + "-aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
    "shpat" + "_0123456789abcdef0123456789abcdef",
    "dop_v1" + "_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "EAAB" + "wzLixnjYBAexample0ZCexampleZAexample1ZBexample2ZDexample3",
    "Bearer «aBcDeF0123456789aBcDeF»",
    "Authorization: Bearer «7c3f0b9e-opaque-access»",
    "Authorization: Basic «amFuZTpodW50ZXIy»",
    "password=«hunter2»",
    "passwd: «Tr0ub4dor»&3",
    "pwd=«S3cr3t!pass»",
    "api_key=«9f8e7d6c5b4a»",
    '"client_secret": "«q1w2e3r4t5y6»"',
    "access_token=«u8Jd72kQpX»",
    "secret: «k3yboard-c4t-99»",
    "-----BEGIN RSA PRIVATE KEY-----",
]

TOKENS = [
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "5d41402abc4b2a76b9719d911017c592",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "k3x9f0q7m2w8z1p5v6n4c0b2a9s8d7f6",
    "Xk29sLq0PzR7vT4mNc81YwB6hJd3FgUe",
    "q8ZxW4-1nPz_7RkT0vYb3-Hs9LmC2_dF6gJ5aQeU",
    "0aF3b9C7d1E5f2A8b4C6d0E9f3A7b1C5d8E2f6A4",
    "3EKTF8R1N7XJ5Y0B9W2ZQ6HM4VCS1DP8",
    "a1B2-c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
]

HEADERS = [
    {"alg": "HS256", "typ": "JWT"},
    {"typ": "JWT", "alg": "RS256"},
    {"alg": "none"},
    {"kid": "2026-11", "alg": "ES256", "typ": "at+jwt"},
    {"alg": "EdDSA", "crv": "Ed25519"},
    {"x5t": "aGVsbG8", "kid": "k1", "alg": "PS256", "typ": "JWT"},
    {"alg": "RSA-OAEP", "enc": "A256GCM"},
    {"alg": "HS512"},
]


def jwts() -> Iterator[str]:
    """Compact JWS and JWE over made-up claims, with and without spaces in the header."""
    for number, header in enumerate(HEADERS):
        spacing = (", ", ": ") if number % 3 == 2 else (",", ":")
        head = json.dumps(header, separators=spacing)
        claims = json.dumps({"sub": str(7_000_000 + number), "iat": 1_738_983_725 + number})
        rest = [claims] if "enc" not in header else ["key" * 9, "iv" * 6, claims, "tag" * 5]
        parts = [base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in (head, *rest)]
        signature = base64.urlsafe_b64encode(bytes((number * 37 + i * 11) % 256 for i in range(32)))
        yield ".".join([*parts, "" if header["alg"] == "none" else signature.rstrip(b"=").decode()])


def b64(text: str) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(text.encode()).decode()


def b64url(text: str) -> str:
    """URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def twice(text: str) -> str:
    """Percent-encoded two times."""
    return quote(quote(text, safe=""), safe="")


def every_byte(text: str) -> str:
    """Percent-encoded down to the last ASCII letter, in lower-case hex."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


def as_json(text: str) -> str:
    """A JSON object with the text in it, in its own script."""
    return json.dumps({"u": text}, ensure_ascii=False)


SHOP = "https://shop.example.com"
Carrier = Callable[[str], tuple[str, str, str]]  # personal value -> door, what carries it, the word it is packed in
CARRIERS: dict[str, Carrier] = {
    "bare": lambda p: ("text", p, ""),
    "identifier": lambda p: ("id", p, ""),
    "sentence-en": lambda p: ("text", f"Please write to {p} before Friday, thanks!", ""),
    "sentence-de": lambda p: ("text", f"Die Bestellung von {p} wurde storniert (2 Artikel).", ""),
    "sentence-zh": lambda p: ("text", f"客户 {p} 已下单，金额 ¥128。", ""),
    "sentence-ar": lambda p: ("text", f"العميل {p} أكمل الطلب", ""),
    "no-spaces": lambda p: ("text", f"请联系{p}谢谢", ""),
    "form-body": lambda p: ("text", f"a=1&contact={quote(p, safe='')}&b=2", ""),
    "emoji": lambda p: ("text", f"🎉 {p} 🎉", ""),
    "title": lambda p: ("text", f"Account · {p} | Example Shop", ""),
    "json": lambda p: ("text", json.dumps({"customer": p, "n": 3}, ensure_ascii=False), ""),
    "python-error": lambda p: ("text", f"KeyError: {p!r} not found in cache (shard 3)", ""),
    "log-line": lambda p: ("text", f"[2026-11-23T10:30:45Z] WARN user={p} action=login ok", ""),
    "parentheses": lambda p: ("text", f"customer ({p})", ""),
    "quoted": lambda p: ("text", f"no account for “{p}”", ""),
    "lines": lambda p: ("text", f"Invalid input\n{p}\n    at f (app.js:1:2)", ""),
    "path": lambda p: ("url", f"{SHOP}/account/{quote(p, safe='@+:()')}/orders", ""),
    "path-encoded": lambda p: ("url", f"{SHOP}/u/{quote(p, safe='')}", ""),
    "query": lambda p: ("url", f"{SHOP}/?utm_content={quote(p, safe='')}&utm_source=x", ""),
    "query-twice": lambda p: ("url", f"{SHOP}/?utm_source=x&utm_term={twice(p)}", ""),
    "query-plus": lambda p: ("url", f"/thanks?utm_term=for+{quote(p, safe='').replace('%20', '+')}", ""),
    "percent-text": lambda p: ("text", f"redirect to {quote(p, safe='')} failed", ""),
    "percent-twice-text": lambda p: ("text", f"next={twice(p)}", ""),
    "every-byte": lambda p: ("text", f"v={every_byte(p)}", ""),
    "base64": lambda p: ("text", b64(p), b64(p)),
    "base64-url": lambda p: ("url", f"{SHOP}/unsubscribe/{b64url(p)}", b64url(p)),
    "base64-1": lambda p: ("text", f"token {b64('#' + p)} rejected", b64("#" + p)),
    "base64-2": lambda p: ("text", f"token {b64url('u=' + p)} rejected", b64url("u=" + p)),
    "base64-json": lambda p: ("url", f"{SHOP}/?utm_content={b64url(as_json(p))}", b64url(as_json(p))),
    "base64-percent": lambda p: ("url", f"{SHOP}/?utm_content={quote(b64(p), safe='')}", quote(b64(p), safe="")),
    "hex": lambda p: ("text", f"uid {p.encode().hex()}", p.encode().hex()),
    "unicode-escapes": lambda p: ("text", "body: " + p.replace("@", "\\u0040").replace("+", "\\u002b"), ""),
    "html-entities": lambda p: ("text", "Hello " + p.replace("@", "&#64;"), ""),
    "upper": lambda p: ("text", f"CUSTOMER {p.upper()} CALLED", ""),
    "nested-url": lambda p: (
        "text",
        f"redirected from {SHOP}/login?next=/account&u={quote(p, safe='')} to /home",
        "",
    ),
}
PLAIN = [
    "sentence-en sentence-de sentence-zh sentence-ar no-spaces emoji title json python-error".split(),
    "log-line form-body parentheses quoted lines path path-encoded query query-plus".split(),
    "query-twice percent-text percent-twice-text every-byte base64 base64-url base64-1".split(),
    "base64-2 base64-json base64-percent hex unicode-escapes html-entities upper".split(),
]
WORDS = "tel phone call Tel Handy Telefon móvil tlf телефон هاتف 电话 手机 電話 whatsapp wa.me mobile ph# fax sms".split()


def carriers_for(shape: str, value: str, number: int) -> list[str]:
    """Bare, and one carrier of each kind in turn; what a carrier would destroy is left out."""
    names = ["bare", *(group[(number + 3 * turn) % len(group)] for turn, group in enumerate(PLAIN))]
    if shape in ("email", "phone", "card", "iban", "jwt", "ip"):
        names.append("identifier")
    barred = set()
    if shape in ("jwt", "key", "token"):  # upper case is another value; encodings of a key are not promised
        barred |= {"upper", "unicode-escapes", "html-entities", "identifier" if shape != "jwt" else ""}
        barred |= {"base64", "base64-url", "base64-1", "base64-2", "base64-json", "base64-percent", "hex"}
    if shape == "phone" and any(word in value for word in WORDS):
        barred |= {"identifier"}
    if shape in ("ip", "phone", "card", "iban"):
        barred |= {"html-entities"} | ({"unicode-escapes"} if "+" not in value else set())
    if "\u200b" in value or "\u00ad" in value:
        barred |= {"python-error"}  # repr() writes such characters as escapes
    if any(mark in value for mark in ('"', "://", "=", "/", "%", "<", ": ")):
        barred |= {"identifier", "path"}
    return [name for name in names if name not in barred]


def positives() -> Iterator[dict[str, str]]:
    """One row per personal value and carrier; «» in the lists above mark the personal part of a value."""
    kinds = {"email": EMAILS, "phone": PHONES, "card": CARDS, "ip": IPS, "iban": IBANS}
    kinds |= {"jwt": list(jwts()), "key": KEYS, "token": TOKENS}
    for shape, values in kinds.items():
        for number, marked in enumerate(values):
            for name in carriers_for(shape, plain(marked), number):
                yield row(shape, name, marked)
    for shape, marked in [*(("email", v) for v in EMAILS[:20]), *(("card", v) for v in CARDS[:6])]:
        yield row("query", "nested-url", marked)


def row(shape: str, carrier: str, marked: str) -> dict[str, str]:
    """A value in a carrier; `core` is what may not be seen afterwards, nor `packed`, the word it is encoded in."""
    door, value, packed = CARRIERS[carrier](plain(marked))
    core = marked.partition("«")[2].partition("»")[0] or marked
    core = core.upper() if carrier == "upper" else core
    return {"shape": shape, "carrier": carrier, "door": door, "value": value, "core": core, "packed": packed}


def plain(marked: str) -> str:
    """The value without the marks."""
    return marked.replace("«", "").replace("»", "")


def check_digit(body: str) -> str:
    """GS1 mod-10 check digit (GS1 General Specifications, 7.9)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return str(-total % 10)


def numbers() -> Iterator[dict[str, str]]:
    """Ordinary identifiers with many digits, drawn with a fixed seed."""
    rng = random.Random(20261123)

    def digits(count: int) -> str:
        return "".join(rng.choice("0123456789") for _ in range(count))

    def number_row(kind: str, value: str, door: str = "text") -> dict[str, str]:
        return {"kind": kind, "door": door, "value": value}

    for prefix in "400 401 405 422 440 300 327 376 500 509 520 540 570 590 599 690 692 730 760 800 841 871 880 890 940 978 979 012 045 073".split():
        for _ in range(2):
            body = prefix + digits(9)
            yield number_row("ean-13", body + check_digit(body))
    for _ in range(15):
        body = digits(11)
        yield number_row("upc", body + check_digit(body))
    for _ in range(15):
        body = digits(7)
        yield number_row("ean-8", body + check_digit(body))
    for first in "0123456789" * 2:
        body = first + digits(12)
        yield number_row("gtin-14", body + check_digit(body))
    for _ in range(15):
        body = "978" + digits(9)
        code = body + check_digit(body)
        cut = rng.choice([2, 3, 4, 5])
        yield number_row("isbn-13", f"{code[:3]}-{code[3]}-{code[4:4 + cut]}-{code[4 + cut:12]}-{code[12]}")
    for _ in range(10):
        stamp = 1_700_000_000 + rng.randrange(90_000_000)
        yield number_row("unix time", str(stamp))
        yield number_row("unix time", str(stamp * 1000 + rng.randrange(1000)))
        yield number_row("ga client id", f"{rng.randrange(10**8, 2 * 10**9)}.{stamp}", "id")
        yield number_row("ga client id in text", f"cid={rng.randrange(10**8, 2 * 10**9)}.{stamp}")
        yield number_row("session id", f"GS1.1.{stamp}.{rng.randrange(1, 40)}.1.{stamp + 300}.0.0.0", "id")
        yield number_row("fbp", f"fb.1.{stamp * 1000}.{rng.randrange(10**8, 2 * 10**9)}", "id")
    for _ in range(12):
        made = uuid.UUID(int=rng.getrandbits(128), version=4)
        yield number_row("uuid", str(made))
        yield number_row("uuid", str(made).upper())
        yield number_row("uuid in text", f"Order {made} not found")
        yield number_row("uuid without dashes", made.hex)
    for number in range(12):
        year, serial = rng.choice((2024, 2025, 2026)), rng.randrange(10**6)
        yield number_row("order number", f"{year}-{serial:06d}")
        yield number_row("order number", f"ORD{year}{serial:08d}")
        yield number_row("order number", f"#{rng.randrange(1000, 99999)}")
        yield number_row("order number", str(rng.randrange(10**7, 10**9)))
        yield number_row("order number", str(rng.randrange(10**9, 10**10)))
        yield number_row("order number", f"{digits(3)}-{digits(7)}-{digits(7)}")
        yield number_row("order number", f"{digits(2)}-{digits(5)}-{digits(5)}")
        yield number_row("order number", f"80{digits(14)}")
        yield number_row("order number", f"{rng.randrange(1, 4)}{digits(18)}")
        yield number_row("order number", f"20261123{digits(9)}")
        yield number_row("order number", f"{rng.choice('ABDKW')}{rng.choice('ABDKW')}-{digits(4)}-{digits(4)}-{digits(2)}")
        yield number_row("order in text", f"Thank you, your order {digits(11)} is on its way ({number + 1} parcels)")
    for _ in range(10):
        yield number_row("tracking number", digits(12))
        yield number_row("tracking number", f"JD0146{digits(14)}")
        yield number_row("tracking number", f"1Z{digits(3)}W{digits(12)}")
        yield number_row("tracking number", f"0034{digits(16)}")
        yield number_row("sixteen digits", f"{rng.choice('0123456789')}{digits(15)}")
        yield number_row("imei", f"35{digits(13)}")
    for _ in range(15):
        yield number_row("price", f"{rng.randrange(1, 5000)}.{rng.randrange(100):02d}")
        yield number_row("price", f"{rng.randrange(1, 9)}.{rng.randrange(1000):03d},{rng.randrange(100):02d} €")
        yield number_row("coordinates", f"{rng.uniform(-90, 90):.6f},{rng.uniform(-180, 180):.6f}")
        yield number_row("short hash", f"{rng.getrandbits(28):07x}")
        yield number_row("object id", f"{rng.getrandbits(96):024x}")
        yield number_row("gid", b64(f"gid://shopify/Product/{rng.randrange(10**12, 9 * 10**12)}"))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    for length in (10, 16, 21, 24, 27, 36, 48, 64, 91):
        for _ in range(6):
            yield number_row("opaque id", "".join(rng.choice(alphabet) for _ in range(length)), "id")
            if length < 32:
                yield number_row("opaque id in text", "ref " + "".join(rng.choice(alphabet) for _ in range(length)))


def lines(rows: Iterator[dict[str, str]], *, hide: bool = False) -> str:
    """JSON lines; keys are written with one escaped character so that secret scanners let them be."""
    out = []
    for row in rows:
        text = json.dumps(row, ensure_ascii=False)
        if hide and row.get("shape") in ("key", "jwt"):
            text = text.replace("_", "\\u005f").replace("eyJ", "\\u0065yJ").replace("AKIA", "\\u0041KIA")
            text = text.replace("ASIA", "\\u0041SIA").replace("AIza", "\\u0041Iza").replace("xox", "\\u0078ox")
            text = text.replace("BEGIN", "\\u0042EGIN").replace("glpat", "\\u0067lpat").replace("EAAB", "\\u0045AAB")
            text = text.replace("SG.", "\\u0053G.").replace("ya29", "\\u0079a29").replace("sk-", "\\u0073k-")
        out.append(text + "\n")
    return "".join(out)


def files() -> dict[str, str]:
    """File name -> what it must hold."""
    return {
        "positives.jsonl": lines(positives(), hide=True),
        "ordinary_numbers.jsonl": lines(numbers()),
    }


if __name__ == "__main__":
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="utf-8")
