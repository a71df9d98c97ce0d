"""`gatekeeper suppression add|list|remove|import`. They may run while the gate does."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from gatekeeper.audit.subjects import KINDS
from gatekeeper.cli import exits, known
from gatekeeper.cli.consent import NOT_HEARD
from gatekeeper.cli.office import given, opened
from gatekeeper.counting import counted
from gatekeeper.errors import ConfigError, unreadable
from gatekeeper.model import OPTIONAL, Heard, Purpose
from gatekeeper.model.suppression import Why
from gatekeeper.rights.office import AT_ONCE, shown


def add(
    config: Path, people: dict[str, str | None], why: str, purpose: str | None, until: str | None, as_json: bool
) -> None:
    """Suppress a person by all identifiers that are given."""
    known.one_of("--why", why, [one.value for one in Why])
    with opened(config) as office:
        group, done = office.suppress(given(people), why=Why(why), purposes=_purposes(purpose), until=_time(until))
    told = {"erasure": group, "cancelled": done.cancelled, "heard": done.heard.value}
    typer.echo(json.dumps(told) if as_json else f"{group}  ({counted(done.cancelled, 'queued delivery')} ended)")
    if done.heard is Heard.NOT_YET:
        typer.echo("gatekeeper: suppressed, but a worker did not answer: a request may still begin", err=True)
        raise typer.Exit(NOT_HEARD)


def show(config: Path, why: str | None, limit: int, as_json: bool) -> None:
    """Print entries: no identifier is in them, and none can be."""
    if why is not None:
        known.one_of("--why", why, [one.value for one in Why])
    with opened(config) as office:
        found: list[dict[str, Any]] = []
        last = b""
        while len(found) < limit and (page := office.store.suppressions.page(last, AT_ONCE)):
            found += [shown(one) for one in page if why in (None, one.why.value)]
            last = page[-1].hash
        counts = office.store.suppressions.count()
        office.record("suppressions/list", counts={"entries": min(len(found), limit)})
    if as_json:
        typer.echo(json.dumps({"entries": found[:limit], "counts": dict(counts)}))
        return
    table = Table(box=None)
    for title in ("since", "why", "type", "purposes", "until", "erasure", "id"):
        table.add_column(title, overflow="fold")
    for one in found[:limit]:
        purposes = " ".join(f"{name} (lifted)" if name in one["lifted"] else name for name in one["purposes"])
        table.add_row(one["since"], one["why"], one["type"], purposes, one["until"] or "-", one["erasure"], one["id"])
    console = Console(highlight=False, width=240)
    console.print(table)
    console.print(", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "no person is suppressed")


def remove(config: Path, people: dict[str, str | None], why: str | None, group: str | None, as_json: bool) -> None:
    """Delete a person's entries (exit code 3 if there are none)."""
    if why is not None:
        known.one_of("--why", why, [one.value for one in Why])
    identifiers = given(people)
    if bool(identifiers) == bool(group):
        raise ConfigError("--erasure: give either this id or identifiers of the person")
    with opened(config) as office:
        whys = tuple(Why) if why is None else (Why(why),)
        gone = office.remove_group(group) if group else office.remove(identifiers, whys)
    if not gone:
        exits.absent("there is no such entry; `gatekeeper suppression list` shows all")
    typer.echo(
        json.dumps({"removed": gone}) if as_json else f"{gone} entries removed; they no longer affect new events"
    )


def import_list(
    config: Path, path: Path, kind: str | None, why: str, purpose: str | None, until: str | None, as_json: bool
) -> None:
    """Suppress everybody in a file."""
    known.one_of("--why", why, [one.value for one in Why])
    rows = _rows(path, kind)
    with opened(config) as office, Progress(transient=True, disable=as_json) as bar:
        task = bar.add_task("suppressing", total=len(rows))
        group, ended = office.import_list(
            rows, why=Why(why), purposes=_purposes(purpose), until=_time(until),
            told=lambda done: bar.update(task, completed=done),
        )  # fmt: skip
    counts = dict(Counter(name for name, _ in rows))
    told = {"erasure": group, "rows": counts, "cancelled": ended}
    said = ", ".join(f"{n} by {name}" for name, n in counts.items())
    typer.echo(json.dumps(told) if as_json else f"{group}  {said}; {counted(ended, 'queued delivery')} ended")


def _rows(path: Path, kind: str | None) -> list[tuple[str, str]]:
    """Types and values: CSV with the columns `type` and `value`, or one value a line with `--type`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from None
    except csv.Error:
        raise ConfigError(f"{path}: is not CSV; write the columns type and value, or one value a line") from None
    lines = [line for line in lines if any(cell.strip() for cell in line)]
    if kind is not None:
        known.one_of("--type", kind, [row.option for row in KINDS.values()])
        wrong = [n for n, line in enumerate(lines, 1) if len(line) != 1]
        found = [(kind, line[0].strip()) for line in lines]
    else:
        if not lines or [cell.strip() for cell in lines[0]] != ["type", "value"]:
            raise ConfigError(f"{path}: has no header `type,value`; add it, or say --type for a file of one column")
        wrong = [n for n, line in enumerate(lines[1:], 1) if len(line) != 2]
        found = [(line[0].strip(), line[1].strip()) for line in lines[1:] if len(line) == 2]
    if wrong:
        raise ConfigError(f"{path}: row {wrong[0]} has the wrong number of columns")
    if not found:
        raise ConfigError(f"{path}: has no rows")
    return found


def _purposes(purpose: str | None) -> tuple[Purpose, ...] | None:
    if purpose is None:
        return None
    known.one_of("--purpose", purpose, [one.value for one in OPTIONAL])
    return (Purpose(purpose),)


def _time(text: str | None) -> float | None:
    at = known.moment("until", text, datetime.now(UTC).replace(tzinfo=None))
    return None if at is None else at.replace(tzinfo=UTC).timestamp()
