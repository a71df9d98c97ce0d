"""Values, names and coats as senders write them, odd ones most of all; all of it out of one `Random`. Pure."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from tests.exchanges.exchange import mark

NOW = 1_795_478_400
_URL = "https://shop.example/p/{n}?gclid=Cj0KCQ{n}abc&utm_source=news&email=jane{n}%40mail.example#top"
_TEXTS = (
    "", " ", "null", "undefined", "a", "0", "true", "-1", "1e16", "12.50", "EUR", "eur", "de", "DE", "US-CA", "LDU",
    "jane.doe@mail.example", "jane%40mail.example", "amFuZS5kb2VAbWFpbC5leGFtcGxl", "+49 1512 3456789",
    "4111111111111111", "203.0.113.9", "2001:db8::1", "10.0.0.1", "T-KEPT-123456", "ORD-2026-10433",
    "1234567890.1700000000", "GA1.1.123456789.1700000000", "fb.1.1596403881668.1116446470", "G-TEST", "GRANTED",
    "DENIED", "granted", "Purchase", "page_view", "shop\u00a0now", "say \"a\":1, \"a\":2", "line\nbreak", "tab\tin",
    "nul\x00in", "\x1b[31m", "%41%42%", "%zz", "\ud83d\ude00", "Gr\u00fc\u00dfe", "\u200dx", "../../etc/passwd",
    "javascript:alert(1)", "//shop.example/x", "/checkout/thanks",
    "https://shop.example/reset/4f1c2d3e4a5b6c7d8e9f", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl",
    "2026-11-23T22:41:55Z", "1795478000", "1795478000123", "1.7954780001e9", "5eb63bbbe01eeed093cb22bb8f5acdc3" * 2,
    "Jane", "Doe", "Jane Doe", "Hauptstrasse 12", "x" * 129, "y" * 1030,
)  # fmt: skip
_NUMBERS: tuple[object, ...] = (
    0, 1, -1, -0.0, 0.1, 1e16, 1e-9, 1.5, 12.50, 2**31, 2**53, 2**63 - 1, 10**15, 4111111111111111, 1795478000,
    1795478000123, 1795478000000000, 149, 99.9, 1e300,
)  # fmt: skip
_NAMES = (
    "note", "customer_note", "plan mail", "jane.doe@mail.example", "amFuZS5kb2VAbWFpbC5leGFtcGxl", "flag", "secret",
    "protocol", "email", "phone", "first_name", "x" * 140, "n" * 300, "", "a.b", "0", "items", "page_location",
    "value", "user_id", "\u540d", "line\nbreak", "name\x00", "+4915123456789", "order_value", "gclid", "fbclid",
    "properties", "event_id",
)  # fmt: skip


def text(luck: Random) -> str:
    """A text that is odd, or a visitor's own."""
    n = luck.randrange(10**6)
    kind = luck.randrange(10)
    if kind < 6:
        return luck.choice(_TEXTS)
    if kind == 6:
        return _URL.format(n=n)
    if kind == 7:
        return f"user{n}@mail.example"
    if kind == 8:
        return hashlib.sha256(b"%d" % n).hexdigest()
    return f"{luck.choice(('T', 'SKU', 'v', 'order no.', 'Jane'))}-{n}"


def scalar(luck: Random) -> object:
    """One value."""
    kind = luck.randrange(8)
    if kind < 4:
        return text(luck)
    if kind < 6:
        return luck.choice(_NUMBERS)
    return luck.choice((None, True, False, luck.randrange(10**9), luck.random() * 500))


def value(luck: Random) -> object:
    """A value, or something that holds some."""
    kind = luck.randrange(12)
    if kind < 8:
        return scalar(luck)
    if kind == 8:
        return [scalar(luck) for _ in range(luck.randrange(4))]
    if kind == 9:
        return {name(luck): scalar(luck) for _ in range(luck.randrange(4))}
    if kind == 10:
        return [
            {
                "item_id": text(luck),
                "id": text(luck),
                "price": scalar(luck),
                "quantity": luck.choice((1, "2", 0, -1, 1.5)),
            }
        ]
    return luck.choice(({}, [], [[]], [{}], {"a": {}}, [[1], [2]], {"value": {"value": text(luck)}}))


def name(luck: Random) -> str:
    """A key, known or not."""
    return luck.choice(_NAMES) if luck.random() < 0.7 else f"only_{luck.randrange(10**6)}"


def changed(node: Any, luck: Random, rate: float) -> Any:
    """JSON with some values replaced, keys left out, added and in another order, and lists repeated."""
    if isinstance(node, dict):
        made: dict[str, Any] = {}
        rows = list(node.items())
        if luck.random() < 0.1:
            luck.shuffle(rows)
        for key, inner in rows:
            if luck.random() < rate / 4:
                continue
            made[key] = value(luck) if luck.random() < rate / 3 else changed(inner, luck, rate)
        if luck.random() < rate:
            made[name(luck)] = value(luck)
        if luck.random() < 0.02:
            made |= {f"k{n:02}": n for n in range(65)}
        if luck.random() < 0.03:
            made[luck.choice(("gatekeeper_context", "$gatekeeper_context"))] = stamp(luck)
        return made
    if isinstance(node, list):
        rows = [changed(inner, luck, rate) for inner in node]
        if rows and luck.random() < 0.15:
            rows += [changed(node[0], luck, rate) for _ in range(luck.randint(1, 3))]
        return rows
    if isinstance(node, str) and node[:1] in ("{", "["):
        return written(node, luck, rate)
    return scalar(luck) if luck.random() < rate / 2 else fresh(node, luck)


def fresh(node: object, luck: Random) -> object:
    """The same kind of value of another visitor, as often as not."""
    if isinstance(node, str) and luck.random() < 0.3:
        if len(node) == 64:
            return hashlib.sha256(b"%d" % luck.randrange(10**6)).hexdigest()
        if node.isdigit() and 6 <= len(node) < 10:
            return str(luck.randrange(10**6, 10**9))
        if "@" in node:
            return f"user{luck.randrange(10**6)}@mail.example"
    if isinstance(node, float) and luck.random() < 0.5:
        return round(luck.random() * 400, 2)
    return node


def stamp(luck: Random) -> object:
    """A context token, or what somebody writes in its place."""
    return luck.choice((mark("analytics", "marketing"), mark(), mark("analytics"), "", "forged.token", 7, None))


def written(body: str, luck: Random, rate: float) -> str:
    """A body of JSON, of lines or of pairs, changed and written again, in ways that senders write."""
    if body.lstrip()[:1] in ("{", "["):
        try:
            data = json.loads(body)
        except ValueError:
            return "\n".join([written(line, luck, rate) for line in body.split("\n")]) if "\n" in body else body
        tight = (",", ":") if luck.random() < 0.6 else None
        made = json.dumps(changed(data, luck, rate), separators=tight, ensure_ascii=luck.random() < 0.7)
        if luck.random() < 0.03 and "{" in made:  # a key twice
            at = luck.choice([n for n, sign in enumerate(made) if sign == "{"]) + 1
            twice = f'"{luck.choice(("a", "value", "em"))}":1,"value"{luck.choice(("", " "))}:2,'
            made = f"{made[:at]}{twice}{made[at:]}".replace(",}", "}")
        return made
    return "\r\n".join([pairs(line, luck, rate) if "=" in line else line for line in body.splitlines()])


def pairs(line: str, luck: Random, rate: float) -> str:
    """A query or form, some values of it replaced, some pairs twice, some new."""
    found = parse_qsl(line, keep_blank_values=True)
    made: list[tuple[str, str]] = []
    for key, one in found:
        if luck.random() < rate / 4:
            continue
        if one[:1] in ("{", "["):
            one = written(one, luck, rate)
        elif luck.random() < rate / 2:
            one = str(scalar(luck))
        made.append((key, one))
        if luck.random() < rate / 10:
            made.append((key, one))
    if luck.random() < rate:
        made.append((luck.choice(("", "ep.", "cd[", "ud[")) + name(luck), text(luck)))
    if luck.random() < 0.1:
        luck.shuffle(made)
    way: Callable[..., str] = quote if luck.random() < 0.5 else (lambda text, **_: quote(text, safe="-_.~@:/"))
    try:
        return urlencode(made) if luck.random() < 0.5 else urlencode(made, quote_via=lambda text, *_: way(text))
    except UnicodeEncodeError:
        return line


def coated(body: bytes, luck: Random) -> tuple[bytes, str]:
    """The body under a content coding, now and then; also what is none."""
    kind = luck.randrange(30)
    if kind == 0 and body:
        return gzip.compress(body, mtime=0), "gzip"
    if kind == 1:
        return body[: luck.randrange(len(body) + 1)], ""
    if kind == 2:
        return b"\xef\xbb\xbf" + body, ""
    return body, ""
