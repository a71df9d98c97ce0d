"""Where a visitor is and what they permit: locate → read signals → resolve, with the memory of one gate.

What the same browser said a moment ago at the same address is remembered, until time, a law or a minute changes it.
The memory is bounded in number and bytes; its keys are digests, and it goes with its gate.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from gatekeeper import signals
from gatekeeper.audit.lines import Lines
from gatekeeper.consent.resolve import holds_until, resolve
from gatekeeper.consent.suppression import heeded
from gatekeeper.gate.choosing import Choosing
from gatekeeper.gate.suppressing import Hidden
from gatekeeper.installation.ring import KeyRing
from gatekeeper.jurisdiction.place import Lookup, locate
from gatekeeper.memory import Memory, digest
from gatekeeper.model import Caller, Consent, Place, Signal, Visitor
from gatekeeper.model.head import Head
from gatekeeper.model.place import How
from gatekeeper.policy import Policy

_EVER: Final = float("-inf")
_REMEMBERED_FOR: Final = 60.0  # seconds; also how long an updated location database takes to have effect


class Situation(NamedTuple):
    """A place and a consent. `hidden`: the person is suppressed, and nothing of the event may lead to them."""

    place: Place
    consent: Consent
    hidden: bool = False


class _Situation(NamedTuple):
    """A place and a consent, and from when until when (Unix seconds) they are what they are.

    They hold for events since `told`, when the last word of the visitor was said, and as long as the ledger has nothing
    newer than was `seen` there.
    """

    since: float
    until: float
    told: float
    place: Place
    consent: Consent
    seen: Hashable | None


class Situations:
    """Places and consents of callers, by one policy."""

    def __init__(
        self,
        policy: Policy,
        keys: KeyRing,
        lookup: Lookup,
        lines: Lines,
        clock: Callable[[], float],
        choosing: Choosing | None = None,
        placed: Place | None = None,
    ) -> None:
        self._policy = policy
        self._keys = keys
        self._lookup = lookup
        self._lines = lines
        self._clock = clock
        self._choosing = choosing
        self._always = tuple(policy.file.jurisdiction.always)
        self._memory = Memory[_Situation](entries=4_096, each=4_096)
        self._placed = placed  # the place of every visitor, where `explain` is told one

    def of(
        self,
        caller: Caller,
        *,
        at: float,
        event_time: float,
        query: bytes,
        claim: Mapping[str, bool] | None = None,
        carried: Mapping[str, Any] | None = None,
        declared: tuple[str | None, str | None] | None = None,
        named: Mapping[str, str] | None = None,
        hidden: Hidden | None = None,
    ) -> Situation:
        """Where the visitor is and what they permit, for an event of `event_time` that is decided `at`.

        `query` is the one consent is read from, `claim` the event's own consent object, `carried` its flags and
        `declared` and `named` the place and the subject that an authenticated caller gives. `hidden` says whether the
        visitor is suppressed, once the signals are known; that is never remembered.
        """
        said = Head.of(caller.headers).part(_is_read)
        key, words = None, b""
        if not (caller.trusted or caller.visitor or carried or (query and signals.speaks(query))):
            claimed = None if claim is None else tuple(claim.items())
            words = _words(said, caller.address)
            key = (
                digest(words), caller.edge, caller.residence, caller.age_band, claimed, caller.foreign, caller.account,
            )  # fmt: skip
            known = self._memory.get(key)
            if (
                known is not None
                and known.since <= at < known.until
                and known.told <= event_time <= at
                and (known.seen is None or self._choosing is None or self._choosing.ledger.still(known.seen))
            ):
                held = None if hidden is None else hidden(known.consent.signals)
                if held is None:
                    return Situation(known.place, known.consent)
                heard = heeded(known.consent.signals, held)
                consent = self.resolve(heard, known.place, at, event_time, age_of(caller))
                return Situation(known.place, consent, held.whole)
        place = self._place(declared, caller, at)
        heard = self._read(said, caller, query, claim, carried)
        held = None if hidden is None else hidden(heard)
        seen: Hashable | None = None
        if self._choosing is not None:
            subjects = self._choosing.speaking(heard, caller, named)
            if subjects:
                heard, seen = self._choosing.voices(heard, subjects, place, at, silent=held is not None)
                if seen is None:
                    key = None
        consent = self.resolve(heard, place, at, event_time, age_of(caller))
        told = max([min(signal.at, at) for signal in heard if signal.at is not None], default=_EVER)
        if key is not None and told <= event_time <= at:
            until = min(
                at + _REMEMBERED_FOR,
                self._policy.laws.next_change(at),
                holds_until(heard, at, self._policy.file.consent.max_age),
            )
            size = 2_048 + 4 * len(words)
            self._memory.put(key, _Situation(at, until, told, place, consent, seen), size)
            self._lines.keep(consent, size)
        if held is None:
            return Situation(place, consent)
        consent = self.resolve(heeded(heard, held), place, at, event_time, age_of(caller))
        return Situation(place, consent, held.whole)

    def visitor(self, token: str, at: float) -> Visitor:
        """The visitor a context token speaks of."""
        return signals.context.read(token, at=at, verify=self._keys.verify)

    def heard(self, caller: Caller) -> tuple[Signal, ...]:
        """The signals a caller carries, outside any event."""
        return self._read(caller.headers, caller, caller.query, None, None)

    def resolve(
        self, heard: tuple[Signal, ...], place: Place, at: float, event_time: float, age_band: str | None
    ) -> Consent:
        """What signals add up to in a place, for an event of `event_time`, decided `at`."""
        table = self._policy.file.consent
        return resolve(
            heard,
            place,
            at=at,
            event_time=event_time,
            max_age=table.max_age,
            gpc_everywhere=table.gpc == "everywhere",
            age_band=age_band,
        )

    def place_of(self, caller: Caller) -> Place:
        """Where a caller's visitor is."""
        return self._place(None, caller, self._clock())

    def _read(
        self,
        headers: signals.Headers,
        caller: Caller,
        query: bytes,
        claim: Mapping[str, bool] | None,
        carried: Mapping[str, Any] | None,
    ) -> tuple[Signal, ...]:
        return self._policy.readers.read(
            headers,
            query=query,
            claim=claim,
            carried=carried,
            vouched=caller.visitor.signals if caller.visitor else None,
            foreign=caller.foreign,
            verify=self._keys.verify,
        )

    def _place(self, told: tuple[str | None, str | None] | None, caller: Caller, at: float) -> Place:
        if self._placed is not None:
            return self._placed
        visitor = caller.visitor
        how: How
        if visitor is not None:
            declared, how = visitor.declared, "context"
        elif caller.trusted:
            declared, how = told, "caller"
        else:
            declared, how = caller.edge, "cdn"
        return locate(
            address=None if caller.trusted or visitor else caller.address,
            how=how,
            lookup=self._lookup,
            table=self._policy.laws,
            at=at,
            always=self._always,
            default=self._policy.file.jurisdiction.default,
            declared=declared,
            residence=visitor.residence if visitor else caller.residence,
            suspicious=self._policy.suspicious if self._policy.anonymisers else None,
        )


def _is_read(name: bytes) -> bool:
    return name in signals.HEADERS


def age_of(caller: Caller) -> str | None:
    """The age band known of a caller's visitor."""
    return caller.visitor.age_band if caller.visitor else caller.age_band


def _words(said: Iterable[tuple[bytes, bytes]], address: str | None) -> bytes:
    """What a browser said and from where: each part behind its length, so that no two of them read the same."""
    where = b"-" if address is None else address.encode("utf-8", "surrogatepass")
    return b"%d %b" % (len(where), where) + b"".join([b"%b %d %b" % (name, len(value), value) for name, value in said])
