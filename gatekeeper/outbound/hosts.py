"""Known tracking hosts. Pure. A host name in, what it takes in out (`hosts.toml`, with a source per row)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from typing import Final

from gatekeeper.model import Answer


@dataclass(frozen=True, slots=True)
class Host:
    """One row: calls to `name` (all below it, if it begins with a dot) whose path is one of `paths` (`None`: any)."""

    name: str
    kind: str | None
    paths: re.Pattern[str] | None
    answer: Answer
    source: str = field(repr=False)

    def takes(self, path: str) -> bool:
        """Whether a path of this host is for tracking."""
        return self.paths is None or self.paths.search(path) is not None


def _read() -> dict[str, tuple[Host, ...]]:
    rows = tomllib.loads(resources.files("gatekeeper.outbound").joinpath("hosts.toml").read_text("utf-8"))["host"]
    found: dict[str, tuple[Host, ...]] = {}
    for row in rows:
        paths = re.compile("|".join(f"(?:{one})" for one in row["paths"])) if "paths" in row else None
        answer = Answer(204)
        if "answer" in row:
            answer = Answer(200, (("Content-Type", "application/json"),), row["answer"].encode())
        host = Host(row["name"], row.get("kind"), paths, answer, row["source"])
        found[host.name] = (*found.get(host.name, ()), host)
    return found


KNOWN: Final[dict[str, tuple[Host, ...]]] = _read()


def names(host: str) -> Iterator[str]:
    """The names under which a host can be listed: its own, then those of everything it is below."""
    yield host
    while "." in host:
        host = host[host.index(".") + 1 :]
        yield "." + host


def known(host: str) -> tuple[Host, ...]:
    """The rows of a host (lower case, without port); empty for one that is no known tracking host."""
    return next((KNOWN[name] for name in names(host) if name in KNOWN), ())
