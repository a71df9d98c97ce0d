"""Known tracking hosts. Pure. A host name in, what it takes in out (`hosts.toml`, with a source per row)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from typing import Final

from gatekeeper.model import Answer
from gatekeeper.vendors.spelling import plain_host, readings

# Endings of country domains: `www.google.*` in the table stands for www.google.com, .de, .co.uk, .com.br …
_COUNTRY: Final = re.compile(r"\.(?:com|cat|(?:com|co|org|net)\.[a-z]{2}|[a-z]{2})$")


class Class(StrEnum):
    """What a host is there for."""

    COLLECT = "collect"  # tracking, on every path
    MIXED = "mixed"  # tracking on the paths that are listed; the others are the app's own business
    ERRORS = "errors"  # error events; only such a host may serve the purpose `necessary`


@dataclass(frozen=True, slots=True)
class Host:
    """One row: calls to `names` (and all below one that begins with a dot) on one of `paths` (`None`: any)."""

    vendor: str
    names: tuple[str, ...]
    sort: Class
    kind: str | None
    paths: re.Pattern[str] | None
    answer: Answer
    source: str = field(repr=False)

    def takes(self, path: str) -> bool:
        """Whether a path of this host is for tracking by one of its readings, or cannot be read."""
        if self.paths is None:
            return True
        found = readings(path)
        return found is None or any(self.paths.search(one) for one in found)


def read(text: str) -> dict[str, tuple[Host, ...]]:
    """The table of a TOML text, by name. Raises KeyError or ValueError for a row that says too little or too much."""
    table: dict[str, tuple[Host, ...]] = {}
    for row in tomllib.loads(text)["host"]:
        sort = Class(row["class"])
        if ("paths" in row) != (sort is Class.MIXED) and sort is not Class.ERRORS:
            raise ValueError(f"{row['names'][0]}: mixed hosts, and no others, list paths")
        paths = re.compile("|".join(f"(?:{one})" for one in row["paths"])) if "paths" in row else None
        answer = Answer(204)
        if "answer" in row:
            answer = Answer(200, (("Content-Type", "application/json"),), row["answer"].encode())
        names = tuple(row["names"])
        host = Host(row["vendor"], names, sort, row.get("kind"), paths, answer, row["source"])
        for name in names:
            table[name] = (*table.get(name, ()), host)
    return table


KNOWN: Final[dict[str, tuple[Host, ...]]] = read(
    resources.files("gatekeeper.vendors").joinpath("hosts.toml").read_text("utf-8")
)


def names(host: str) -> Iterator[str]:
    """The names under which a plain host can be listed, the most exact first."""
    country = _COUNTRY.search(host)
    stem = None if country is None else host[: country.start()]
    yield host
    if stem is not None:
        yield f"{stem}.*"
    while True:
        yield f".{host}"
        if stem is not None:
            yield f".{stem}.*"
            stem = stem.partition(".")[2] or None
        if "." not in host:
            return
        host = host.partition(".")[2]


def known(host: str) -> tuple[Host, ...]:
    """The rows of a host, in any spelling: those of its most exact name. Empty for one that is in no table."""
    return next((KNOWN[name] for name in names(plain_host(host)) if name in KNOWN), ())


def tracking(host: str, path: str) -> tuple[Host, ...]:
    """The rows of a host that take a path."""
    return tuple(row for row in known(host) if row.takes(path))
