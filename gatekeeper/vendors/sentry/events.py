"""An error monitor that speaks Sentry's envelope protocol.

    POST <endpoint>/api/<project>/envelope/

Sources: develop.sentry.dev (envelopes, event payloads, rate limiting), getsentry/sentry-docs, read 2026-11-23.
Default fields: the guide's field table, the stricter of its two (no session_id).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import Field, model_validator

from gatekeeper.model import Event, Outgoing, Personal, Purpose, Shaped
from gatekeeper.vendors.formats import answers, normalise
from gatekeeper.vendors.kind import Destination, Kind, Shaping
from gatekeeper.vendors.settings import Common, HttpUrl, Spelled

_EVENT_ID: Final = re.compile(r"[0-9a-f]{32}")

# Items that the gate cannot look into; all others are in calls.toml.
ItemType = Literal[
    "attachment", "replay_event", "replay_recording", "replay_video", "profile", "profile_chunk", "user_report",
    "feedback", "log", "span", "trace_metric", "statsd",
]  # fmt: skip

KIND = Kind(
    name="sentry",
    title="Error monitoring (Sentry protocol)",
    purpose=Purpose.NECESSARY,
    allowed_purposes=frozenset({Purpose.NECESSARY, Purpose.ANALYTICS}),
    legal_basis="legitimate_interest",
    fields=("page_url", "error_message", "error_type", "error_stack"),
    places=frozenset(
        {"page_url", "referrer", "error_message", "error_type", "error_stack", "session_id", "cart_id", "user_id",
         "user_agent", "language", "device_type", "viewport", "connection_quality", "page_title", "client_id",
         "navigation_path"}
    ),
    batch_events=1,  # an envelope holds at most one event
    batch_bytes=1_000_000,
    max_age=30 * 86_400.0,
    errors_only=True,
    # An error, what its sender put beside it where the policy lists it, and check-ins, which are about a job and not
    # about a visitor. Transactions, spans, sessions, client reports, replays, profiles, logs and metrics say what a
    # visitor did.
    as_necessary=frozenset({"error", "check_in", "attachment", "user_report", "feedback"}),
    accepts_contextual=False,
    processor="the operator of the error monitor",
    received_by="endpoint",
    deletion="by event id in the error monitor",
)  # fmt: skip


class Settings(Common):
    """Keys of a `sentry` destination: an `endpoint`, or a `dsn`, which our own events need for their project."""

    kind: Literal["sentry"]
    dsn: (
        Annotated[
            str,
            Spelled(
                r"https?://[^\s/@:]+(:[^\s/@]*)?@[^\s/@?#]+(/[^\s?#]*)?/\d+",
                "is not a DSN; copy it from the project's client keys, such as https://public@errors.example.com/42",
                2048,
            ),
        ]
        | None
    ) = Field(None, description="Client key of the project, such as https://public@errors.example.com/42.")
    endpoint: HttpUrl | None = Field(None, description="Base URL; the DSN's own if absent.")
    items: list[ItemType] = Field(
        default_factory=list, description="Types of envelope items that calls may carry unread, such as attachment."
    )

    @model_validator(mode="after")
    def _has_an_address(self) -> Settings:
        if self.endpoint is None and self.dsn is None:
            raise ValueError("has neither an `endpoint` nor a `dsn`; write one of them")
        return self

    def adapt(self, kind: Kind) -> Kind:
        """A DSN brings its own base URL."""
        return kind if self.dsn is None else replace(kind, endpoint=base_url(self.dsn))


def shape(event: Event, kept: Mapping[str, object], shaping: Shaping) -> Shaped | str:
    """The event as the payload of one envelope item."""
    exception = {key: kept[name] for key, name in (("type", "error_type"), ("value", "error_message")) if name in kept}
    if not exception and "error_stack" not in kept:
        return "nothing about an error is left"
    payload: dict[str, Any] = {
        "event_id": event.id if _EVENT_ID.fullmatch(event.id) else normalise.sha256(event.id)[:32],
        "timestamp": event.time,
        "platform": "other",
        "level": "error",
        "exception": {"values": [exception or {"type": event.name}]},
    }
    tags: dict[str, str] = {}
    sent: list[str] = []
    for name, value in kept.items():
        if type(value) is Personal:
            continue
        if name == "page_url":
            payload.setdefault("request", {})["url"] = value
        elif name in ("referrer", "user_agent"):
            header = {"referrer": "Referer", "user_agent": "User-Agent"}[name]
            payload.setdefault("request", {}).setdefault("headers", {})[header] = value
        elif name == "user_id":
            payload["user"] = {"id": value}
        elif name == "error_stack":
            payload["extra"] = {"stack": value}
        elif name not in ("error_type", "error_message"):
            tags[name] = str(value)[:200]
        sent.append(name)
    if tags:
        payload["tags"] = tags
    return Shaped(head=b"", body=orjson.dumps(payload), sent=tuple(sent))


def assemble(to: Destination, head: bytes, bodies: Sequence[bytes]) -> Outgoing:
    """An envelope with one event item, `length` in bytes."""
    (payload,) = bodies
    event_id = orjson.loads(payload)["event_id"]
    envelope = b"\n".join(
        (
            orjson.dumps({"event_id": event_id}),
            orjson.dumps({"type": "event", "content_type": "application/json", "length": len(payload)}),
            payload,
            b"",
        )
    )
    project, key = "1", None
    if to.settings.get("dsn"):
        dsn = urlsplit(to.settings["dsn"])
        project, key = dsn.path.rpartition("/")[2], dsn.username
    auth = "Sentry sentry_version=7, sentry_client=gatekeeper/1" + (f", sentry_key={key}" if key else "")
    return Outgoing(
        "POST",
        f"{to.endpoint}/api/{project}/envelope/",
        (("Content-Type", "application/x-sentry-envelope"), ("X-Sentry-Auth", auth)),
        envelope,
    )


def base_url(dsn: str) -> str:
    """The base URL of a DSN: scheme, host, port and path prefix."""
    parts = urlsplit(dsn)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rpartition('/')[0]}"


read_answer = answers.by_status
