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

    def unknown(self, where: str, name: str, what: str, known: Iterable[str], remedy: str, near: float = 0.6) -> None:
        """A name that is not known: with the one that was probably meant, or else the `remedy`."""
        self.append(f'{where}: "{name}" is not {what}; {meant(name, known, remedy, near)}')


def meant(name: str, known: Iterable[str], remedy: str, near: float = 0.6) -> str:
    """`did you mean "…"?` if a known name is `near` this one (1 is equal), else the `remedy`."""
    found = difflib.get_close_matches(name, known, 1, near)
    return f'did you mean "{found[0]}"?' if found else remedy


def placed(sentence: str, file: object, line: int | None) -> str:
    """A fault's sentence with the place of its key, as editors and terminals follow it: `gatekeeper.toml:12: …`."""
    return f"{file}: {sentence}" if line is None else f"{file}:{line}: {sentence}"


def parts(sentence: str, file: object = None) -> Fault:
    """A fault's sentence taken apart; `file` is the policy's path, if `placed` wrote it in front."""
    line = None
    rest = sentence.removeprefix(f"{file}:") if file is not None else sentence
    if rest != sentence:
        number, _, keyed = rest.partition(": ")
        line, rest = (int(number), keyed) if number.isdecimal() else (None, rest.removeprefix(" "))
    key, _, rest = rest.partition(": ")
    problem, _, remedy = rest.partition("; ")
    return Fault(line, key, problem, remedy)
