"""One element of a call: what of it is a field, what of that may be sent, and what the audit is told.

Every leaf is looked at twice: before the decision, whether it is fit to be sent at all (`read`); after it, whether it
may be (`may_send`). What a role asks for is worked out once per catalogue (`Roles`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from gatekeeper.audit.vocabulary import dotted
from gatekeeper.fields import Catalogue, Field
from gatekeeper.fields.accept import Items, accept_value
from gatekeeper.fields.names import UNPRINTABLE, printable
from gatekeeper.fields.phone import region_of
from gatekeeper.model import Decision, Event, Personal, Purpose
from gatekeeper.scrub import lift_click_ids
from gatekeeper.scrub.fields import is_clean, is_harmless, scrub_value
from gatekeeper.scrub.identifier import is_mechanical
from gatekeeper.scrub.meter import Meter
from gatekeeper.scrub.search import Search
from gatekeeper.vendors.dialect import FLAG, NAME, PROTOCOL, SECRET, STAMP, Dialect, Element, Leaf
from gatekeeper.vendors.formats import contents, normalise, pairs
from gatekeeper.vendors.formats.names import is_name, written
from gatekeeper.vendors.kind import Destination

TRUNCATED: Final = "ip_truncated"
_EVERY_PURPOSE: Final = frozenset(Purpose)
_LONGEST: Final = 256  # characters of a name; what is longer is no name of a field
_ENVELOPE: Final = frozenset({"event_id", "event_time"})
_MECHANICS: Final = frozenset({PROTOCOL, NAME, FLAG})
# A time as vendors write it: ISO 8601, or Unix seconds to microseconds.
_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?|1\d{9}(\d{3}|\d{6})?(\.\d{1,9})?"
)
# Of a leaf: sent as it is, never sent, or a clean value of a field that the decision is about.
Fit = Leaf | None | tuple["_Role", object]  # a tuple where the decision is about it


class _Role(NamedTuple):
    """What a leaf's role asks for."""

    row: Field
    key: str
    envelope: bool = False  # the id or the time of an event
    number: bool = False  # may come as text
    url: bool = False  # may hold click ids
    searched: bool = False  # for personal shapes


class Reading(NamedTuple):
    """An element before the decision: the event it is, and what each leaf is fit for, in the leaves' order.

    `named`: whether it can be sent under the name it has, or has none.
    """

    event: Event
    fit: list[Fit]
    named: bool


class Sendable(NamedTuple):
    """What may be sent of an element's leaves, `None` for what may not, and what is noted of it."""

    leaves: list[Leaf | None]
    sent: dict[str, object]  # by the name the audit knows it under
    went: set[str]  # keys of fields
    scrubbed: dict[str, tuple[str, ...]]
    truncated: bool


class Roles:
    """The roles of one policy's catalogue."""

    __slots__ = ("_by_name", "_catalogue")

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._by_name = {
            name: _Role(
                row, row.key, name in _ENVELOPE, row.type == "number", row.type == "url", row.key in catalogue.scrubbed
            )
            for name, row in catalogue.by_name.items()
        }

    def read(
        self,
        leaves: Sequence[Leaf],
        element: Element,
        at: float,
        purposes: Mapping[str, frozenset[Purpose]],
        searches: Sequence[Search],
    ) -> Reading:
        """The element as a canonical event. `leaves` are its own and the shared ones; `purposes` the policy's.

        `searches` say what each leaf may not hold.
        """
        by_name, catalogue = self._by_name, self._catalogue
        data: dict[str, object] = {}
        unusable: dict[str, str] = {}
        names: dict[str, None] = {}
        fit: list[Fit] = []
        named = True
        for leaf, search in zip(leaves, searches, strict=True):
            role = leaf.role
            value = leaf.value
            how = by_name.get(role)
            if how is None:
                if role == SECRET or (role in _MECHANICS and _is_fit(role, value, search)):
                    fit.append(leaf)
                else:
                    fit.append(None)
                    named = named and (role != NAME or value is None or value == "")
                    if role != STAMP:
                        names[name := audit_name(leaf.name)] = None
                        unusable[name] = "invalid" if role in _MECHANICS else "unknown_field"
                continue
            row, key, envelope, number, url, _ = how
            if envelope:
                fit.append(leaf if _is_envelope(role, value, search) else None)
                continue
            if number and isinstance(value, str):
                value = pairs.number(value)
            elif url and isinstance(value, str):
                value, lifted = lift_click_ids(value)
                for click_id in lifted:
                    names[click_id] = None
                    unusable.setdefault(click_id, "not_needed")
            if value is None:  # an absent value, as for events
                fit.append(None)
                continue
            names[key] = None
            if row.type == "items":
                value = contents.numbers(value, row.keys)
            country = region_of(one.value for one in leaves if one.role == "country") if role == "phone" else None
            clean = accept_value(row, role, value, catalogue, country)
            if clean.__class__ is Items:
                lost = {_harmless(path): cause for path, cause in clean.lost.items()}
                names |= dict.fromkeys(lost)
                unusable |= lost
                clean = clean.rows
            if clean is None:
                unusable[key] = "invalid"
                fit.append(None)
            else:
                fit.append((how, clean))
                if key not in data:
                    data[key] = clean
        if unusable and not unusable.keys().isdisjoint(data):
            unusable = {name: cause for name, cause in unusable.items() if name not in data}
        event = Event(
            name=_named(element.event) if all(is_harmless(element.event, one) for one in searches[:1]) else "unnamed",
            id=element.id or "",
            time=min(element.time or at, at),
            data=data,
            purposes=purposes.get(element.event, _EVERY_PURPOSE),
            unusable=unusable,
            names=tuple(names),
        )
        return Reading(event, fit, named)

    def without_person(self, fit: Sequence[Fit]) -> list[Fit]:
        """What the leaves are fit for where nothing may lead to the person: identifiers for nothing."""
        identifying = self._catalogue.identifying
        return [None if isinstance(one, tuple) and one[0].key in identifying else one for one in fit]

    def identifiers(self, fit: Sequence[Fit], sent: Sequence[Leaf | None]) -> list[tuple[str, object]]:
        """Whom the leaves that are sent lead to, as they came: kinds and values."""
        identifying = self._catalogue.identifying
        return [
            (identifying[one[0].key], one[1])
            for one, leaf in zip(fit, sent, strict=True)
            if leaf is not None and isinstance(one, tuple) and one[0].key in identifying
        ]

    def native_names(self, stripped: Mapping[str, str], leaves: Sequence[Leaf]) -> dict[str, tuple[str, ...]]:
        """Under which native names each stripped canonical field came."""
        found: dict[str, tuple[str, ...]] = {}
        if not stripped:
            return found
        for leaf in leaves:
            how = self._by_name.get(leaf.role)
            if how is None:
                continue
            for name in (how.row.key,) if how.row.key == leaf.role else (how.row.key, leaf.role):
                if name in stripped:
                    native = audit_name(leaf.name)
                    before = found.get(name, ())
                    if native not in before:
                        found[name] = (*before, native)
        return found


def may_send(
    leaves: Sequence[Leaf],
    fit: Sequence[Fit],
    decision: Decision,
    dialect: Dialect,
    to: Destination,
    searches: Sequence[Search],
) -> Sendable:
    """What the decision leaves of some leaves, as the vendor takes it. `searches` say what each leaf may not hold."""
    kept, clear, params = decision.kept, to.kind.clear, to.url_params
    truncate = bool(to.settings.get("truncate_ip"))
    found: list[Leaf | None] = []
    sent: dict[str, object] = {}
    went: set[str] = set()
    scrubbed: dict[str, tuple[str, ...]] = {}
    truncated = False
    for leaf, one, search in zip(leaves, fit, searches, strict=True):
        if not isinstance(one, tuple):
            found.append(one)
            continue
        (row, key, _, _, _, searched), value = one
        if key not in kept:
            if row.type == "ip" and truncate:
                truncated = True
                found.append(leaf.but(value=normalise.network(str(value))))
            else:
                found.append(None)
            continue
        if searched:
            value, shapes = scrub_value(row, value, params, search)
            if shapes:
                scrubbed[key] = tuple(dict.fromkeys((*scrubbed.get(key, ()), *shapes)))
        if isinstance(value, Personal):
            value = dialect.personal(key, value)
        if value is None:
            found.append(None)
            continue
        went.add(key)
        sent.setdefault(row.name if key in clear else key, value)  # what goes out in clear is named differently
        found.append(Leaf(leaf.name, leaf.role, value, leaf.path))
    return Sendable(found, sent, went, scrubbed, truncated)


def audit_name(name: str) -> str:
    """A native name as the audit writes it: `custom_data.items.0.id` for `custom_data[items][0][id]`."""
    return UNPRINTABLE if len(name) > _LONGEST else _audit_name(name)


@lru_cache(maxsize=1024)
def _audit_name(name: str) -> str:
    return _harmless(printable(dotted(name)))


def _named(event: str) -> str:
    """An event's name as the audit writes it: one that hides somebody's address is none."""
    name = written(event)
    return name if is_mechanical(name) else "unnamed"


def _harmless(name: str) -> str:
    """A name that is no value in disguise: LinkedIn's `idType`, or a key in base64, may hold anything."""
    return name if is_mechanical(name) else UNPRINTABLE


def _is_fit(role: str, value: object, search: Search) -> bool:
    """Whether mechanics, a flag of consent, or the name of an event, hold nothing of a person."""
    if role == NAME and not (is_name(value) and is_mechanical(str(value), search.meter)):
        return False
    return (role == FLAG or not _is_personal(value, search.meter)) and is_harmless(value, search)


def _is_personal(value: object, meter: Meter) -> bool:
    """Whether mechanics carry somebody's address or number, encoded or not; counters are not asked."""
    return isinstance(value, str) and len(value) > 6 and not value.isdigit() and not is_mechanical(value, meter)


def _is_envelope(role: str, value: object, search: Search) -> bool:
    """Whether an id or a time of an event is one: neither may carry anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or len(str(value)) > 128:
        return False
    text = str(value)
    if role == "event_time":
        return _MOMENT.fullmatch(text) is not None
    return text.isprintable() and is_clean(text, search)
