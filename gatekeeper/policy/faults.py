"""The faults of one policy, one sentence each: key, value, remedy. All are collected before any is raised."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from gatekeeper.errors import ConfigError


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
        near = difflib.get_close_matches(name, known, 1)
        hint = f'did you mean "{near[0]}"?' if near else remedy
        self.append(f'{where}: "{name}" is not {what}; {hint}')
