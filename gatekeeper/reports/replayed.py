"""A replay as it is asked for, by the command and by the admin API: which lines, by which policy, under which laws."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatekeeper.audit.lines import timestamp_of
from gatekeeper.errors import ConfigError
from gatekeeper.policy import Policy, archive
from gatekeeper.policy.load import policy_of_text
from gatekeeper.reports.outcome import Replay
from gatekeeper.reports.period import decisions
from gatekeeper.reports.replay import By, replay

LAWS: Final = ("recorded", "now")
_CALLED: Final = Path("policy")


class Wanted(NamedTuple):
    """Lines from `since` on and before `until`; `policy` is None for each line's own, `on` for the laws of the line."""

    policy: Policy | None = None
    since: datetime | None = None
    until: datetime | None = None
    on: float | None = None
    folder: Path | None = None  # of another log
    others: Sequence[Path] = ()  # of the other machines' logs


def replayed(
    current: Policy, wanted: Wanted, progress: Callable[[float, int], None] = lambda part, count: None
) -> Replay:
    """What would be decided otherwise. Raises AuditError, ConfigError."""
    folder, other = wanted.folder or current.audit_folder, wanted.policy
    since, until = (None if one is None else timestamp_of(one) for one in (wanted.since, wanted.until))
    by = By(folder.parent / archive.FOLDER, other, (other or current).registry, wanted.on)
    return replay(decisions(folder, since, until, progress, wanted.others), by)


def time_of_laws(laws: str, day: str | None, now: float) -> float | None:
    """Whose time the laws are of: a day's, that of `now`, or None for those that lines name. Raises ConfigError."""
    if day is None:
        return now if laws == "now" else None
    try:
        found = date.fromisoformat(day)
    except ValueError:
        raise ConfigError("is not a day; write 2027-01-01") from None
    return datetime(found.year, found.month, found.day, tzinfo=UTC).timestamp()


def candidate(text: str, current: Policy) -> Policy:
    """A policy that was sent as text, as if it stood where the one in force does; its secrets are not looked up.

    It opens no file that the policy in force does not name: its faults would tell what is in it. Raises ConfigError.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{_CALLED}: is not TOML: {error}") from None
    file = current.file
    for key, named, known in (
        ("jurisdiction.anonymisers", _at(raw, "jurisdiction", "anonymisers"), file.jurisdiction.anonymisers),
        ("audit.anchors.roots", _at(raw, "audit", "anchors", "roots"), [file.audit.anchors.roots]),
    ):
        if any(one not in known for one in (named if isinstance(named, list) else [named]) if one is not None):
            raise ConfigError(f"{_CALLED}: {key}: names a file that the policy in force does not; replay it by command")
    return policy_of_text(text, current.registry, path=current.path, name=_CALLED, environ={}, require_secrets=False)


def _at(raw: Any, *keys: str) -> Any:
    for key in keys:
        raw = raw.get(key) if isinstance(raw, dict) else None
    return raw
