"""Google Analytics 4, Measurement Protocol.

    POST <endpoint>/mp/collect?measurement_id=…&api_secret=…

Sources: developers.google.com/analytics/devguides/collection/protocol/ga4 (reference, sending events, limits,
uid-data), read 2026-11-23. There is no consent status for analytics in this protocol: denied means not called.
It answers 2xx to nearly anything, has no dedupe key, and says not to repeat a request it refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import orjson
from pydantic import Field

from gatekeeper.model import Event, Outgoing, Personal, Purpose, Shaped
from gatekeeper.vendors.formats import answers
from gatekeeper.vendors.kind import DAY, Destination, Kind, Shaping
from gatekeeper.vendors.settings import Common, SecretValue, Spelled

# Canonical field -> GA4's parameter, and how many characters GA4 keeps of it.
_PARAMS: Final = {
    "page_url": ("page_location", 1000),
    "page_title": ("page_title", 300),
    "referrer": ("page_referrer", 420),
    "session_id": ("session_id", 100),
    "transaction_id": ("transaction_id", 100),
    "currency": ("currency", 3),
    "order_value": ("value", 0),
    "items": ("items", 0),
    "scroll_depth": ("percent_scrolled", 0),
    "navigation_path": ("navigation_path", 100),
    "funnel_step": ("funnel_step", 100),
    "device_type": ("device_type", 100),
    "viewport": ("viewport", 100),
    "connection_quality": ("connection_quality", 100),
    "language": ("language", 100),
    "cart_id": ("cart_id", 100),
    "error_type": ("error_type", 100),
    "error_message": ("error_message", 100),
}
_HEAD: Final = frozenset({"client_id", "user_id", "user_agent"})
# Reserved by GA4: names with these beginnings are not recorded.
_RESERVED: Final = ("ga_", "google_", "firebase_", "gtag.")
MAX_PARAMS: Final = 25

KIND = Kind(
    name="ga4",
    title="Google Analytics 4",
    purpose=Purpose.ANALYTICS,
    allowed_purposes=frozenset({Purpose.ANALYTICS}),  # a client id, which GA4 needs, is an analytics field
    legal_basis="consent",
    fields=(
        "page_url", "page_title", "referrer", "session_id", "client_id", "order_value", "currency",
        "transaction_id", "items", "scroll_depth", "time_on_page", "navigation_path", "funnel_step",
        "device_type", "viewport", "connection_quality", "language",
    ),
    places=None,
    endpoint="https://www.google-analytics.com",
    batch_events=25,
    batch_bytes=120_000,
    max_age=3 * DAY,
    max_attempts=2,
    dedupes_for=None,  # nothing tells a repeated hit from a new one
    vendor_id=755,  # the TCF does not govern Analytics cookies, but a visitor may leave Google out of the list
    processor="Google Ireland Ltd",
    needs_currency=True,
    deletion="Google Analytics Admin API, properties.submitUserDeletion",
)  # fmt: skip


class Settings(Common):
    """Keys of a `ga4` destination."""

    kind: Literal["ga4"]
    measurement_id: Annotated[
        str,
        Spelled(
            r"G-[A-Za-z0-9_-]+",
            "is not a GA4 measurement id: those begin with G- (UA- was Universal Analytics, which ended); copy it from "
            "the web stream's settings",
        ),
    ] = Field(description="Measurement id of the web stream, such as G-ABC1234567.")
    api_secret: SecretValue = Field(description="Secret of the Measurement Protocol, from the stream's settings.")
    firebase_app_id: (
        Annotated[
            str,
            Spelled(
                r"[0-9]:[0-9]+:(android|ios|web):[0-9a-f]+", "is not a Firebase app id; write it as 1:1234:android:00ff"
            ),
        ]
        | None
    ) = Field(None, description="App stream whose calls are taken as well, such as 1:1234:android:00ff; never events.")


def shape(event: Event, kept: Mapping[str, object], shaping: Shaping) -> Shaped | str:
    """The event as one element of `events[]`; everything that belongs to the visitor goes in the head."""
    if shaping.at - event.time > KIND.max_age:
        return "the event is older than 72 hours"
    params: dict[str, Any] = {}
    head: dict[str, Any] = {}
    invalid: list[str] = []
    for name, value in kept.items():
        if type(value) is Personal:
            invalid.append(name)  # no personal data at tier 2 (the guide's field table)
        elif name in _HEAD:
            head[name] = str(value)[:256] if name == "user_id" else value
        elif name == "time_on_page":
            params["engagement_time_msec"] = max(1, round(_number(value) * 1000))
        elif not _param(name, value, params):
            invalid.append(name)

    derived: list[str] = []
    if "client_id" not in head:
        if "session_id" not in params:
            return "neither client_id nor session_id is left"
        head["client_id"] = shaping.derived_id(str(params["session_id"]))
        derived.append("client_id")
    granted = "GRANTED" if shaping.marketing_granted else "DENIED"
    head["consent"] = {"ad_user_data": granted, "ad_personalization": granted}
    if "session_id" in params:
        params.setdefault("engagement_time_msec", 1)  # without it, no session and no Realtime report
    body = {"name": event_name(event.name), "params": params, "timestamp_micros": int(event.time * 1_000_000)}
    sent = [name for name in kept if name not in invalid] if invalid else kept
    return Shaped(orjson.dumps(head), orjson.dumps(body), tuple(sent), tuple(derived), tuple(invalid))


@lru_cache(maxsize=512)
def event_name(name: str) -> str:
    """A name GA4 records: a letter, then letters, digits and underscores, 40 at most, not reserved."""
    text = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if not text[:1].isalpha() or text.lower().startswith(_RESERVED):
        text = "e_" + text
    return text[:40]


def _param(name: str, value: object, params: dict[str, Any]) -> bool:
    parameter, limit = _PARAMS.get(name) or (name, 100)
    if isinstance(value, tuple) and name != "items":
        value = " > ".join(map(str, value))
    if isinstance(value, str):
        value = value[:limit]
    if len(parameter) > 40 or (len(params) >= MAX_PARAMS and parameter not in params):
        return False
    params[parameter] = value
    return True


def _number(value: object) -> float:
    return value if isinstance(value, (int, float)) else 0.0


def assemble(to: Destination, head: bytes, bodies: Sequence[bytes]) -> Outgoing:
    """Up to 25 events of one visitor; the secret goes into the query, where GA4 wants it."""
    query = urlencode({"measurement_id": to.settings["measurement_id"], "api_secret": to.secret("api_secret")})
    return Outgoing(
        "POST",
        f"{to.endpoint}/mp/collect?{query}",
        (("Content-Type", "application/json"),),
        head[:-1] + b',"events":[' + b",".join(bodies) + b"]}",
    )


read_answer = answers.by_status
