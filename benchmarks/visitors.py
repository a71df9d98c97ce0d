"""A day of a shop: events and calls of many visitors, whose names, ids, times, values and pages vary. Pure.

One visitor's event again and again flatters: GA4 takes 25 events a request of one visitor, of many one of each; and
a gate that remembers what a visitor said reads their cookie only once. So many visitors are what is measured, and one
visitor has a row of its own. The same seed gives the same day.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from typing import Any

from . import samples

Requests = Callable[[], Sequence[bytes]]

VISITORS = 800
PAGES = 300
REQUESTS = 3_000
_EVERY = 29  # seconds between two requests: a day, which is what GA4 takes events of the past three days from
_EVENTS = ("page_view", "page_view", "page_view", "view_item", "view_item", "add_to_cart", "begin_checkout", "purchase")
_AGENTS = tuple(samples.AGENT.replace("141.0", f"{major}.0") for major in range(122, 142))
_WORDS = ("shoes", "coats", "sale", "garden", "lamps", "books", "toys", "bikes", "tents", "pans")


@dataclass(frozen=True, slots=True)
class Visitor:
    """One browser: `ga` is its client id, `ttp` what TikTok's pixel calls it, `mail` its e-mail address hashed.

    `cookie` is its whole Cookie header.
    """

    ga: str
    fbp: str
    ttp: str
    session: int
    agent: str
    mail: str
    cookie: str


def _visitor(random: Random, now: int) -> Visitor:
    number, session = random.randrange(10**9, 10**10), now - random.randrange(10**6)
    ga, fbp = f"{number}.{session - 86_400}", f"fb.1.{session}{random.randrange(1_000)}.{random.randrange(10**10)}"
    cookie = samples.cookie()
    for one, other in (
        ("1234567890.1700000000", ga), ("fb.1.1596403881668.1116446470", fbp),
        ("consentid:0f1a2b", f"consentid:{number:x}"),
        ("4f1c2d3e4a5b6c7d8e9f0a1b2c3d4e5f", f"{random.getrandbits(128):032x}"), ("1700000000", str(session)),
    ):  # fmt: skip
        cookie = cookie.replace(one, other)
    mail = hashlib.sha256(b"%d@mail.example" % number).hexdigest()
    ttp = base64.b64encode(hashlib.sha256(ga.encode()).digest()).decode()[:27]
    return Visitor(ga, fbp, ttp, session, random.choice(_AGENTS), mail, cookie)


def _pages(random: Random) -> list[str]:
    return [f"/{random.choice(_WORDS)}/{random.choice(_WORDS)}-{number}" for number in range(PAGES)]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a visitor did: where, what, when (seconds), and what it was worth; `order` is unique."""

    visitor: Visitor
    event: str
    page: str
    at: int
    value: float
    order: str


def day(ends: float | None = None, seed: int = 28) -> Iterator[Step]:
    """What happened in the day that ended then (Unix seconds; now), in order."""
    now, random = round(time.time() if ends is None else ends), Random(seed)
    visitors, pages = [_visitor(random, now) for _ in range(VISITORS)], _pages(random)
    for number in range(REQUESTS):
        value = round(random.uniform(3, 400), 2)
        order = f"T-{number:05}-{random.randrange(10**6):06}"
        at = now - _EVERY * (REQUESTS - number)
        yield Step(random.choice(visitors), random.choice(_EVENTS), random.choice(pages), at, value, order)


def event(step: Step) -> dict[str, Any]:
    """The event as the page posts it: a purchase has an order's fields, a page view has not.

    Each has what every destination matches by, TikTok's too: who decides has as much to deliver as who does not.
    """
    data: dict[str, Any] = {
        "page_url": f"https://shop.example{step.page}?fbclid=abc{step.at}", "page_title": step.page.strip("/"),
        "session_id": f"s_{step.visitor.session}", "client_id": step.visitor.ga, "ttp": step.visitor.ttp,
        "device_type": "desktop",
        "customer_note": samples.STRIPPED,
    }  # fmt: skip
    if step.event != "page_view":
        data |= {"order_value": step.value, "currency": "EUR", "items": [_item(step)]}
    if step.event in ("purchase", "begin_checkout"):
        data |= {"transaction_id": step.order, "email_hash": step.visitor.mail}
    return {"event": step.event, "consent": dict.fromkeys(("necessary", "analytics", "marketing"), True), "data": data}


def _item(step: Step) -> dict[str, Any]:
    return {"item_id": f"SKU-{step.order[-4:]}", "price": step.value, "quantity": 1 + step.at % 3}


def ga4_call(step: Step) -> dict[str, Any]:
    """The same as an existing app calls GA4's Measurement Protocol."""
    params: dict[str, Any] = {
        "session_id": str(step.visitor.session), "engagement_time_msec": 100 + step.at % 900,
        "page_location": f"https://shop.example{step.page}", "customer_note": samples.STRIPPED,
    }  # fmt: skip
    if step.event != "page_view":
        params |= {"currency": "EUR", "value": step.value, "transaction_id": step.order}
    return {
        "client_id": step.visitor.ga, "timestamp_micros": step.at * 1_000_000,
        "user_properties": {"plan_mail": {"value": samples.STRIPPED}},
        "events": [{"name": step.event, "params": params}],
    }  # fmt: skip


def meta_call(step: Step) -> dict[str, Any]:
    """The same as an existing app calls Meta's Conversions API."""
    body = samples.meta_call()
    (event,) = body["data"]
    event |= {
        "event_name": step.event, "event_time": step.at, "event_id": step.order,
        "event_source_url": f"https://shop.example{step.page}",
    }  # fmt: skip
    event["user_data"] |= {"em": [step.visitor.mail], "fbp": step.visitor.fbp, "client_user_agent": step.visitor.agent}
    event["custom_data"] |= {"value": step.value, "order_id": step.order}
    return body


def new_shape(step: Step) -> dict[str, Any]:
    """The same with a parameter whose name no other call has: what is remembered by shape does not help."""
    body = ga4_call(step)
    body["events"][0]["params"][f"only_{step.order.replace('-', '_').lower()}"] = step.value
    return body


def one(request: bytes) -> Requests:
    """One visitor's request, again and again."""
    return lambda: (request,)


def many(target: str, body_of: Callable[[Step], Mapping[str, Any]]) -> Requests:
    """The day's requests, made when they are needed."""
    return partial(requests, target, body_of)


@cache
def requests(target: str, body_of: Callable[[Step], Mapping[str, Any]]) -> tuple[bytes, ...]:
    """The day as whole HTTP requests, each from its visitor's browser."""
    return tuple(_request(target, body_of(step), step) for step in day())


def _request(target: str, body: Mapping[str, Any], step: Step) -> bytes:
    by = step.visitor
    said = {"user-agent": by.agent, "cookie": by.cookie, "referer": f"https://shop.example{step.page}"}
    return samples.post(target, body, instead=said)
