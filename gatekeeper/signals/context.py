"""The signed visitor context. Pure. What one process knows of a visitor, for another one to act on.

`Gatekeeper-Context: <base64url JSON>.<key id>.<mac>` carries the signals of the visitor's own request, where
it came from, and the pseudonymous subject; it expires. A token that does not verify, is too old or comes
from another installation is malformed and denies: the process that passed it on wanted it to be believed.

A context names the visitor and grants what it says. What the browser itself says in the request that brings it
(`beside`) still narrows that, and grants nothing: a refusal, `Sec-GPC` or a withdrawal of now beats a token of an hour
ago (DESIGN, rules 6 and 7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as changed
from typing import Any, Final

import orjson
from msgspec import structs

from gatekeeper.fields import base64url
from gatekeeper.model import Permission, Purpose, Role, Signal, Standing, Visitor
from gatekeeper.signals.tcf import TcSignal, carried

HEADER: Final = b"gatekeeper-context"
SOURCE: Final = "gatekeeper-context"
LABEL: Final = "visitor-context"
LIFETIME: Final = 3600.0  # seconds; long enough for a queued job, short enough for a leaked token
_MAX = 8192


def write(visitor: Visitor, *, at: float, sign: Callable[[str, bytes], tuple[str, bytes]]) -> str:
    """The token for a visitor, issued at `at` (Unix seconds) or before. `sign` is `KeyRing.sign`."""
    at = at if visitor.issued is None else min(at, visitor.issued)
    payload = base64url.write(
        orjson.dumps(
            {
                "v": 1,
                "at": int(at),
                "place": visitor.declared,
                "residence": visitor.residence,
                "age": visitor.age_band,
                "subject": visitor.subject,
                **({"account": visitor.account} if visitor.account else {}),
                "signals": [_dump(signal) for signal in visitor.signals],
            }
        )
    )
    key_id, mac = sign(LABEL, payload.encode("ascii"))
    return f"{payload}.{key_id}.{base64url.write(mac)}"


def read(token: str, *, at: float, verify: Callable[[str, str, bytes, bytes], bool]) -> Visitor:
    """The visitor a token speaks of; for a bad token, one whose only signal is malformed."""
    if len(token) > _MAX:
        return _malformed("is too long")
    parts = token.strip().split(".")
    if len(parts) != 3:
        return _malformed("is not in our format")
    payload, key_id, mac = parts
    try:
        if not verify(LABEL, key_id, payload.encode("ascii"), base64url.read(mac)):
            return _malformed("is not signed by a key of this installation")
        known = orjson.loads(base64url.read(payload))
        if not at - LIFETIME <= known["at"] <= at + 60:
            return _malformed("has expired")
        return Visitor(
            signals=tuple(_load(signal) for signal in known["signals"]),
            declared=_pair(known["place"]),
            residence=_pair(known["residence"]),
            age_band=known["age"],
            subject=known["subject"],
            issued=known["at"],
            account=tuple(map(str, known.get("account", ()))),
        )
    except (ValueError, KeyError, TypeError, IndexError):
        return _malformed("cannot be read")


def beside(own: tuple[Signal, ...], vouched: tuple[Signal, ...]) -> tuple[Signal, ...]:
    """What a request's own browser says, so that it only narrows what a context that came along vouches for.

    Own choices that only repeat the context's (the app behind the sidecar gets both) are left out.
    """
    told = tuple([signal for signal in vouched if signal.role is Role.CHOICE and not signal.beside])
    repeated = tuple([signal for signal in own if signal.role is Role.CHOICE]) == told
    further = 1 + max([signal.beside for signal in vouched], default=0)
    return tuple(
        [
            structs.replace(signal, beside=further) if signal.role is Role.CHOICE else signal
            for signal in own
            if not (repeated and signal.role is Role.CHOICE)
        ]
    )


def nameless(own: tuple[Signal, ...]) -> tuple[Signal, ...]:
    """Signals that say nothing of who the visitor is."""
    return tuple([structs.replace(one, subject=None, evidence=None) for one in own])


def passed_on(visitor: Visitor, own: tuple[Signal, ...]) -> Visitor:
    """The visitor of a context as the request that brought it may pass them on: narrowed by its own signals."""
    return changed(visitor, signals=visitor.signals + tuple([one for one in own if one not in visitor.signals]))


def _pair(place: list[str | None] | None) -> tuple[str | None, str | None] | None:
    return None if place is None else (place[0], place[1])


def fault(visitor: Visitor) -> str | None:
    """What is wrong with the token that a visitor was read from, in words without a value; `None` if it holds."""
    notes = [one.note for one in visitor.signals if one.source == SOURCE and one.standing is Standing.MALFORMED]
    return notes[0] if notes else None


def _malformed(what: str) -> Visitor:
    return Visitor((Signal(SOURCE, Role.CHOICE, Standing.MALFORMED, note=f"the context token {what}"),))


def _dump(signal: Signal) -> dict[str, Any]:
    return {
        "source": signal.source,
        "role": signal.role,
        "standing": signal.standing,
        "says": {purpose.value: word for purpose, word in signal.says.items()},
        "at": signal.at,
        "voice": signal.voice,
        "evidence": signal.evidence,
        "notice": signal.notice,
        "subject": signal.subject,
        "denies_as": signal.denies_as,
        "note": signal.note,
        "refuses": signal.refuses,
        "tcf": isinstance(signal, TcSignal),
        "tc": carried.dump(signal.tc) if isinstance(signal, TcSignal) and signal.tc is not None else None,
    } | ({"beside": signal.beside} if signal.beside else {})


def _load(known: dict[str, Any]) -> Signal:
    is_tcf, tc = known.pop("tcf"), known.pop("tc", None)
    more = {} if tc is None else {"tc": carried.load(tc)}
    kind = TcSignal if is_tcf else Signal
    return kind(
        **{
            **known,
            **more,
            "role": Role(known["role"]),
            "standing": Standing(known["standing"]),
            "says": {Purpose(purpose): Permission(value) for purpose, value in known["says"].items()},
            "refuses": tuple(known.get("refuses", ())),
        }
    )
