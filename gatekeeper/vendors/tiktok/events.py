"""TikTok Events API 2.0.

    POST <endpoint>/open_api/v1.3/event/track/    {"event_source": "web", "event_source_id": …, "data": [event, …]}

Sources: TikTok's own pages need an account; the rules here are those on which segmentio/action-destinations,
rudderlabs/rudder-transformer and stape-io/tiktok-tag agree, read 2026-11-23. Errors come inside HTTP 200. There
is no field for EU consent: denied means not called; `limited_data_use` is for US opt-outs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import Field, StringConstraints

from gatekeeper.model import Answer, Event, Fate, Outcome, Outgoing, Personal, Purpose, Shaped
from gatekeeper.vendors.formats import answers, normalise
from gatekeeper.vendors.formats.standard import STANDARD
from gatekeeper.vendors.kind import DAY, Destination, Kind, Shaping
from gatekeeper.vendors.settings import Common, Identifier, SecretValue

# Standard events since 2024 (before: CompletePayment, SubmitForm); any other name goes out as a custom event.
EVENTS: Final = {"page_view": "Pageview", **STANDARD}
HASHED: Final[Mapping[str, tuple[str, Callable[[str], str | None]]]] = {
    "email_hash": ("email", normalise.email),
    "phone_hash": ("phone", lambda e164: e164),  # with its plus
    "external_id_hash": ("external_id", normalise.compact),
    "first_name_hash": ("first_name", normalise.compact),
    "last_name_hash": ("last_name", normalise.compact),
    "postal_code_hash": ("zip_code", normalise.compact),
}


def _joined(raw: str) -> str | None:
    text = normalise.place_name(raw)
    return None if text is None else normalise.ascii_alnum(text)


CLEAR: Final[Mapping[str, tuple[str, Callable[[str], str | None]]]] = {
    "city_hash": ("city", _joined),
    "state_hash": ("state", _joined),
    "country_hash": ("country", normalise.country),
}
_PLACES: Final = {
    "ip": ("user", "ip"),
    "user_agent": ("user", "user_agent"),
    "ttclid": ("user", "ttclid"),
    "ttp": ("user", "ttp"),
    "order_value": ("properties", "value"),
    "currency": ("properties", "currency"),
    "transaction_id": ("properties", "order_id"),
    "items": ("properties", "contents"),
    "page_url": ("page", "url"),
    "referrer": ("page", "referrer"),
}
_ADDRESSES: Final = frozenset({"page_url", "referrer"})
# The catalogue's key of an item -> TikTok's.
CONTENT: Final = {
    "item_id": "content_id", "item_name": "content_name", "item_category": "content_category", "item_brand": "brand",
    "price": "price", "quantity": "quantity",
}  # fmt: skip
# A visitor is matched on one of these, or on address and browser together.
_MATCHED: Final = frozenset({"email_hash", "phone_hash", "external_id_hash", "ttclid", "ttp"})
_BROWSER: Final = frozenset({"ip", "user_agent"})
_OK, _PARTIAL, _INVALID, _TOO_MANY = 0, 20001, 40002, 40100
# How a message names an event of the request.
BATCH: Final = re.compile(r"\b(?:Batch|data|batch)[.\[](\d{1,4})\b")

KIND = Kind(
    name="tiktok",
    title="TikTok Events API",
    purpose=Purpose.MARKETING,
    allowed_purposes=frozenset({Purpose.MARKETING}),
    legal_basis="consent",
    fields=(*(name for name in _PLACES if name != "referrer"), *HASHED, *CLEAR),
    places=frozenset({*_PLACES, *HASHED, *CLEAR}),
    clear=frozenset(CLEAR),
    endpoint="https://business-api.tiktok.com",
    batch_events=1000,
    batch_bytes=1_000_000,
    max_age=28 * DAY,
    dedupes_for=2 * DAY,  # by event and event_id
    refuses_request=frozenset({"tiktok_40105", "tiktok_40001"}),  # the token: not valid, or without the permission
    processor="TikTok Technology Ltd",
    needs_currency=True,
    deletion="none per event; audience members through the Segment (DMP) API",
)


class Settings(Common):
    """Keys of a `tiktok` destination."""

    kind: Literal["tiktok"]
    pixel_code: Identifier = Field(description="Code of the pixel, such as COQDA8RC77U2TMR44LI0.")
    access_token: SecretValue = Field(description="Token of the Events API, from the pixel's settings.")
    test_event_code: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="Shows the events in Events Manager's test tab instead of counting them."
    )


def shape(event: Event, kept: Mapping[str, object], shaping: Shaping) -> Shaped | str:
    """The event as one element of `data[]`."""
    properties: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {"user": {}, "properties": properties, "page": {}}
    invalid: list[str] = []
    for name, value in kept.items():
        place = _PLACES.get(name)
        if type(value) is Personal:
            place, value = personal(name, value)
        elif name == "items":
            properties["content_type"] = "product"
            value = contents(value)
        elif name in _ADDRESSES and not str(value)[:8].lower().startswith(("https://", "http://")):
            value = None  # TikTok refuses an event for an address without a host
        if place is None or value is None:
            invalid.append(name)
        else:
            parts[place[0]][place[1]] = value
    sent = {name: None for name in kept if name not in invalid} if invalid else kept
    why = refused(sent.keys(), shaping.at - event.time)
    if why is not None:
        return why
    out: dict[str, Any] = {
        "event": EVENTS.get(event.name, event.name),
        "event_time": int(event.time),
        "event_id": event.id,
        "limited_data_use": shaping.restricted_use,
    }
    out |= {part: content for part, content in parts.items() if content}
    # TikTok documents currency and value as required for a purchase: one without them is sent, but never in one
    # request with events it could spoil.
    spoils = event.name == "purchase" and not ("value" in properties and "currency" in properties)
    head = b"incomplete purchases" if spoils else b""
    return Shaped(head=head, body=orjson.dumps(out), sent=tuple(sent), invalid=tuple(invalid))


def refused(fields: Set[str], age: float) -> str | None:
    """Why an event of these fields (by key) and this age (seconds) is no valid one; `None` if it is."""
    if age > KIND.max_age:
        return "the event is older than TikTok accepts"
    if fields.isdisjoint(_MATCHED) and not fields >= _BROWSER:
        return "nothing is left that TikTok could match a visitor on"
    return None


def personal(name: str, value: Personal) -> tuple[tuple[str, str], str | None]:
    """The place of a personal value, and the hash or clear text that goes there, if there is one."""
    if name in CLEAR:
        key, normal = CLEAR[name]
        return ("user", key), None if value.hashed else normal(value.value)
    key, normal = HASHED[name]
    text = normalise.hashed(value, None if value.hashed else normal(value.value))
    return ("user", key), text if normalise.plain_hash(value) else None


def contents(items: object) -> list[dict[str, Any]]:
    """Items as TikTok writes products."""
    rows = items if isinstance(items, tuple) else ()
    return [{place: item[key] for key, place in CONTENT.items() if key in item} for item in rows]


def assemble(to: Destination, head: bytes, bodies: Sequence[bytes]) -> Outgoing:
    """Up to 1000 events of one pixel; the token goes into a header."""
    start = {"event_source": "web", "event_source_id": to.settings["pixel_code"]}
    if to.settings.get("test_event_code"):
        start["test_event_code"] = to.settings["test_event_code"]
    return Outgoing(
        "POST",
        f"{to.endpoint}/open_api/v1.3/event/track/",
        (("Access-Token", to.secret("access_token")), ("Content-Type", "application/json")),
        orjson.dumps(start)[:-1] + b',"data":[' + b",".join(bodies) + b"]}",
    )


def read_answer(answer: Answer, count: int) -> tuple[Outcome, ...]:
    """What `code` says inside a 200; an event that the message names as `Batch.N` does not take others with it."""
    if not 200 <= answer.status < 300:
        return answers.by_status(answer, count)
    try:
        body = orjson.loads(answer.body)
        code, message = body["code"], body.get("message")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return (Outcome(Fate.RETRY, "unreadable_answer"),) * count
    if code == _OK:
        return (Outcome(Fate.DELIVERED),) * count
    why = f"tiktok_{code}" if isinstance(code, int) else "unreadable_answer"
    if code == _TOO_MANY or (isinstance(code, int) and 50_000 <= code < 60_000):
        return (Outcome(Fate.RETRY, why, answers.retry_after(answer)),) * count
    named = {int(n) for n in BATCH.findall(message)} if isinstance(message, str) else set()
    named &= set(range(count))
    if code == _PARTIAL:
        return _apart(named, count, why, Outcome(Fate.DELIVERED, None if named else why))
    if code == _INVALID and named and count > 1:
        return _apart(named, count, why, Outcome(Fate.RETRY, why))
    return (Outcome(Fate.DEAD, why),) * count


def _apart(named: set[int], count: int, why: str, others: Outcome) -> tuple[Outcome, ...]:
    return tuple(Outcome(Fate.DEAD, why) if n in named else others for n in range(count))
