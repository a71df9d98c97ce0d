"""The pseudonyms under which the audit finds a visitor again, and the ids that are derived for a destination."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gatekeeper.audit import lines, subjects
from gatekeeper.gate.incoming import Posted
from gatekeeper.installation.ring import KeyRing
from gatekeeper.model import Caller, Consent, Event, Shaped
from gatekeeper.vendors.kind import Destination

Pair = tuple[str, object]  # a kind of identifier, and its value


def deriving(keys: KeyRing, to: Destination, derived: list[tuple[str, object]]) -> Callable[[str], str]:
    """What `Shaping` needs to derive ids; those that were derived are put in the list: they are the visitor's."""

    def derive(value: str) -> str:
        made = keys.derived_id(to.name, value)
        derived.append(("client_id", made))
        return made

    return derive


def left_by(
    event: Event, shaped: Mapping[str, Shaped], derived: Mapping[str, tuple[Pair, ...]], identifying: Mapping[str, str]
) -> dict[str, tuple[Pair, ...]]:
    """The identifiers that each destination gets of an event, derived ones among them."""
    data = event.data
    return {
        to: (*[(identifying[name], data[name]) for name in one.sent if name in identifying and name in data],
             *derived.get(to, ()))
        for to, one in shaped.items()
    }  # fmt: skip


def known_by(event: Event, consent: Consent, identifying: Mapping[str, str]) -> tuple[Pair, ...]:
    """The identifiers of an event by which its person may ask later."""
    found: list[Pair] = [(kind, event.data[name]) for name, kind in identifying.items() if name in event.data]
    return (*found, *subjects.of_signals(consent.signals, lines.is_product))


def subjects_of(
    keys: KeyRing,
    caller: Caller,
    consent: Consent,
    left: Iterable[tuple[str, object]],
    posted: Posted | None = None,
) -> tuple[str, ...]:
    """Pseudonyms of everything the visitor can be found by; `left` are the identifiers in what was sent."""
    known: list[tuple[str, object]] = []
    if caller.trusted and posted is not None and posted.subject is not None:
        known += posted.subject.items()
    known += subjects.of_signals(consent.signals, lines.is_product)
    if caller.visitor is not None and caller.visitor.subject is not None:
        known.append(("consent", caller.visitor.subject))
    known += left
    found = dict.fromkeys(subjects.of_values(known))
    account = caller.visitor.account if caller.visitor is not None else caller.account
    return tuple(dict.fromkeys([*[keys.name(kind, value) for kind, value in found], *account[:1]]))
