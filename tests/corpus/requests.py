"""Requests of every dialect, and events, of many visitors under several policies. The same number gives the same one.

`seeds.json` holds a request of each dialect, and of each way in which one is written: the shipped vectors, and the
requests of `tests/native`, as they were on 2026-11-30.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlencode

from gatekeeper.model import Call, Caller
from gatekeeper.vendors import DIALECTS
from tests.builders import EVERY_KIND, own_cookie
from tests.corpus import odd
from tests.laws.events import FIELDS, value_of
from tests.native.test_second_tier import SECOND

NOW = float(odd.NOW)
SEEDS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "seeds.json").read_text("utf-8"))
PRODUCTS = sorted({one.NAME.partition(" ")[0] for one in DIALECTS if one.KIND == "first_party"})
PLACES = {"81.2.69.1": ("DE", "BE"), "81.2.69.2": ("US", "CA"), "81.2.69.3": ("US", "TX"), "81.2.69.4": ("FR", None),
          "81.2.69.5": ("BR", None), "81.2.69.6": ("US", None), "81.2.69.8": ("GB", None)}  # fmt: skip
_DESTINATIONS = (
    EVERY_KIND
    | SECOND
    | {name: {"kind": "first_party", "endpoint": "http://127.0.0.1:9", "speaks": name} for name in PRODUCTS}
)
_OWN = {"kind": "first_party", "endpoint": "http://127.0.0.1:9", "truncate_ip": True}
# `wide`: lists of all fields and the rare settings; the others differ in the law.
POLICIES: Mapping[str, Mapping[str, Any]] = {
    "gdpr": {"jurisdiction": {"default": "gdpr"}},
    "ccpa": {"jurisdiction": {"default": "ccpa"}, "rights": {"remember": True}},
    "limited": {"jurisdiction": {"default": "vcdpa"}, "consent": {"gpc": "where_required"}},
    "wide": {
        "policy": {"version": "wide", "controller": "Shop", "currency": "EUR", "site": "https://shop.example",
                   "secret_paths": ["invite"], "phone_region": "DE"},
        "jurisdiction": {"default": "gdpr", "always": ["gdpr"]},
        "destinations": {
            name: table | ({"truncate_ip": True} if table["kind"] == "first_party" else {})
            for name, table in _DESTINATIONS.items()
        }
        | {"regional": _OWN | {"regions": ["DE", "US"], "events": ["purchase", "page_view"]}},
        "rights": {"remember": True},
    },
}  # fmt: skip


class Request(NamedTuple):
    """A call to a destination of a policy, or a body of events (`call` is `None`), and who sends it."""

    policy: str
    caller: Caller
    to: str = ""
    account: str | None = None
    wide: bool = False
    call: Call | None = None
    body: bytes = b""


def policy_tables(name: str) -> dict[str, Any]:
    """The tables of a policy, for `make_policy`."""
    return {"destinations": _DESTINATIONS} | dict(POLICIES[name])


def request(number: int, seed: int = 28) -> Request:
    """The request of that number; of ten some seven are calls."""
    luck = Random(f"{seed}:{number}")
    policy = luck.choice(tuple(POLICIES))
    rate = luck.choice((0.0, 0.05, 0.15, 0.4))
    if number % 10 in (2, 5, 8):
        return Request(policy, _caller(luck, ()), body=_events(luck, rate))
    if number % 97 == 0:
        call = _batch(luck, rate)
        return Request(policy, _caller(luck, call.headers), "meta_capi", call=call)
    row = SEEDS[number % len(SEEDS)] if luck.random() < 0.8 else luck.choice(SEEDS)
    call = _call(row, luck, rate)
    account = row.get("account") if luck.random() < 0.97 else None
    return Request(policy, _caller(luck, call.headers), row["to"], account, luck.random() < 0.5, call)


def _call(row: Mapping[str, Any], luck: Random, rate: float) -> Call:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in row["headers"]]
    if luck.random() < 0.3:
        headers.append(
            (b"user-agent", luck.choice((b"Mozilla/5.0 (X11)", b"curl/8", b"jane.doe@mail.example", b"\xff")))
        )
    if luck.random() < 0.2:
        headers.append(
            (b"referer", luck.choice((b"https://shop.example/a?gclid=abc", b"/p", b"https://x.example/?e=j%40m.de")))
        )
    query, body = row["query"], row["body"]
    if query and rate and luck.random() < 0.5:
        query = odd.pairs(query, luck, rate)
    if body and (rate or luck.random() < 0.5) and "multipart" not in str(row["headers"]) and body[:1] != "\x1f":
        body = odd.written(body, luck, rate)
    try:
        raw = body.encode("latin-1")
    except UnicodeEncodeError:
        raw = body.encode("utf-8", "surrogatepass")
    raw, coding = odd.coated(raw, luck)
    if coding:
        headers.append((b"content-encoding", coding.encode()))
    return Call(row["method"], row["path"], query, tuple(headers), raw)


def _batch(luck: Random, rate: float) -> Call:
    event = json.loads(next(one["body"] for one in SEEDS if one["to"] == "meta_capi" and one["body"][:1] == "{"))[
        "data"
    ]
    parts = [
        {"method": "POST", "relative_url": "v26.0/123456789/events",
         "body": urlencode({"data": json.dumps(odd.changed(event, luck, rate))})}
        for _ in range(luck.randint(1, 3))
    ]  # fmt: skip
    if luck.random() < 0.5:
        parts.append({"method": "GET", "relative_url": "v26.0/me/accounts?fields=name"})
    kind = (b"content-type", b"application/x-www-form-urlencoded")
    return Call("POST", "/", "", (kind,), urlencode({"batch": json.dumps(parts), "access_token": "OWN"}).encode())


def _caller(luck: Random, headers: tuple[tuple[bytes, bytes], ...]) -> Caller:
    said: list[tuple[bytes, bytes]] = list(headers)
    granted = luck.choice((("analytics", "marketing"),) * 4 + (("analytics",), ("marketing",), ()))
    if luck.random() < 0.9:
        subject = f"v_{luck.randrange(30)}"
        said.append(
            (b"cookie", own_cookie(*granted, at=NOW - luck.choice((100, 9 * 86_400)), subject=subject).encode())
        )
    if luck.random() < 0.08:
        said.append((b"sec-gpc", b"1"))
    if luck.random() < 0.05:
        said.append((b"cookie", luck.choice((b"usprivacy=1YYN", b"gatekeeper_consent=tampered", b"OptanonConsent=x"))))
    return Caller(
        headers=tuple(said),
        query=luck.choice((b"", b"", b"", b"gdpr=1&gdpr_consent=x")),
        address=luck.choice((*PLACES, "127.0.0.1", "198.51.100.7", None)),
        age_band=luck.choice((None,) * 24 + ("13-15",)),
        trusted=luck.random() < 0.15,
        relayed=luck.random() < 0.1,
        foreign=luck.random() < 0.05,
        account=("acc_1", "acc_0") if luck.random() < 0.1 else (),
        residence=("DE", None) if luck.random() < 0.05 else None,
    )


def _events(luck: Random, rate: float) -> bytes:
    rows = [_event(luck, rate) for _ in range(luck.choice((1, 1, 1, 1, 2, 4)))]
    made: Any = rows[0] if len(rows) == 1 else luck.choice((rows, {"events": rows}))
    text = json.dumps(made, ensure_ascii=luck.random() < 0.7)
    if luck.random() < 0.02:
        text = text.replace("{", '{"event":"a",', 1)
    return text.encode("utf-8", "surrogatepass")


def _event(luck: Random, rate: float) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for row in luck.sample(FIELDS, luck.choice((0, 3, 6, 10, 20))):
        key = row.name if luck.random() < 0.8 else row.key
        data[key] = value_of(row, "zq" + "".join(luck.choice("abcdefghijkmnopqrstuvwxyz0123456789") for _ in range(14)))
    if luck.random() < 0.7:
        visitor = luck.randrange(40)
        page, client = f"https://shop.example/p/{visitor}?fbclid=abc{visitor}", f"123456{visitor:04}.1700000000"
        data |= {"page_url": page, "client_id": client, "session_id": f"s_{visitor}", "page_title": "Shoes"}
        data |= {"order_value": 9.5 + visitor, "currency": "EUR"}
    for key in list(data):
        if luck.random() < rate / 2:
            data[key] = odd.value(luck)
    if luck.random() < rate:
        data[odd.name(luck)] = odd.value(luck)
    made: dict[str, Any] = {
        "event": luck.choice(("purchase", "page_view", "error", "sign_up", "Jane", "add_to_cart")),
        "data": data,
    }
    if luck.random() < 0.5:
        made["consent"] = {
            purpose: luck.random() < 0.8 for purpose in ("analytics", "marketing") if luck.random() < 0.8
        }
    if luck.random() < 0.3:
        made["event_id"] = luck.choice((f"e-{luck.randrange(100)}", "jane@mail.example", "x" * 128))
    if luck.random() < 0.2:
        made["event_time"] = NOW - luck.choice((0, 10, 86_400, 80 * 3_600, 8 * 86_400, -5))
    if luck.random() < 0.1:
        made["purposes"] = luck.choice((["analytics"], ["marketing", "analytics"], ["necessary"]))
    if luck.random() < 0.1:
        made["subject"] = {"user_id": f"u-{luck.randrange(20)}"}
    if luck.random() < 0.1:
        made["place"] = luck.choice(({"country": "US", "region": "CA"}, {"country": "DE"}))
    if luck.random() < 0.05:
        made["flags"] = {"google": {"ad_user_data": "DENIED"}}
    return made
