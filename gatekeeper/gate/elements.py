"""One element of a call: what of it is a field, what of that may be sent, and what the audit is told.

Every leaf is looked at twice: before the decision, whether it is fit to be sent at all (`read`); after it, whether it
may be (`send`). What follows from names alone is in `program.py`, worked out once per shape; here are the values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from gatekeeper.fields import Catalogue
from gatekeeper.fields.accept import Items, accept_value
from gatekeeper.fields.phone import region_of
from gatekeeper.gate.outcome import Causes, Left, Odd, Outcome
from gatekeeper.gate.program import Check, Names, Program, lost_of
from gatekeeper.model import Event, Personal, Purpose
from gatekeeper.scrub import lift_click_ids
from gatekeeper.scrub.fields import is_clean, is_harmless, scrub_value
from gatekeeper.scrub.identifier import is_mechanical
from gatekeeper.scrub.meter import Meter
from gatekeeper.scrub.search import Search
from gatekeeper.vendors.dialect import FLAG, NAME, Dialect, Element, Leaf
from gatekeeper.vendors.formats import contents, normalise, pairs
from gatekeeper.vendors.formats.names import is_name, written
from gatekeeper.vendors.kind import Destination

TRUNCATED: Final = "ip_truncated"
_EVERY_PURPOSE: Final = frozenset(Purpose)
# A time as vendors write it: ISO 8601, or Unix seconds to microseconds.
_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?|1\d{9}(\d{3}|\d{6})?(\.\d{1,9})?"
)


class Reading(NamedTuple):
    """An element before the decision: the event it is, what it holds, and the clean values of its fields by leaf."""

    event: Event
    program: Program
    outcome: Outcome
    clean: Mapping[int, object]


class Sendable(NamedTuple):
    """What may be sent of an element's leaves, `None` for what may not, and what is noted of it."""

    leaves: list[Leaf | None]
    left: Left
    scrubbed: dict[str, tuple[str, ...]]
    truncated: bool

    def sent(self) -> dict[str, object]:
        """What is sent, by the names the audit knows it under."""
        return {name: self.leaves[n].value for name, n in self.left.sent}  # type: ignore[union-attr]  # they are sent


class Roles:
    """The roles of one policy's catalogue; `words` are those of its tables of native names."""

    __slots__ = ("_catalogue", "_names")

    def __init__(self, catalogue: Catalogue, words: frozenset[str]) -> None:
        self._catalogue = catalogue
        self._names = Names(catalogue, words)

    def program(self, leaves: Sequence[Leaf]) -> Program:
        """How leaves with these names and roles are looked at."""
        return self._names.program(tuple([leaf.name for leaf in leaves]), tuple([leaf.role for leaf in leaves]))

    def read(
        self,
        leaves: Sequence[Leaf],
        element: Element,
        at: float,
        purposes: Mapping[str, frozenset[Purpose]],
        program: Program,
        searches: Sequence[Search],
    ) -> Reading:
        """The element as a canonical event. `leaves` are its own and the shared ones; `purposes` the policy's.

        `program` is that of the leaves; `searches` say what each leaf may not hold.
        """
        clean: dict[int, object] = {}
        odd: list[Odd] = []
        for n, role, envelope in program.mechanics:
            value = leaves[n].value
            if not (_is_envelope if envelope else _is_fit)(role, value, searches[n]):
                odd.append(Odd(n, "absent" if value is None or value == "" else ""))
        for n, accepted, row in program.simple:
            value = leaves[n].value
            made = None if value is None else accepted(value, row)
            if made is None:  # an absent value is as good as none, as for events
                odd.append(Odd(n, "absent" if value is None else "invalid"))
            else:
                clean[n] = made
        for check in program.checks:
            one = self._clean(check, leaves, clean)
            if one is not None:
                odd.append(one)
        outcome = program.outcome(tuple(odd))
        name = element.event
        event = Event(
            name=_named(name) if all(is_harmless(name, one) for one in searches[:1]) else "unnamed",
            id=element.id or "",
            time=min(element.time or at, at),
            data={key: clean[n] for key, n in outcome.data},
            purposes=purposes.get(name, _EVERY_PURPOSE),
            unusable=outcome.unusable,
            names=outcome.names,
        )
        return Reading(event, program, outcome, clean)

    def _clean(self, check: Check, leaves: Sequence[Leaf], clean: dict[int, object]) -> Odd | None:
        """Put the clean value of a field where it belongs; what was odd about it, if anything was."""
        n, role, (row, _, _, number, url, _), countries = check
        value = leaves[n].value
        lifted: tuple[str, ...] = ()
        lost: tuple[tuple[str, str], ...] = ()
        if number and isinstance(value, str):
            value = pairs.number(value)
        elif url and isinstance(value, str):
            value, found = lift_click_ids(value)
            lifted = tuple(found)
        if value is None:  # an absent value, as for events
            return Odd(n, "absent", lifted)
        if row.type == "items":
            value = contents.numbers(value, row.keys)
        country = region_of([leaves[other].value for other in countries]) if role == "phone" else None
        made = accept_value(row, role, value, self._catalogue, country)
        if made.__class__ is Items:
            lost = lost_of(made.lost.items())
            made = made.rows
        if made is None:
            return Odd(n, "invalid", lifted)
        clean[n] = made
        return Odd(n, "", lifted, lost) if lifted or lost else None


def send(
    leaves: Sequence[Leaf],
    reading: Reading,
    outcome: Outcome,
    causes: Causes,
    dialect: Dialect,
    to: Destination,
    searches: Sequence[Search],
) -> Sendable:
    """What is sent of some leaves, as the vendor takes it, where keys are stripped for these causes.

    `searches` say what each leaf may not hold.

    `outcome` is that of the reading, or the same without a person.
    """
    truncate = bool(to.settings.get("truncate_ip"))
    sending = outcome.sending(causes, to.kind.clear, truncate=truncate)
    clean, params = reading.clean, to.url_params
    found = [leaf if as_is else None for leaf, as_is in zip(leaves, sending.as_is, strict=True)]
    gone: tuple[int, ...] = ()
    scrubbed: dict[str, tuple[str, ...]] = {}
    for n, key, row in sending.fields:
        value = clean[n]
        if row is not None:
            value, shapes = scrub_value(row, value, params, searches[n])
            if shapes:
                scrubbed[key] = tuple(dict.fromkeys((*scrubbed.get(key, ()), *shapes)))
        if value.__class__ is Personal:
            value = dialect.personal(key, value)
        if value is None:
            gone += (n,)
            continue
        leaf = leaves[n]
        found[n] = leaf if value is leaf.value else Leaf(leaf.name, leaf.role, value, leaf.path)
    for n in sending.networks:
        found[n] = leaves[n].but(value=normalise.network(str(clean[n])))
    return Sendable(found, sending.left(gone), scrubbed, bool(sending.networks))


def _named(event: str) -> str:
    """An event's name as the audit writes it: `unnamed` if it hides a person's address."""
    name = written(event)
    return name if is_mechanical(name) else "unnamed"


def _is_fit(role: str, value: object, search: Search) -> bool:
    """Whether mechanics, a flag of consent, or the name of an event, hold nothing of a person."""
    if role == NAME and not (is_name(value) and is_mechanical(str(value), search.meter)):
        return False
    return (role == FLAG or not _is_personal(value, search.meter)) and is_harmless(value, search)


def _is_personal(value: object, meter: Meter) -> bool:
    """Whether mechanics carry a person's address or number, encoded or not; counters are not asked."""
    return isinstance(value, str) and len(value) > 6 and not value.isdigit() and not is_mechanical(value, meter)


def _is_envelope(role: str, value: object, search: Search) -> bool:
    """Whether an id or a time of an event is one: neither may carry anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or len(str(value)) > 128:
        return False
    text = str(value)
    if role == "event_time":
        return _MOMENT.fullmatch(text) is not None
    return text.isprintable() and is_clean(text, search)
