"""The faults of one policy, one sentence each: `key: value is not …; remedy`. All are collected, then raised."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from gatekeeper.errors import ConfigError


class Fault(NamedTuple):
    """A fault in its parts: the policy's `key`, what is wrong with it, and the remedy; `line` of the file if known."""

    line: int | None
    key: str
    problem: str
    remedy: str


class Faults(list[str]):
    """What is wrong so far."""

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Keep a stage's own ConfigError with the others."""
        try:
            yield
        except ConfigError as error:
            self += error.problems

    def unknown(self, where: str, name: str, what: str, known: Iterable[str], remedy: str) -> None:
        """A name that is not known: with the one that was probably meant, or else the `remedy`."""
        self.append(f'{where}: "{name}" is not {what}; {meant(name, known, remedy)}')


def meant(name: str, known: Iterable[str], remedy: str) -> str:
    """`did you mean "…"?` if a known name is near this one, else the `remedy`."""
    near = difflib.get_close_matches(name, known, 1)
    return f'did you mean "{near[0]}"?' if near else remedy


def parts(sentence: str) -> Fault:
    """A fault's sentence taken apart."""
    place, named, rest = sentence.partition(": ")
    line = None
    if named and place.startswith("line ") and place[5:].isdecimal():
        line = int(place[5:])
        place, _, rest = rest.partition(": ")
    problem, _, remedy = rest.partition("; ")
    return Fault(line, place, problem, remedy)
