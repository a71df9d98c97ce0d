"""Calls for the laws: every dialect of the registry, real requests of it, and canaries put into them.

A dialect's seeds are the shipped vectors that it decodes, and a request with every row of its table where it has one
that is built from JSON or pairs. `planted` puts canaries anywhere into a seed: in place of values, as keys and
parameters that no table has, in the query of addresses, in headers.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import random
import string
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode

from hypothesis import strategies as st
from msgspec import structs

from gatekeeper.gate import Gate
from gatekeeper.model import Call
from gatekeeper.policy import Policy
from gatekeeper.vendors import DIALECTS, find
from gatekeeper.vendors.dialect import SECRET, STAMP, Dialect, Leaf, Native, Unreadable
from gatekeeper.vendors.formats import coding, form, unsent
from gatekeeper.vendors.formats.event_list import EventList
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.parameters import Parameters
from gatekeeper.vendors.kind import Destination
from tests.builders import EVERY_KIND, make_gate, make_policy
from tests.laws.events import value_of
from tests.native.kit import VECTORS
from tests.native.test_meta_capi import EVENT
from tests.native.test_second_tier import GOOD, SECOND

from gatekeeper.fields import CATALOGUE  # isort: skip

OUR_WORDS = ("flag", "ignored", "protocol", "secret", "stamp")  # roles in our tables, and names a site may choose
PRODUCTS = sorted({one.NAME.partition(" ")[0] for one in DIALECTS if one.KIND == "first_party"})
POLICY = (
    EVERY_KIND
    | SECOND
    | {name: {"kind": "first_party", "endpoint": "http://127.0.0.1:9", "speaks": name} for name in PRODUCTS}
)
JSON = "application/json"
# Requests of dialects, and in coats, of which there is no vector.
_PAGE = {"url": "https://shop.example/?email=jane%40example.com", "title": "x"}
_MESSAGE = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u-77",
    "anonymousId": "a-1",
    "messageId": "m-1",
    "properties": {"revenue": 12.5, "email": "jane.doe@example.com"},
    "context": {"page": _PAGE, "ip": "203.0.113.9", "traits": {"email": "jane.doe@example.com"}},
}
_TRACK = {
    "event": "Order",
    "properties": {
        "token": "TOK",
        "distinct_id": "u-77",
        "$email": "jane.doe@example.com",
        "ip": "203.0.113.9",
        "$current_url": "https://shop.example/?a=b",
    },
}
_PIXEL = {
    "id": "123456",
    "ev": "Purchase",
    "dl": "https://shop.example/thanks?email=jane%40example.com",
    "ud[em]": "86e0b9e56c17cc4d12387e86e0b9e56c17cc4d12387e86e0b9e56c17cc4d1238",
    "cd[value]": "12.5",
    "cd[currency]": "EUR",
    "fbp": "fb.1.1558571054389.1098115397",
}
_CRASH = {
    "event_id": "c3b2ccb58a6d4b8bbed052456523139c",
    "timestamp": "2026-11-23T22:41:55.000000Z",
    "platform": "python",
    "level": "error",
    "user": {"email": "jane.doe@example.com", "ip_address": "203.0.113.9", "id": "u-77"},
    "request": {"url": "https://shop.example/?email=jane%40example.com", "headers": {"Cookie": "a=b"}},
    "exception": {"values": [{"type": "ValueError", "value": "for jane.doe@example.com"}]},
}
_CUSTOM = {
    "event_at": "2026-11-23T23:59:00.000Z",
    "event_type": {"tracking_type": "Custom", "custom_event_name": "Bought"},
    "click_id": "abc123",
    "user": {"email": "jane@example.com"},
}
_VISIT = {"idsite": "1", "rec": "1", "url": "https://shop.example/?email=jane%40example.com", "uid": "u-77", "ua": "M"}


def vector_call(one: dict[str, Any]) -> Call:
    path, _, query = one["path_and_query"].partition("?")
    headers = tuple((name.lower().encode(), str(value).encode()) for name, value in one["headers"].items())
    return Call(one["method"], path, query, headers, (one["body"] or "").encode())


def posted(path: str, body: bytes, kind: str, query: str = "", *headers: tuple[bytes, bytes]) -> Call:
    """A POST with a body of this type."""
    return Call("POST", path, query, (*headers, (b"content-type", kind.encode())), body)


def in_coats(path: str, rows: dict[str, str], query: str = "") -> list[Call]:
    """The same pairs as an urlencoded and as a multipart form."""
    made = [form.write(coat, list(rows.items())) for coat in (form.URLENCODED, form.MULTIPART)]
    return [posted(path, body, kind, query) for kind, body in made]


MORE = (
    posted("/v1/batch", json.dumps({"batch": [_MESSAGE]}).encode(), JSON, "", (b"authorization", b"Basic V0s6")),
    posted("/track", urlencode({"data": json.dumps(_TRACK)}).encode(), form.URLENCODED),
    posted("/track", urlencode({"data": base64.b64encode(json.dumps(_TRACK).encode())}).encode(), form.URLENCODED),
    posted("/e/", gzip.compress(json.dumps(_TRACK).encode(), mtime=0), "text/plain", "compression=gzip-js"),
    posted("/engage/", json.dumps({"token": "TOK", "distinct_id": "u-77", "$set": {"value": 3}}).encode(), JSON),
    posted("/flags/", json.dumps({"token": "TOK", "distinct_id": "u-77"}).encode(), JSON, "v=2"),
    posted("/api/42/store/", json.dumps(_CRASH).encode(), JSON, "sentry_key=public"),
    posted("/matomo.php", urlencode(_VISIT).encode(), form.URLENCODED),
    posted("/matomo.php", urlencode(_VISIT | {"e_c": "Shop", "e_a": "Bought"}).encode(), form.URLENCODED),
    posted("/api/v2.0/conversions/events/a2_abc", json.dumps({"events": [_CUSTOM]}).encode(), JSON),
    *in_coats("/tr/", _PIXEL),
    *in_coats("/tr", {name: _PIXEL[name] for name in ("ev", "dl", "ud[em]")}, "id=123456"),
    *in_coats("/v26.0/123456789/events", {"data": json.dumps([EVENT]), "access_token": "OWN"}),
    Call("POST", "/v26.0/123456789/events", urlencode({"data": json.dumps([EVENT]), "access_token": "OWN"}), (), b""),
)  # fmt: skip
CALLS = (
    *map(vector_call, VECTORS.values()),
    *MORE,
    *(Call("POST", path, "", (), json.dumps(data).encode()) for path, data, _ in GOOD.values()),
)
GATES: dict[str, Gate] = {
    law_id: make_gate(make_policy(destinations=POLICY, jurisdiction={"default": law_id})) for law_id in ("gdpr", "ccpa")
}
# Of the others nothing is ever sent: tests/native/test_unsent.py.
NAMES = {one.NAME: one for one in DIALECTS if not (isinstance(one, Format) and isinstance(one.body, unsent.Unsent))}
GZIP = b"\x1f\x8b"
LETTERS = string.ascii_lowercase


@dataclass(frozen=True)
class Seed:
    """A request that a dialect reads, and the destination it is for."""

    to: Destination
    call: Call


@dataclass(frozen=True)
class Canary:
    """`kind`: email phone ip name token, or `foreign` for what is in no table; `way`: how it is written."""

    kind: str
    value: str
    way: str = "plain"


def ruling(to: Destination, policy: Policy = GATES["gdpr"].policy) -> Policy:
    """The policy with this destination, which a seed may have to itself."""
    return replace(policy, destinations={**policy.destinations, to.name: to})


def seeds(dialect: Dialect, policy: Policy = GATES["gdpr"].policy) -> list[Seed]:
    """All seeds of a dialect, for the policy's destinations of its kind."""
    found = [seed for call in CALLS if (seed := seed_of(dialect, call, policy)) is not None]
    found += [full for seed in found if (full := filled(dialect, seed)) is not None]
    return [*found, *(replace(seed, to=widened(seed.to)) for seed in found)]


def widened(to: Destination) -> Destination:
    """The destination with every field in its allow-list that its purpose covers and its vendor has a place for."""
    places = to.kind.places
    fields = {row.key for row in CATALOGUE.by_key.values() if to.purpose in row.purposes}
    return replace(to, fields=frozenset(fields if places is None else fields & places))


def seed_of(dialect: Dialect, call: Call, policy: Policy) -> Seed | None:
    """The call as a seed, for a destination with the account it is addressed to; `None` if it is another's."""
    for to in policy.destinations.values():
        if find(to, call.method, call.path, policy.dialects) is not dialect:
            continue
        try:
            native = dialect.decode(call, to, call.body)
        except Unreadable:
            continue
        if dialect.ACCOUNT is not None and native.account is not None:
            to = replace(to, settings={**to.settings, dialect.ACCOUNT: native.account})
        return Seed(to, call)
    return None


def filled(dialect: Dialect, seed: Seed) -> Seed | None:
    """The seed with every field of the table in it, where the table's rows tell where that is."""
    if not isinstance(dialect, Format) or not isinstance(dialect.body, (Parameters, EventList)):
        return None
    rows = {name: role for name, role in dialect.table.exact.items() if role in CATALOGUE.by_name}
    values = {name: value_of(CATALOGUE.by_name[role], f"zq{n:03}{LETTERS[:11]}") for n, (name, role) in
              enumerate(rows.items())}  # fmt: skip
    if isinstance(dialect.body, Parameters) and not seed.call.body:
        query = parse_qsl(seed.call.query, keep_blank_values=True)
        have = {name for name, _ in query} | {"pid.em", "pid.ph"}
        query += [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in values.items()
                  if name not in have]  # fmt: skip
        return Seed(seed.to, structs.replace(seed.call, query=urlencode(query)))
    if isinstance(dialect.body, Parameters):
        return None
    data = json.loads(seed.call.body)
    for event in events_in(data, dialect.body):
        for name, value in values.items():
            put(event, name.removeprefix("event.").split("."), value)
    return Seed(seed.to, structs.replace(seed.call, body=json.dumps(data).encode()))


def events_in(data: Any, body: EventList) -> list[Any]:
    for way in body.ways:
        node = data
        for step in way:
            node = node.get(step) if isinstance(node, dict) else None
        if node is not None:
            return node
    return [data]


def put(node: Any, steps: list[str], value: object) -> None:
    """Put a value where nothing is yet; lists are entered at their first entry."""
    for step in steps[:-1]:
        node = node.setdefault(step, {}) if isinstance(node, dict) else {}
        while isinstance(node, list) and node:
            node = node[0]
    if isinstance(node, dict):
        node.setdefault(steps[-1], value)


# --- planting -------------------------------------------------------------------------------------------------------

Change = Callable[[str], str]


def rewritten(text: str, change: Change, extra: Callable[[], tuple[str, str]]) -> str:
    """A query, a form, JSON, lines of either, or base64 of any: every value through `change`, new names by `extra`."""
    stripped = text.lstrip()
    if stripped[:1] in ("{", "["):
        try:
            return json.dumps(_json(json.loads(text), change, extra))
        except ValueError:
            pass
    if "\n" in text.strip():
        newline = "\r\n" if "\r\n" in text else "\n"
        return newline.join(rewritten(line, change, extra) if line else line for line in text.split(newline))
    if "=" in text and stripped[:1] != "-":
        pairs = [(name, _value(value, change, extra)) for name, value in parse_qsl(text, keep_blank_values=True)]
        return urlencode([*pairs, extra()])
    return text


def _json(node: Any, change: Change, extra: Callable[[], tuple[str, str]]) -> Any:
    if isinstance(node, dict):
        made = {key: _json(inner, change, extra) for key, inner in node.items() if key != "length"}
        return made | dict([extra()])
    if isinstance(node, list):
        return [_json(inner, change, extra) for inner in node]
    if isinstance(node, str):
        return _value(node, change, extra)
    if isinstance(node, bool) or node is None:
        return node
    made = change(str(node))
    return node if made == str(node) else made


def _value(value: str, change: Change, extra: Callable[[], tuple[str, str]]) -> str:
    if value[:1] in ("{", "[", "?") and len(value) > 2:
        return value[: value[0] == "?"] + rewritten(value[value[0] == "?" :], change, extra)
    inner = unwrapped(value)
    if inner is not None and inner[:1] in ("{", "[", "/"):
        head, mark, query = inner.partition("?") if inner[0] == "/" else ("", "", inner)
        made = rewritten(query, change, extra)
        return base64.urlsafe_b64encode((head + mark + made).encode()).decode().rstrip("=")
    return change(value)


def unwrapped(value: str) -> str | None:
    """The text in a base64 value; `None` if it is none."""
    if len(value) < 24:
        return None
    try:
        return base64.b64decode(value.replace("-", "+").replace("_", "/") + "==", validate=False).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def canary(kind: str, luck: random.Random) -> Canary:
    """A value that stands nowhere else."""
    word = "zq" + "".join(luck.choice(LETTERS) for _ in range(14))
    digits = "".join(luck.choice("123456789") for _ in range(8))
    match kind:
        case "email":
            return Canary(kind, f"{word}@example.com")
        case "phone":
            return Canary(kind, f"+4915{luck.choice('27')}{digits}")
        case "ip":
            return Canary(kind, f"81.{luck.randint(20, 250)}.{luck.randint(20, 250)}.{luck.randint(20, 250)}")
        case "name":
            return Canary(kind, f"{word[:8].title()} {word[8:].title()}")
        case "token":
            part = base64.urlsafe_b64encode(f'{{"sub":"{word}","n":"{word[::-1]}"}}'.encode()).decode().rstrip("=")
            return Canary(kind, f"eyJhbGciOiJIUzI1NiJ9.{part}.{word}{digits}{word}")
    return Canary("foreign", word)


KINDS = ("email", "phone", "ip", "name", "token")
WAYS = ("plain", "percent", "base64", "in a text", "in an address")


def dressed(one: Canary, way: str, old: str) -> str:
    """The canary as somebody might have written it."""
    match way:
        case "percent":
            return quote(one.value, safe="")
        case "base64":
            return base64.b64encode(f'{{"who":"{one.value}"}}'.encode()).decode()
        case "in a text":
            return f"Order for {one.value}, thanks"
        case "in an address":
            if old.startswith(("http://", "https://", "/")):
                return f"{old}{'&' if '?' in old else '?'}who={quote(one.value)}"
            return f"https://shop.example/x?who={quote(one.value)}"
    return one.value


@st.composite
def planted(draw: st.DrawFn, dialect: Dialect, found: list[Seed]) -> tuple[Seed, list[Canary]]:
    """A seed with canaries in it; its secrets and marks stay as they are."""
    seed = draw(st.sampled_from(found))
    luck = random.Random(draw(st.integers(0, 2**32)))
    share = draw(st.sampled_from((0.0, 0.05, 0.1, 0.3, 0.8)))
    ways = draw(st.lists(st.sampled_from(WAYS), min_size=1, max_size=3))
    canaries: list[Canary] = []
    native = dialect.decode(seed.call, seed.to, seed.call.body)
    fixed = {str(leaf.value) for leaf in all_leaves(native) if leaf.role in (SECRET, STAMP)} | {native.account}

    def plant(kind: str, way: str = "plain") -> Canary:
        canaries.append(replace(canary(kind, luck), way=way))
        return canaries[-1]

    def change(old: str) -> str:
        if old in fixed or luck.random() >= share:
            return old
        way = luck.choice(ways)
        one = plant(luck.choice(KINDS), way)
        return dressed(one, way, old)

    def extra() -> tuple[str, str]:
        name = "zz_" + "".join(luck.choice(LETTERS) for _ in range(5))
        if luck.random() < 0.25:
            name = luck.choice(OUR_WORDS)
        return name, plant("foreign").value

    call = seed.call
    kind = form.content_type(call)
    if kind.startswith(form.MULTIPART):
        pairs = [(name, _value(value, change, extra)) for name, value in form.read(call.body, kind)[1]]
        kind, body = form.write(form.MULTIPART, [*pairs, extra()])
    elif call.body[:2] == GZIP:  # PostHog's own, without a Content-Encoding
        plain = gzip.decompress(call.body).decode()
        body = gzip.compress(rewritten(plain, change, extra).encode(), mtime=0)
    else:
        body = rewritten(call.body.decode(), change, extra).encode() if call.body else b""
    one_wrapped = call.query.count("=") == 1 and unwrapped(call.query.partition("=")[2]) is not None
    query = call.query
    if one_wrapped:
        name, _, value = query.partition("=")
        query = f"{name}={_value(value, change, extra)}"
    elif query or not body:
        query = rewritten(query or "zz=1", change, extra)
    code = draw(st.sampled_from(("", "gzip", "deflate", "br", "zstd"))) if body else ""
    headers = [(name, value) for name, value in call.headers if name not in (b"content-encoding", b"content-type")]
    headers += [(b"content-type", kind.encode())] if kind else []
    headers += [(b"content-encoding", code.encode())] if code else []
    headers += [(b"x-forwarded-for", plant("foreign").value.encode()), (b"x-zz", plant("foreign").value.encode())]
    call = structs.replace(call, query=query, headers=tuple(headers), body=coding.encode(body, code))
    return Seed(seed.to, call), canaries


def all_leaves(native: Native) -> list[Leaf]:
    """Shared and own leaves of all elements."""
    return [*native.shared, *(leaf for element in native.elements for leaf in element.leaves)]


def views(raw: bytes) -> list[bytes]:
    """The bytes of a request as they are, unpacked, with percent-encoding undone, and what is base64 in them."""
    found = [raw]
    if GZIP in raw:
        found.append(zlib.decompressobj(31).decompress(raw[raw.index(GZIP) :]))
    for one in list(found):
        text = one.decode("utf-8", "replace")
        for _ in range(2):
            text = unquote_plus(text)
            found.append(text.encode())
    return found
