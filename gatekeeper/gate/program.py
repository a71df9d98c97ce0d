"""What becomes of an element by its names alone. Pure. Names, roles and what was odd in; what is to be done out.

    Names.program(names, roles)       an element's program: which of its leaves are looked at, and how
    Program.outcome(odd)              what it holds, where some values were not as usual (`outcome.py`)

Nothing here sees a value of the visitor, or a clock: each result is remembered by all of its arguments. What is not
mechanical among names is compiled each time and not kept (`formats/table.may_be_kept`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from gatekeeper.fields import Catalogue
from gatekeeper.fields.accept import check_of
from gatekeeper.gate.outcome import ENVELOPE, Memories, Odd, Outcome, Role, audit_name, harmless
from gatekeeper.memory import Compiled
from gatekeeper.scrub.taint import FIELDS as DECLARING
from gatekeeper.vendors.dialect import FLAG, NAME, PROTOCOL, SECRET, STAMP
from gatekeeper.vendors.formats.table import may_be_kept

MECHANICS: Final = frozenset({PROTOCOL, NAME, FLAG})
_NOT_SIMPLE: Final = frozenset({"number", "url", "items"})
_MOST_LEAVES: Final = 64  # of a program that is kept


class Check(NamedTuple):
    """A field that is looked at, by the number of its leaf.

    `countries` are the leaves by which a telephone number is read.
    """

    at: int
    role: str
    how: Role
    countries: tuple[int, ...] = ()


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
    """The programs of one policy's catalogue; `words` are those of its tables of native names."""

    __slots__ = ("_by_name", "_identifying", "_known", "_memories", "_words")

    def __init__(self, catalogue: Catalogue, words: frozenset[str]) -> None:
        self._words = words
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
        may_be = len(names) <= _MOST_LEAVES and all(may_be_kept(name, self._words) for name in names)
        program = Program(names, roles, self._by_name, self._identifying, self._memories if may_be else None)
        return self._known.keep(key, program) if may_be else program


def lost_of(lost: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """What was lost of items, by names that may be written down."""
    return tuple({harmless(path): cause for path, cause in lost}.items())
