"""What an element holds by its names, what of it may be sent, and what is left at its end. Pure.

    Outcome.sending(causes, …)        which leaves may be sent, once it is decided
    Sending.left(gone)                what was sent, and what the audit is told of the rest

Results are remembered by all of their arguments, in the memories of the program that the outcome is of.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from gatekeeper.audit import subjects
from gatekeeper.audit.vocabulary import dotted
from gatekeeper.fields import Field
from gatekeeper.fields.names import UNPRINTABLE, printable
from gatekeeper.memory import Compiled
from gatekeeper.scrub.identifier import is_mechanical

ENVELOPE: Final = frozenset({"event_id", "event_time"})
_LONGEST: Final = 256  # characters of a name; what is longer is no name of a field
Causes = tuple[tuple[str, str], ...]
"""The keys that are stripped, each with its cause (`Judgement.causes`)."""
Rows = tuple[tuple[str, str, "Role | None"], ...]
"""Leaves: native name, role, and what that asks for."""


class Role(NamedTuple):
    """What a leaf's role asks for. `simple` is all that is asked of the value of most fields."""

    row: Field
    key: str
    simple: Callable[[object, Field], object] | None
    number: bool = False  # may come as text
    url: bool = False  # may hold click ids
    searched: bool = False  # for personal shapes


class Odd(NamedTuple):
    """What was not as usual in a leaf: it is not `fit` (mechanics that carry something), or its value is unusual.

    `cause` is `invalid`, `absent`, or nothing; `lifted` are the click ids in it, `lost` what was in its items.
    """

    at: int
    cause: str = ""
    lifted: tuple[str, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()


class Left(NamedTuple):
    """What is left of an element at its end, by names.

    `sent` are the names the audit knows what was sent under, each with its first leaf, `identifying` the leaves among
    them that lead to the person, and as what. `stripped` has what did not go, by cause, and `native` the names under
    which that came.
    """

    sent: tuple[tuple[str, int], ...]
    identifying: tuple[tuple[int, str], ...]
    stripped: Mapping[str, str]
    native: Mapping[str, tuple[str, ...]]


class Memories:
    """What the programs of one catalogue remember together, so that their number bounds all of it.

    The keys hold the program, its outcome, or what may be sent of that, each of which is itself alone.
    """

    __slots__ = ("left", "outcomes", "sending")

    def __init__(self) -> None:
        self.outcomes: Compiled[tuple[Hashable, tuple[Odd, ...]], Outcome] = Compiled()
        self.sending: Compiled[tuple[Outcome, Causes, frozenset[str], bool], Sending] = Compiled()
        self.left: Compiled[tuple[Sending, tuple[int, ...]], Left] = Compiled()


class Outcome:
    """What an element holds, by its names: which leaves pass as they are, which hold fields, and what is of no use.

    `fields` are (number of the leaf, role); `data` the first leaf of each key; `identifying` those that lead to the
    person, and as what, `always` those by which they are found even where nothing is sent. `named`: whether it can be
    sent under the name it has, or has none. `memories` are those of its program, `None` for one that is not kept.
    """

    __slots__ = (
        "_memories",
        "_rows",
        "always",
        "data",
        "fields",
        "identifying",
        "named",
        "names",
        "passed",
        "unusable",
    )

    def __init__(
        self,
        rows: Rows,
        passed: tuple[bool, ...],
        fields: tuple[tuple[int, Role], ...],
        names: tuple[str, ...],
        unusable: Mapping[str, str],
        identifying: Mapping[str, str],
        memories: Memories | None,
        *,
        named: bool,
    ) -> None:
        self._memories = memories
        self._rows = rows
        self.passed = passed
        self.fields = fields
        self.names = names
        self.unusable = unusable
        self.named = named
        data: dict[str, int] = {}
        for at, how in fields:
            data.setdefault(how.key, at)
        self.data = tuple(data.items())
        self.identifying = tuple([(at, identifying[how.key]) for at, how in fields if how.key in identifying])
        self.always = tuple(
            [(kind, data[name]) for name, kind in identifying.items() if name in data and kind in subjects.ALWAYS]
        )

    def without_person(self) -> Outcome:
        """The same where nothing may lead to the person: identifiers are fit for nothing."""
        theirs = {at for at, _ in self.identifying}
        fields = tuple([(at, how) for at, how in self.fields if at not in theirs])
        return Outcome(self._rows, self.passed, fields, self.names, self.unusable, {}, None, named=self.named)

    def sending(self, causes: Causes, clear: frozenset[str], *, truncate: bool) -> Sending:
        """Which leaves may be sent, where all keys but these are kept; the vendor takes `clear` ones unhashed."""
        if self._memories is None:
            return Sending(self, causes, clear, None, truncate=truncate)
        key = (self, causes, clear, truncate)
        known = self._memories.sending.get(key)
        if known is not None:
            return known
        return self._memories.sending.keep(key, Sending(self, causes, clear, self._memories, truncate=truncate))

    def native(self, stripped: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
        """Under which native names each stripped canonical field came."""
        found: dict[str, tuple[str, ...]] = {}
        for native, role, how in self._rows:
            if how is None and role not in ENVELOPE:
                continue
            key = role if how is None else how.key
            for name in (key,) if key == role else (key, role):
                if name in stripped:
                    told = audit_name(native)
                    before = found.get(name, ())
                    if told not in before:
                        found[name] = (*before, told)
        return found


class Sending:
    """Which leaves may be sent: those that go `as_is`, and those whose values do, in their order.

    `fields` are the leaf's number, its key, and the row where it is searched. `networks` are the addresses of which the
    network alone goes.
    """

    __slots__ = ("_causes", "_clear", "_memories", "_outcome", "as_is", "fields", "networks")

    def __init__(
        self,
        outcome: Outcome,
        causes: Causes,
        clear: frozenset[str],
        memories: Memories | None,
        *,
        truncate: bool,
    ) -> None:
        self._outcome = outcome
        self._causes = stripped = dict(causes)
        self._clear = clear
        self._memories = memories
        self.as_is = outcome.passed
        self.fields = tuple(
            [(at, how.key, how.row if how.searched else None) for at, how in outcome.fields if how.key not in stripped]
        )
        self.networks = tuple(
            [at for at, how in outcome.fields if truncate and how.row.type == "ip" and how.key in stripped]
        )

    def left(self, gone: tuple[int, ...]) -> Left:
        """What was sent, and what was not, where these leaves turned out to hold what may not be."""
        if self._memories is None:
            return self._left(gone)
        return self._memories.left.get((self, gone)) or self._memories.left.keep((self, gone), self._left(gone))

    def _left(self, gone: tuple[int, ...]) -> Left:
        rows, causes, outcome = dict(self._outcome.fields), self._causes, self._outcome
        went = {at: key for at, key, _ in self.fields if at not in gone}
        sent: dict[str, int] = {}
        for at, key in went.items():
            # What goes out in clear is named differently.
            sent.setdefault(rows[at].row.name if key in self._clear else key, at)
        keys = set(went.values())
        stripped = {name: causes.get(name, "invalid") for name in outcome.names if name not in keys}
        there = {*went, *self.networks}
        return Left(
            tuple(sent.items()),
            tuple([(at, kind) for at, kind in outcome.identifying if at in there]),
            stripped,
            outcome.native(stripped) if stripped else {},
        )


def audit_name(name: str) -> str:
    """A native name as the audit writes it: `custom_data.items.0.id` for `custom_data[items][0][id]`."""
    return UNPRINTABLE if len(name) > _LONGEST else _audit_name(name)


@lru_cache(maxsize=1024)
def _audit_name(name: str) -> str:
    return harmless(printable(dotted(name)))


def harmless(name: str) -> str:
    """A name that is no value in disguise: LinkedIn's `idType`, or a key in base64, may hold anything."""
    return name if is_mechanical(name) else UNPRINTABLE
