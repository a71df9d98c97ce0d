"""Writes the generated files of the labelled set, `*.jsonl`; README.md says what each of them is.

Run by hand (`python tests/scrub/labelled/make.py`); a test checks that the files are what it writes. It
shares nothing with the detector: the personal values are those of `personal*.txt`, the check digits of
ordinary numbers are computed here.
"""

from __future__ import annotations

import base64
import json
import random
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).parent

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


def jwts(held_out: bool) -> Iterator[str]:
    """Compact JWS and JWE over made-up claims; every other header is held out."""
    for number, header in enumerate(HEADERS):
        if number % 2 != held_out:
            continue
        spacing = (", ", ": ") if number % 3 == 2 else (",", ":")
        head = json.dumps(header, separators=spacing)
        claims = json.dumps({"sub": str(7_000_000 + number), "iat": 1_738_983_725 + number})
        rest = [claims] if "enc" not in header else ["key" * 9, "iv" * 6, claims, "tag" * 5]
        parts = [base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in (head, *rest)]
        signature = base64.urlsafe_b64encode(bytes((number * 37 + i * 11) % 256 for i in range(32)))
        yield ".".join([*parts, "" if header["alg"] == "none" else signature.rstrip(b"=").decode()])


def personal(part: str) -> dict[str, list[str]]:
    """Shape -> the values of `personal*.txt`, without `·`, and with `\\u200b` and the like as characters."""
    values: dict[str, list[str]] = {}
    for line in (HERE / f"personal{part}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            values[line[3:]] = found = []
        elif line:
            line = line.replace("·", "")
            found.append(re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match.group(1), 16)), line))
    values["jwt"] = list(jwts(held_out=bool(part)))
    return values


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
# Personal value -> door, what carries it, the word it is packed in.
Carrier = Callable[[str], tuple[str, str, str]]
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
    "base64-percent": lambda p: (
        "url",
        f"{SHOP}/?utm_content={quote(b64(p), safe='')}",
        quote(b64(p), safe=""),
    ),
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
GROUPS = """
sentence-en sentence-de sentence-zh sentence-ar no-spaces emoji title json python-error
log-line form-body parentheses quoted lines path path-encoded query query-plus
query-twice percent-text percent-twice-text every-byte base64 base64-url base64-1
base64-2 base64-json base64-percent hex unicode-escapes html-entities upper
""".strip().splitlines()
PLAIN = [line.split() for line in GROUPS]


def carriers_for(shape: str, value: str, number: int) -> list[str]:
    """Bare, and one carrier of each kind in turn; what a carrier would destroy is left out."""
    names = ["bare", *(group[(number + 3 * turn) % len(group)] for turn, group in enumerate(PLAIN))]
    if shape in ("email", "phone", "card", "iban", "jwt", "ip"):
        names.append("identifier")
    barred = set()
    if shape in ("jwt", "key", "token"):  # in upper case it is another value
        barred |= {"upper", "unicode-escapes", "html-entities"}
    if shape == "phone" and re.search("[^\\d\\s+()./\\u00a0\\u200b‑＋-]", value):  # "tel …" is no identifier
        barred |= {"identifier"}
    if shape in ("ip", "phone", "card", "iban"):
        barred |= {"html-entities"} | ({"unicode-escapes"} if "+" not in value else set())
    if "\u200b" in value or "\u00ad" in value:
        barred |= {"python-error"}  # repr() writes such characters as escapes
    if any(mark in value for mark in ('"', "://", "=", "/", "%", "<", ": ")):
        barred |= {"identifier", "path"}
    return [name for name in names if name not in barred]


def positives(part: str) -> Iterator[dict[str, str]]:
    """One row per personal value and carrier; «» mark the personal part of a value."""
    values = personal(part)
    for shape, listed in values.items():
        for number, marked in enumerate(listed):
            for name in carriers_for(shape, plain(marked), number):
                yield row(shape, name, marked)
    for marked in values["email"][:20] + values["card"][:6]:
        yield row("query", "nested-url", marked)


def row(shape: str, carrier: str, marked: str) -> dict[str, str]:
    """A value in a carrier. Afterwards neither `core` may be seen nor `packed`, the word it is encoded in."""
    door, value, packed = CARRIERS[carrier](plain(marked))
    core = marked.partition("«")[2].partition("»")[0] or marked
    core = core.upper() if carrier == "upper" else core
    return {"shape": shape, "carrier": carrier, "door": door, "value": value, "core": core, "packed": packed}


def plain(marked: str) -> str:
    """The value without the marks."""
    return marked.replace("«", "").replace("»", "")


GS1_PREFIXES = """
400 401 405 422 440 300 327 376 500 509 520 540 570 590 599 690 692 730 760 800 841 871 880 890 940 978 979
012 045 073
"""


def check_digit(body: str) -> str:
    """GS1 mod-10 check digit (GS1 General Specifications, 7.9)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return str(-total % 10)


def numbers(part: str) -> Iterator[dict[str, str]]:
    """Ordinary identifiers with many digits, drawn with a fixed seed; fewer of each for the held-out part."""
    rng = random.Random(f"20261123{part}")

    def times(count: int) -> range:
        return range(count // 2 if part else count)

    def digits(count: int) -> str:
        return "".join(rng.choice("0123456789") for _ in range(count))

    def number_row(kind: str, value: str, door: str = "text") -> dict[str, str]:
        return {"kind": kind, "door": door, "value": value}

    for prefix in GS1_PREFIXES.split():
        for _ in range(2):
            body = prefix + digits(9)
            yield number_row("ean-13", body + check_digit(body))
    for _ in times(15):
        body = digits(11)
        yield number_row("upc", body + check_digit(body))
    for _ in times(15):
        body = digits(7)
        yield number_row("ean-8", body + check_digit(body))
    for first in "0123456789" * 2:
        body = first + digits(12)
        yield number_row("gtin-14", body + check_digit(body))
    for _ in times(15):
        body = "978" + digits(9)
        code = body + check_digit(body)
        cut = rng.choice([2, 3, 4, 5])
        yield number_row("isbn-13", f"{code[:3]}-{code[3]}-{code[4 : 4 + cut]}-{code[4 + cut : 12]}-{code[12]}")
    for _ in times(10):
        stamp = 1_700_000_000 + rng.randrange(90_000_000)
        yield number_row("unix time", str(stamp))
        yield number_row("unix time", str(stamp * 1000 + rng.randrange(1000)))
        yield number_row("ga client id", f"{rng.randrange(10**8, 2 * 10**9)}.{stamp}", "id")
        yield number_row("ga client id in text", f"cid={rng.randrange(10**8, 2 * 10**9)}.{stamp}")
        yield number_row("session id", f"GS1.1.{stamp}.{rng.randrange(1, 40)}.1.{stamp + 300}.0.0.0", "id")
        yield number_row("fbp", f"fb.1.{stamp * 1000}.{rng.randrange(10**8, 2 * 10**9)}", "id")
    for _ in times(12):
        made = uuid.UUID(int=rng.getrandbits(128), version=4)
        yield number_row("uuid", str(made))
        yield number_row("uuid", str(made).upper())
        yield number_row("uuid in text", f"Order {made} not found")
        yield number_row("uuid without dashes", made.hex)
    for number in times(12):
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
        yield number_row(
            "order number", f"{rng.choice('ABDKW')}{rng.choice('ABDKW')}-{digits(4)}-{digits(4)}-{digits(2)}"
        )
        yield number_row("order in text", f"Thank you, your order {digits(11)} is on its way ({number + 1} parcels)")
    for _ in times(10):
        yield number_row("tracking number", digits(12))
        yield number_row("tracking number", f"JD0146{digits(14)}")
        yield number_row("tracking number", f"1Z{digits(3)}W{digits(12)}")
        yield number_row("tracking number", f"0034{digits(16)}")
        yield number_row("sixteen digits", f"{rng.choice('0123456789')}{digits(15)}")
        yield number_row("imei", f"35{digits(13)}")
    for _ in times(15):
        yield number_row("price", f"{rng.randrange(1, 5000)}.{rng.randrange(100):02d}")
        yield number_row("price", f"{rng.randrange(1, 9)}.{rng.randrange(1000):03d},{rng.randrange(100):02d} €")
        yield number_row("coordinates", f"{rng.uniform(-90, 90):.6f},{rng.uniform(-180, 180):.6f}")
        yield number_row("short hash", f"{rng.getrandbits(28):07x}")
        yield number_row("object id", f"{rng.getrandbits(96):024x}")
        yield number_row("gid", b64(f"gid://shopify/Product/{rng.randrange(10**12, 9 * 10**12)}"))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    for length in (10, 16, 21, 24, 27, 36, 48, 64, 91):
        for _ in times(6):
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
        **{f"positives{part}.jsonl": lines(positives(part), hide=True) for part in ("", "_heldout")},
        **{f"ordinary_numbers{part}.jsonl": lines(numbers(part)) for part in ("", "_heldout")},
    }


if __name__ == "__main__":
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="utf-8")
