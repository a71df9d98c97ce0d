"""Options whose values are known: a word that is none of them is refused, for a typo must not read as "never"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import typer

from gatekeeper.audit import query
from gatekeeper.errors import ConfigError
from gatekeeper.jurisdiction.codes import COUNTRIES
from gatekeeper.model.reasons import TABLE
from gatekeeper.policy import Policy
from gatekeeper.policy.faults import meant

KINDS: Final = (
    "genesis", "segment", "decision", "outcome", "checkpoint", "clock", "key", "redaction",
    "incident", "admin", "erasure", "pruned", "gap", "close",
)  # fmt: skip
"""Kinds of lines (docs/audit.md)."""
STATUSES: Final = ("delivered", "blocked", "failed", "pending", "cancelled")
_WORDS: Final[Mapping[str, Callable[[Policy], Iterable[str]]]] = {
    "status": lambda _policy: STATUSES,
    "reason": lambda _policy: TABLE,
    "destination": lambda policy: policy.destinations,
    "law": lambda policy: policy.laws.ids,
    "country": lambda _policy: COUNTRIES,
    "sent": lambda policy: policy.catalogue.by_name,
    "stripped": lambda policy: policy.catalogue.by_name,
}
"""Option -> the values that it can have by the policy in force; older policies' are in the log."""


def check(
    policy: Policy, given: Mapping[str, str | None], folder: Path | None = None, others: Sequence[Path] = ()
) -> None:
    """Refuse a value that neither the policy nor the log in `folder` knows, with the nearest that they do."""
    for name, value in given.items():
        if value is None or name not in _WORDS:
            continue
        known = set(_WORDS[name](policy))
        if value in known:
            continue
        if folder is not None:
            known |= query.words(folder, name, others)
        if value not in known:
            one_of(
                f"--{name}", value, known, f"it is neither in the policy nor in the log {folder or policy.audit_folder}"
            )


def moment(option: str, text: str | None, now: datetime) -> datetime | None:
    """The time of `--since` or `--until`."""
    if text is None:
        return None
    try:
        return query.moment(text, now)
    except ConfigError as error:
        raise typer.BadParameter(f"--{option}: {error}") from None


def one_of(option: str, value: str, known: Iterable[str], remedy: str | None = None) -> None:
    """Refuse a value that is not among the known ones, with exit code 2."""
    names = list(known)
    if value not in names:
        raise typer.BadParameter(f'{option}: "{value}" is not known; {meant(value, names, remedy or _any_of(names))}')


def _any_of(names: list[str]) -> str:
    return f"use {', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else f"use {names[0]}"
