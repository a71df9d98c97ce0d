"""The state of one visitor: who they are to us, what they said, what follows; and how it is shown. Acts on nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec
from msgspec import structs

from gatekeeper.consent import token
from gatekeeper.consent.notice import Wording
from gatekeeper.gate import Gate
from gatekeeper.gate.asking import Asked, asked
from gatekeeper.gate.situation import age_of
from gatekeeper.model import OPTIONAL, Caller, Consent, Permission, Place, Purpose, Role
from gatekeeper.shells.consent.bodies import (
    GpcState,
    JurisdictionState,
    NoticeState,
    PurposeState,
    RecipientState,
    SignalsState,
    State,
)
from gatekeeper.signals import own

GRANTED: Final[Literal["granted"]] = "granted"
REFUSED: Final[Literal["refused"]] = "refused"


@dataclass(frozen=True, slots=True)
class Visit:
    """One visitor at one moment, as the gate decides about them."""

    caller: Caller
    at: float
    place: Place
    consent: Consent
    asked: Asked
    subject: str | None  # of our own cookie

    @property
    def said(self) -> own.Said:
        """What our own cookie says; of copies that differ, the refusal."""
        found = {}
        for purpose in OPTIONAL:
            words = [
                signal
                for signal in self.consent.signals
                if signal.source == own.COOKIE and purpose in signal.says and signal.at is not None
            ]
            denials = [signal for signal in words if signal.says[purpose] is Permission.DENIED]
            last = max(denials or words, key=lambda signal: signal.at or 0.0, default=None)
            if last is not None:
                found[purpose] = (last.says[purpose], min(last.at or self.at, self.at))
        return found

    @property
    def notice(self) -> str | None:
        """The version of the notice that our own cookie was given under."""
        return next((one.notice for one in self.consent.signals if one.source == own.COOKIE and one.notice), None)


def visit(gate: Gate, caller: Caller, at: float) -> Visit:
    """What is known of a visitor, `at` (Unix seconds)."""
    place, consent, _ = gate.situations.of(
        caller, at=at, event_time=at, query=caller.query, hidden=gate.suppressing.of(caller, None)
    )
    subject = next((one.subject for one in consent.signals if one.source == own.COOKIE and one.subject), None)
    found = asked(gate.policy, place, consent, at=at, age_band=age_of(caller))
    return Visit(caller, at, place, consent, found, subject)


def with_cookie(caller: Caller, signed: str) -> Caller:
    """The same caller, as their next request comes: with this cookie of ours and no other."""
    headers = []
    for name, value in caller.headers:
        if name == b"cookie":
            kept = [part for part in value.split(b";") if part.partition(b"=")[0].strip() != own.COOKIE.encode()]
            value = b";".join(kept)
        if value or name != b"cookie":
            headers.append((name, value))
    return structs.replace(caller, headers=(*headers, (b"cookie", f"{own.COOKIE}={signed}".encode())))


def conflicts(consent: Consent, granted: Sequence[Purpose]) -> dict[Purpose, str]:
    """Of purposes that are granted now, those that an opt-out denies all the same, and which."""
    found: dict[Purpose, str] = {}
    for signal in consent.signals:
        for purpose in granted:
            if signal.role is Role.OPT_OUT and signal.says.get(purpose) is Permission.DENIED:
                found.setdefault(purpose, signal.source)
    return found


def state(gate: Gate, visited: Visit, wording: Wording, display: str) -> State:
    """The answer to a GET, with a token for this showing (`display` is its id)."""
    claims = token.Claims(
        display=display,
        issued=visited.at,
        notice=wording.notice.hash,
        language=wording.notice.language,
        purposes=tuple([one.id.value for one in wording.purposes]),
        laws=tuple([law.id for law in visited.place.laws]),
        policy=gate.policy.hash[:16],
        visitor=token.visitor(visited.subject),
    )
    return State(
        format=1,
        ask=visited.asked.ask,
        why=visited.asked.why,
        decided=visited.asked.decided,
        purposes=[_purpose(visited, wording, n) for n in range(len(wording.purposes))],
        signals=SignalsState(GpcState(visited.consent.gpc_detected, visited.consent.gpc_honoured)),
        jurisdiction=JurisdictionState(
            visited.place.country, visited.place.region, [law.id for law in visited.place.laws]
        ),
        notice=NoticeState(
            version=wording.notice.version,
            hash=wording.notice.hash,
            language=wording.notice.language,
            direction=wording.direction,
            scope=wording.scope,
            texts=dict(wording.texts),
            url=wording.url,
        ),
        token=token.write(claims, gate.keys.sign),
        expires=int(visited.at + token.LIFETIME),
    )


def _purpose(visited: Visit, wording: Wording, n: int) -> PurposeState:
    words = wording.purposes[n]
    one = visited.asked.purposes[words.id]
    return PurposeState(
        id=words.id.value,
        ask=one.ask,
        choice=None if one.choice is None else said_word(one.choice),
        at=None if one.word is None or one.word.at is None else moment(one.word.at),
        effective=one.effective,
        reason=one.reason,
        title=words.title,
        text=words.text,
        recipients=[
            RecipientState(who.name, who.company, who.country, who.policy, who.retention) for who in words.recipients
        ],
    )


def said_word(permission: Permission) -> Literal["granted", "refused"]:
    """A permission as it is said to visitors."""
    return GRANTED if permission is Permission.GRANTED else REFUSED


def moment(at: float) -> str:
    """A time as RFC 3339, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encoded(value: object) -> bytes:
    """An answer as JSON."""
    return msgspec.json.encode(value)
