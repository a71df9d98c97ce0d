"""Where a person is: every store, with what stands beside them offered for a human to tick. Only reads.

    ledger · links          choices, and logins on devices
    outbox · dead           deliveries that wait or are under way, and those that could not be made
    unwritten               lines on their way to the log
    audit_lines · open      lines of the log, and of those the ones in segments that are still written to
    torn · columns          remains of crashes; files of columns that were made of lines

Pseudonyms that stand in one row with the person's are *linked*: of another id of theirs, or of another person on the
same device. They are followed only where a human ticked them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gatekeeper.audit import about
from gatekeeper.errors import ConfigError
from gatekeeper.model.choice import Kind, Row, Subject
from gatekeeper.rights.identifiers import Sought
from gatekeeper.storage.outbox import Whereabouts
from gatekeeper.storage.protocols import Store


class Linked(NamedTuple):
    """An identifier that stands beside the person's, known by its pseudonym alone.

    `id` is what an operator ticks. `shared`: it is also in lines without any of the person's identifiers, as one of a
    device is that others use. `lines` of the log are those that it shares with them.
    """

    id: str
    name: str
    lines: int
    shared: bool


class Found(NamedTuple):
    """Everything that names a person. `names` are the pseudonyms it was looked for by, ticked ones included."""

    names: frozenset[str]
    store: Whereabouts
    log: about.About
    history: tuple[Row, ...]
    linked: tuple[Linked, ...]

    @property
    def stores(self) -> dict[str, int]:
        """How many rows name the person, by store. A line that the log has by now is not on its way there any more."""
        store, log = self.store, self.log
        unwritten = store.unwritten - len(store.decided & log.requests)
        return {
            "ledger": store.ledger, "links": store.links, "outbox": store.queued, "dead": store.dead,
            "unwritten": unwritten, "audit_lines": log.lines, "open": log.open, "torn": log.torn,
            "columns": log.columns,
        }  # fmt: skip

    @property
    def empty(self) -> bool:
        """Whether nothing names the person."""
        return not any(self.stores.values())

    @property
    def destinations(self) -> dict[str, dict[str, Any]]:
        """By destination: how many events were sent, how many wait, which fields, and when first and last."""
        found: dict[str, dict[str, Any]] = {}
        for row in self.log.rows:
            if row["status"] in ("blocked", None):
                continue
            one = found.setdefault(
                str(row["destination"]),
                {"events": 0, "delivered": 0, "fields": set(), "first": row["decided_at"], "last": row["decided_at"]},
            )
            one["events"] += 1
            one["delivered"] += row["status"] == "delivered"
            one["fields"] |= {*row["sent"]}
            one["first"], one["last"] = min(one["first"], row["decided_at"]), max(one["last"], row["decided_at"])
        for name in self.store.destinations - found.keys():
            found[name] = {"events": 0, "delivered": 0, "fields": set(), "first": None, "last": None}
        return {name: one | {"fields": sorted(one["fields"])} for name, one in sorted(found.items())}

    @property
    def laws(self) -> frozenset[str]:
        """The laws of the person's lines."""
        return frozenset([law for row in self.log.rows for law in row["laws"] or ()])


def link_id(name: str) -> str:
    """What an operator ticks in the place of a pseudonym: the same in every search."""
    return "l_" + hashlib.sha256(name.encode()).hexdigest()[:12]


def search(
    store: Store, folder: Path, who: Sought, link: Collection[str] = (), *, others: Sequence[Path] = ()
) -> Found:
    """Everything about a person; `link` are the ids of linked identifiers that a human has ticked as theirs.

    `others` are folders with the logs of other machines.

    Raises StorageError and AuditError where something cannot be read, ConfigError for a tick that is not offered.
    """
    names, ticked = who.names, {*link}
    with about.opened(folder, others) as log:
        while True:
            where, found = store.persons.where(names), log.about(names)
            beside = _beside((*where.together, *found.together), names)
            more = {name for name in beside if link_id(name) in ticked}
            if not more:
                break
            names, ticked = names | more, ticked - {link_id(name) for name in more}
        if ticked:
            raise ConfigError(f"link: {min(ticked)} is not among the linked identifiers that the search offers")
        totals, here = log.counts(beside), _beside(found.together, names)
    linked = [Linked(link_id(one), one, here.get(one, 0), totals.get(one, 0) > here.get(one, 0)) for one in beside]
    history = tuple(store.ledger.history([Subject(kind, tuple(sorted(names))) for kind in Kind]))
    return Found(names, where, found, history, tuple(sorted(linked, key=lambda one: (-one.lines, one.id))))


def _beside(together: Iterable[frozenset[str]], names: frozenset[str]) -> dict[str, int]:
    """Pseudonyms in the same rows, and in how many."""
    found: dict[str, int] = {}
    for one in together:
        for name in one - names:
            found[name] = found.get(name, 0) + 1
    return found
