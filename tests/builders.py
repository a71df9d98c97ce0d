"""What tests are made of: a policy, a gate without disk or network, an event. Builders, not fixtures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import orjson

from gatekeeper.errors import AuditError
from gatekeeper.gate import Gate, incoming
from gatekeeper.installation.ring import Key, KeyRing
from gatekeeper.model import (
    OPTIONAL,
    Caller,
    ConsentModel,
    Law,
    Permission,
    Place,
    Plan,
    Purpose,
    Role,
    Signal,
    SignalDuty,
    Standing,
)
from gatekeeper.policy.load import parse_policy
from gatekeeper.signals import own
from gatekeeper.storage.protocols import Bounds
from gatekeeper.testing.store import MemoryStore

NOW = 1_795_478_400.0  # 2026-11-24T00:00:00Z
RING = KeyRing((Key("s1", b"s" * 32),), (Key("p1", b"p" * 32),), (Key("x1", b"x" * 32),))
HASH = "5eb63bbbe01eeed093cb22bb8f5acdc3" * 2

# The guide's own event, to the letter.
GUIDE_EVENT = {
    "event": "purchase",
    "consent": {"necessary": True, "analytics": True, "marketing": False},
    "data": {
        "page_url": "/checkout/confirmation",
        "order_value": 149.00,
        "email_hash": "a1b2c3...",
        "fbclid": "abc123",
        "session_id": "s_98765",
    },
}

DESTINATIONS: dict[str, dict[str, Any]] = {
    "ga4": {"kind": "ga4", "measurement_id": "G-TEST", "api_secret": "GA4-SECRET"},
    "meta_capi": {"kind": "meta_capi", "pixel_id": "123456789", "access_token": "META-TOKEN"},
    "errors": {"kind": "sentry", "dsn": "http://public@127.0.0.1:9/42"},
    "own": {"kind": "first_party", "endpoint": "http://127.0.0.1:9/events"},
}
# One of every kind, and Google Ads by both of its ways.
EVERY_KIND: dict[str, dict[str, Any]] = DESTINATIONS | {
    "google_ads": {
        "kind": "google_ads", "customer_id": "123-456-7890", "conversion_action": "987654",
        "developer_token": "ADS-DEVELOPER", "access_token": "ADS-TOKEN",
    },
    "data_manager": {
        "kind": "google_ads", "customer_id": "123-456-7890", "conversion_action": "987654",
        "access_token": "DM-TOKEN", "route": "data_manager",
    },
    "tiktok": {"kind": "tiktok", "pixel_code": "PIXEL", "access_token": "TIKTOK-TOKEN"},
    "warehouse": {
        "kind": "http_json", "purpose": "marketing", "endpoint": "http://127.0.0.1:9/in",
        "rename": {"page_url": "url", "email": "contact"},
        "fields": ["page_url", "order_value", "currency", "email", "phone", "city", "gclid"],
    },
}  # fmt: skip


def policy_data(**tables: Any) -> dict[str, Any]:
    """A policy file as TOML would give it; whole tables can be replaced."""
    return {
        "policy": {"version": "test", "controller": "Example Shop GmbH"},
        "destinations": DESTINATIONS,
        **tables,
    }


def make_policy(**tables: Any):
    """A compiled policy."""
    return parse_policy(policy_data(**tables), environ={})


class MemoryRecorder:
    """Keeps lines; can be told to fail as a full disk does."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.broken = False

    def append(self, batch: Sequence[Any]) -> Future[None]:
        done: Future[None] = Future()
        if self.broken:
            done.set_exception(AuditError("the audit log cannot be written"))
            return done
        self.lines += [orjson.loads(line.core) for line in batch]
        done.set_result(None)
        return done

    def put(self, batch: Sequence[Any]) -> None:
        self.append(batch)

    def failing(self) -> bool:
        return self.broken


def make_gate(
    policy=None, *, lookup=lambda address: None, clock=lambda: NOW, ledger=False, store=None, keys=RING
) -> Gate:
    """A gate whose records and deliveries stay in memory; without a ledger nothing of an event is left for the next."""
    recorder = MemoryRecorder()
    counter = iter(range(1_000_000))
    policy = policy or make_policy()
    store = store or MemoryStore(Bounds(tuple(policy.destinations)), recorder, clock=clock)
    return Gate(
        policy,
        keys,
        clock=clock,
        new_id=lambda at: f"req_{next(counter):06}",
        lookup=lookup,
        recorder=recorder,
        intake=store.intake,
        refusals=store.refusals,
        ledger=store.ledger if ledger else None,
        barrier=store.barrier,
        suppressions=store.suppressions,
    )


def plan(event: Mapping[str, Any], *, gate: Gate | None = None, headers=(), **caller: Any) -> Plan:
    """What the gate would do with one event."""
    (posted,) = incoming.parse(orjson.dumps(event))
    who = Caller(headers=tuple((k.encode(), v.encode()) for k, v in headers), **caller)
    return (gate or make_gate()).plan(posted, who, at=NOW, request_id="req_test")


def decisions(made: Plan) -> dict[str, Any]:
    """Decisions by destination."""
    return {decision.destination: decision for decision in made.decisions}


def own_cookie(*granted: str, at: float = NOW - 100, notice: str | None = "v1", subject: str | None = "v_1") -> str:
    """A Cookie header with our own signed choice."""
    said = {p: (Permission.GRANTED if p in granted else Permission.DENIED, at) for p in OPTIONAL}
    return f"{own.COOKIE}={own.write(said, notice=notice, subject=subject, sign=RING.sign)}"


def law(analytics="opt_in", marketing="opt_in", duty="required", name="test") -> Law:
    """A law with the given demands."""
    return Law(
        id=name,
        name=name,
        analytics=ConsentModel(analytics),
        marketing=ConsentModel(marketing),
        opt_out_signal=SignalDuty(duty),
        source="test",
        reviewed="2026-11-24",
    )


def place(*laws: Law, country: str | None = None, region: str | None = None) -> Place:
    """A place under the given laws."""
    return Place(country, region, "address" if country else "unknown", laws or (law(),))


def said(
    source="cookie", role=Role.CHOICE, standing=Standing.DECIDED, *, analytics=None, marketing=None, **more
) -> Signal:
    """A signal; `True` grants, `False` denies, `None` does not speak."""
    words = {Purpose.ANALYTICS: analytics, Purpose.MARKETING: marketing}
    says = {p: Permission.GRANTED if w else Permission.DENIED for p, w in words.items() if w is not None}
    return Signal(source=source, role=role, standing=standing, says=says, **more)
