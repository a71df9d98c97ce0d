"""What becomes of an element by its names alone. Pure. Names, roles and what was odd in; what is to be done out.

    Names.program(names, roles)       an element's program: which of its leaves are looked at, and how
    Program.outcome(odd)              what it holds, where some values were not as usual
    Outcome.sending(causes, …)        which leaves may be sent, once it is decided
    Sending.left(gone)                what was sent, and what the audit is told of the rest

Nothing here sees a value of the visitor, or a clock: each result is remembered by all of its arguments. What is not
mechanical among names is compiled each time and not kept (`formats/table.is_known`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from gatekeeper.audit import subjects
from gatekeeper.audit.vocabulary import dotted
from gatekeeper.fields import Catalogue, Field
from gatekeeper.fields.accept import check_of
from gatekeeper.fields.names import UNPRINTABLE, printable
from gatekeeper.memory import Compiled
from gatekeeper.scrub.identifier import is_mechanical
from gatekeeper.scrub.taint import FIELDS as DECLARING
from gatekeeper.vendors.dialect import FLAG, NAME, PROTOCOL, SECRET, STAMP
from gatekeeper.vendors.formats.table import is_known

MECHANICS: Final = frozenset({PROTOCOL, NAME, FLAG})
_LONGEST: Final = 256  # characters of a name; what is longer is no name of a field
_NOT_SIMPLE: Final = frozenset({"number", "url", "items"})
ENVELOPE: Final = frozenset({"event_id", "event_time"})
_MOST_LEAVES: Final = 64  # of a program that is kept
Causes = tuple[tuple[str, str], ...]
"""The keys that are stripped, each with its cause (`Judgement.causes`)."""
_Rows = tuple[tuple[str, str, "Role | None"], ...]  # of leaves: native name, role, and what that asks for


class Role(NamedTuple):
    """What a leaf's role asks for. `simple` is all that is asked of the value of most fields."""

    row: Field
    key: str
    simple: Callable[[object, Field], object] | None
    number: bool = False  # may come as text
    url: bool = False  # may hold click ids
    searched: bool = False  # for personal shapes


class Check(NamedTuple):
    """A field that is looked at, by the number of its leaf.

    `countries` are the leaves by which a telephone number is read.
    """

    at: int
    role: str
    how: Role
    countries: tuple[int, ...] = ()


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
        self.outcomes: Compiled[tuple[Program, tuple[Odd, ...]], Outcome] = Compiled()
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
        rows: _Rows,
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


class Program:
    """How an element with these names is looked at. `memories`: where it is kept, `None` where it is not.

    `mechanics` are the leaves that may carry nothing, with their roles and whether each is an id or a time of the
    event; `simple` are fields of which their one check is asked, `checks` all other fields. `declares` are the leaves
    that say something personal, with what.
    """

    __slots__ = ("_identifying", "_memories", "_rows", "checks", "declares", "mechanics", "simple", "usual")

    def __init__(
        self,
        names: tuple[str, ...],
        roles: tuple[str, ...],
        by_name: Mapping[str, Role],
        identifying: Mapping[str, str],
        memories: Memories | None,
    ) -> None:
        self._memories = memories
        self._rows = rows = tuple(zip(names, roles, map(by_name.get, roles), strict=True))
        self._identifying = identifying
        countries = tuple([at for at, role in enumerate(roles) if role == "country"])
        self.declares = tuple([(at, role) for at, role in enumerate(roles) if role in DECLARING])
        self.mechanics = tuple(
            [
                (at, role, role in ENVELOPE)
                for at, (_, role, how) in enumerate(rows)
                if how is None and (role in MECHANICS or role in ENVELOPE)
            ]
        )
        fields = [(at, role, how) for at, (_, role, how) in enumerate(rows) if how is not None]
        self.simple = tuple([(at, how.simple, how.row) for at, _, how in fields if how.simple is not None])
        self.checks = tuple(
            [
                Check(at, role, how, countries if role == "phone" else ())
                for at, role, how in fields
                if how.simple is None
            ]
        )
        self.usual = self._outcome(())

    def outcome(self, odd: tuple[Odd, ...]) -> Outcome:
        """What the element holds, where this was not as usual."""
        if not odd:
            return self.usual
        if self._memories is None:
            return self._outcome(odd)
        return self._memories.outcomes.get((self, odd)) or self._memories.outcomes.keep((self, odd), self._outcome(odd))

    def _outcome(self, odd: tuple[Odd, ...]) -> Outcome:
        found = {one.at: one for one in odd}
        passed, fields, named = [], [], True
        names: dict[str, None] = {}
        unusable: dict[str, str] = {}
        for at, (name, role, how) in enumerate(self._rows):
            one = found.get(at)
            passed.append(how is None and (role == SECRET or (one is None and (role in ENVELOPE or role in MECHANICS))))
            if role in ENVELOPE or passed[-1]:
                continue
            if how is None:
                named = named and (role != NAME or (one is not None and one.cause == "absent"))
                if role != STAMP:
                    names[told := audit_name(name)] = None
                    unusable[told] = "invalid" if role in MECHANICS else "unknown_field"
                continue
            for click_id in () if one is None else one.lifted:
                names[click_id] = None
                unusable.setdefault(click_id, "not_needed")
            if one is not None and one.cause == "absent":
                continue
            names[how.key] = None
            if one is not None:
                names |= dict.fromkeys(path for path, _ in one.lost)
                unusable |= dict(one.lost)
            if one is not None and one.cause:
                unusable[how.key] = "invalid"
            else:
                fields.append((at, how))
        held = {how.key for _, how in fields}
        unusable = {name: cause for name, cause in unusable.items() if name not in held}
        return Outcome(
            self._rows,
            tuple(passed),
            tuple(fields),
            tuple(names),
            unusable,
            self._identifying,
            self._memories,
            named=named,
        )


class Names:
    """The programs of one policy's catalogue."""

    __slots__ = ("_by_name", "_identifying", "_known", "_memories")

    def __init__(self, catalogue: Catalogue) -> None:
        self._memories = Memories()
        self._identifying = catalogue.identifying
        self._by_name = {
            name: Role(
                row,
                row.key,
                None if row.type in _NOT_SIMPLE else check_of(row),
                row.type == "number",
                row.type == "url",
                row.key in catalogue.scrubbed,
            )
            for name, row in catalogue.by_name.items()
            if name not in ENVELOPE
        }
        self._known: Compiled[tuple[tuple[str, ...], tuple[str, ...]], Program] = Compiled()

    def program(self, names: tuple[str, ...], roles: tuple[str, ...]) -> Program:
        """How an element is looked at whose leaves have these native names and roles."""
        key = (names, roles)
        known = self._known.get(key)
        if known is not None:
            return known
        may_be = len(names) <= _MOST_LEAVES and all(map(may_be_kept, names))
        program = Program(names, roles, self._by_name, self._identifying, self._memories if may_be else None)
        return self._known.keep(key, program) if may_be else program


def may_be_kept(name: str) -> bool:
    """Whether a native name may be remembered in a program."""
    return all(map(is_known, name.split(".")))


def audit_name(name: str) -> str:
    """A native name as the audit writes it: `custom_data.items.0.id` for `custom_data[items][0][id]`."""
    return UNPRINTABLE if len(name) > _LONGEST else _audit_name(name)


@lru_cache(maxsize=1024)
def _audit_name(name: str) -> str:
    return harmless(printable(dotted(name)))


def harmless(name: str) -> str:
    """A name that is no value in disguise: LinkedIn's `idType`, or a key in base64, may hold anything."""
    return name if is_mechanical(name) else UNPRINTABLE


def lost_of(lost: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """What was lost of items, by names that may be written down."""
    return tuple({harmless(path): cause for path, cause in lost}.items())
