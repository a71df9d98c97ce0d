"""Options whose values are known: a word that is none of them is refused, for a typo must not read as "never"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import typer

from gatekeeper.audit import asking
from gatekeeper.errors import ConfigError
from gatekeeper.policy import Policy
from gatekeeper.policy.faults import meant

KINDS: Final = (
    "genesis", "segment", "decision", "outcome", "checkpoint", "clock", "key", "redaction",
    "incident", "admin", "erasure", "pruned", "gap", "close",
)  # fmt: skip
"""Kinds of lines (docs/audit.md)."""


def check(
    policy: Policy, given: Mapping[str, str | None], folder: Path | None = None, others: Sequence[Path] = ()
) -> None:
    """Refuse a value that neither the policy nor the log in `folder` knows, with the nearest that they do."""
    try:
        asking.check(policy, given, folder, others)
    except ConfigError as error:
        raise typer.BadParameter(f"--{error}") from None


def moment(option: str, text: str | None, now: datetime) -> datetime | None:
    """The time of `--since` or `--until`."""
    try:
        return asking.moment(option, text, now)
    except ConfigError as error:
        raise typer.BadParameter(f"--{error}") from None


def one_of(option: str, value: str, known: Iterable[str], remedy: str | None = None) -> None:
    """Refuse a value that is not among the known ones, with exit code 2."""
    names = list(known)
    if value not in names:
        raise typer.BadParameter(f'{option}: "{value}" is not known; {meant(value, names, remedy or _any_of(names))}')


def _any_of(names: list[str]) -> str:
    return f"use {', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else f"use {names[0]}"
