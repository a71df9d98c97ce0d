"""A request's headers, and what follows from their names alone: worked out once per list of names.

Browsers and servers send the same names again and again, values every time. A list of names is remembered where
programs made it up; any other one is looked at each time, which changes nothing but the time it takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from gatekeeper.memory import Compiled

R = TypeVar("R")
_Names = tuple[bytes, ...]
_MOST: Final = 64  # names of a list that is remembered
# A name that a program made: letters, and too few digits to be a person's number.
_USUAL: Final = re.compile(rb"(?!(?:[^0-9]*[0-9]){5})[a-z0-9-]{1,64}")


class _Titles:
    """The names of a head: where each stands, and what was asked of all of them."""

    __slots__ = ("facts", "names", "places")

    def __init__(self, names: _Names) -> None:
        self.names = names
        self.facts: dict[Callable[..., Any], Any] = {}  # by functions of modules, of which there are few
        self.places: dict[bytes, list[int]] = {}
        for n, name in enumerate(names):
            self.places.setdefault(name, []).append(n)


LISTS: Final[Compiled[_Names, _Titles]] = Compiled()


def _titles(names: _Names) -> _Titles:
    known = LISTS.get(names)
    if known is not None:
        return known
    made = _Titles(names)
    return LISTS.keep(names, made) if len(names) <= _MOST and all(map(_USUAL.fullmatch, names)) else made


class Head(tuple[tuple[bytes, bytes], ...]):
    """The headers of one request as pairs, with names in lower case, duplicates kept."""

    titles: _Titles

    def __new__(cls, pairs: Iterable[tuple[bytes, bytes]] = ()) -> Head:
        """The same pairs, in their order."""
        made = super().__new__(cls, pairs)
        made.titles = _titles(tuple([name for name, _ in made]))
        return made

    @classmethod
    def lowered(cls, pairs: Iterable[tuple[bytes, bytes]]) -> Head:
        """The same pairs, with names in lower case."""
        made = tuple.__new__(cls, [(name, value) for name, value in pairs])
        known = LISTS.get(tuple([name for name, _ in made]))  # fast: names that are known are in lower case
        if known is None:
            return cls([(name.lower(), value) for name, value in made])
        made.titles = known
        return made

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> Head:
        """Headers as a head; one that is a head already is given back."""
        return headers if headers.__class__ is cls else cls(headers)

    def has(self, name: bytes) -> bool:
        """Whether there is a header of that name."""
        return name in self.titles.places

    def values(self, name: bytes) -> tuple[bytes, ...]:
        """Every value of a header, in order."""
        places = self.titles.places.get(name)
        return () if places is None else tuple([self[n][1] for n in places])

    def last(self, name: bytes) -> bytes | None:
        """The last value of a header; `None` without one."""
        places = self.titles.places.get(name)
        return None if places is None else self[places[-1]][1]

    def asked(self, of: Callable[[_Names], R]) -> R:
        """What a pure function of a module says of the names."""
        facts = self.titles.facts
        if of not in facts:
            facts[of] = of(self.titles.names)
        return facts[of]  # type: ignore[no-any-return]  # as `of` gives it

    def part(self, of: Callable[[bytes], bool]) -> Head:
        """The headers whose names a pure function of a module takes."""
        facts, names = self.titles.facts, self.titles.names
        known: tuple[tuple[int, ...], _Titles] | None = facts.get(of)
        if known is None:
            places = tuple([n for n, name in enumerate(names) if of(name)])
            known = facts[of] = places, _titles(tuple([names[n] for n in places]))
        made = tuple.__new__(Head, [self[n] for n in known[0]])
        made.titles = known[1]
        return made
