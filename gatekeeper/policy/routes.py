"""`[events]`: which destinations an event goes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gatekeeper.policy.compiled import ERROR_EVENT
from gatekeeper.policy.faults import Faults
from gatekeeper.policy.file import PolicyFile
from gatekeeper.vendors.kind import Destination


class Routes(NamedTuple):
    """Destinations of events that the policy names, of errors, and of all others."""

    named: dict[str, tuple[Destination, ...]]
    errors: tuple[Destination, ...]
    others: tuple[Destination, ...]


def routes(file: PolicyFile, destinations: Mapping[str, Destination], faults: Faults) -> Routes:
    """Which event goes to which destinations."""
    _check(file, destinations, faults)
    return Routes(
        named=_named(file, destinations),
        errors=tuple(to for to in destinations.values() if to.kind.errors_only and _takes(to, ERROR_EVENT)),
        others=tuple(
            to for to in destinations.values() if not (to.kind.errors_only or to.kind.calls_only) and to.events is None
        ),
    )


def _check(file: PolicyFile, destinations: Mapping[str, Destination], faults: Faults) -> None:
    for event, table in file.events.items():
        where = f"events.{event}.destinations"
        for name in table.destinations or ():
            if name not in destinations:
                faults.unknown(where, name, "a destination", destinations, f"there is no [destinations.{name}]")
            elif destinations[name].kind.calls_only:
                faults.append(
                    f'{where}: "{name}" takes calls only (kind {destinations[name].kind.name}), not events; remove it'
                )


def _named(file: PolicyFile, destinations: Mapping[str, Destination]) -> dict[str, tuple[Destination, ...]]:
    taking = [to for to in destinations.values() if not to.kind.calls_only]
    named = set(file.events)
    for to in taking:
        named |= to.events or frozenset()
    found = {}
    for event in named:
        table = file.events.get(event)
        chosen = None if table is None else table.destinations
        if chosen is not None:
            found[event] = tuple(to for to in taking if to.name in chosen and _takes(to, event))
        else:
            found[event] = tuple(
                to
                for to in taking
                if (event in to.events if to.events is not None else to.kind.errors_only == (event == ERROR_EVENT))
            )
    return found


def _takes(to: Destination, event: str) -> bool:
    return to.events is None or event in to.events
