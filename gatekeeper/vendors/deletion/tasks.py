"""What people have to do where no vendor interface is driven. Pure: a table (`tasks.toml`), read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final

from gatekeeper.vendors.deletion import NO_API, Impossible, Step, setting
from gatekeeper.vendors.kind import Destination


@dataclass(frozen=True, slots=True)
class Task:
    """A vendor's row: whether people can do it, and how."""

    by: str = "people"
    text: str = "Ask the recipient to delete what it holds of this person."
    source: str = ""

    def steps(self, to: Destination) -> tuple[Step, ...] | Impossible:
        """Nothing to send; impossible where there is no way to do it and no audience is named."""
        return () if self.by == "people" or setting(to, "audiences") else Impossible(NO_API)


def _read() -> Mapping[str, Task]:
    raw = tomllib.loads(resources.files(__package__).joinpath("tasks.toml").read_text("utf-8"))
    return {name: Task(**row) for name, row in raw.items()}


TASKS: Final[Mapping[str, Task]] = _read()
"""By kind, or by the product that a `first_party` destination speaks."""
