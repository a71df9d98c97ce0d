"""The pseudonyms under which the audit finds a visitor again, and the ids that are derived for a destination."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gatekeeper.audit import lines, subjects
from gatekeeper.gate.incoming import Posted
from gatekeeper.installation.keys import KeyRing
from gatekeeper.model import Caller, Consent
from gatekeeper.vendors.kind import Destination


def deriving(keys: KeyRing, to: Destination, derived: list[tuple[str, object]]) -> Callable[[str], str]:
    """What `Shaping` needs to derive ids; those that were derived are put in the list: they are the visitor's."""

    def derive(value: str) -> str:
        made = keys.derived_id(to.name, value)
        derived.append(("client_id", made))
        return made

    return derive


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
