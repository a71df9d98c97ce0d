"""`gatekeeper dead-letter list`, `retry` and `purge`. They may run while the gate does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.writer import usable
from gatekeeper.cli.policy import load_policy
from gatekeeper.errors import ConfigError
from gatekeeper.runtime import audit_writer
from gatekeeper.storage import database
from gatekeeper.storage.outbox import DeadLetter
from gatekeeper.storage.sqlite import SqliteOutbox

_ALL = 1_000_000


@dataclass(frozen=True)
class _Store:
    outbox: SqliteOutbox

    def wanted(self, ids: Sequence[int], destination: str | None) -> list[int]:
        """The ids of the letters meant; exit code 3 if there is none."""
        there = [letter.id for letter in self.outbox.dead_letters(destination, _ALL)]
        found = [one for one in there if not ids or one in set(ids)]
        if not found:
            typer.echo("gatekeeper: there is no such dead letter", err=True)
            raise typer.Exit(3)
        return found


def show(config: Path, destination: str | None, as_json: bool) -> None:
    """Print the newest thousand."""
    with _opened(config) as store:
        letters = store.outbox.dead_letters(destination)
    if as_json:
        typer.echo(json.dumps([_record(letter) for letter in letters], indent=2))
        return
    table = Table(box=None)
    for title in ("id", "destination", "request", "event", "attempts", "reason", "dead since"):
        table.add_column(title, no_wrap=title == "id", overflow="fold")  # an id is what `retry` and `purge` take
    for one in letters:
        table.add_row(
            str(one.id), escape(one.destination), one.request_id, timestamp(one.event_time), str(one.attempts),
            one.why, timestamp(one.at),
        )  # fmt: skip
    # Into a file or pipe nothing is cut: a terminal's width means nothing there.
    Console(highlight=False, width=None if sys.stdout.isatty() else 240).print(table if letters else "no dead letters")


def retry(ids: Sequence[int], config: Path, destination: str | None, as_json: bool) -> None:
    """Queue them again; the running gate, or the next one, delivers them."""
    _act(config, ids, destination, lambda store: store.outbox.retry_dead, "queued again", as_json)


def purge(ids: Sequence[int], config: Path, destination: str | None, as_json: bool) -> None:
    """Delete them."""
    _act(config, ids, destination, lambda store: store.outbox.purge_dead, "deleted", as_json)


def _act(
    config: Path,
    ids: Sequence[int],
    destination: str | None,
    action: Callable[[_Store], Callable[[Sequence[int]], Future[int]]],
    word: str,
    as_json: bool,
) -> None:
    with _opened(config) as store:
        count = action(store)(store.wanted(ids, destination)).result()
    typer.echo(json.dumps({"count": count}) if as_json else f"{count} dead letter{'' if count == 1 else 's'} {word}")


@contextmanager
def _opened(config: Path) -> Iterator[_Store]:
    policy = load_policy(config, require_secrets=False)
    if not policy.database_file.exists():
        raise ConfigError(f"storage.url: there is no {policy.database_file}; no gate has run here yet")
    database.prepare(policy.database_file)
    usable(policy.audit_folder)
    writer = audit_writer(policy)
    outbox = SqliteOutbox(policy.database_file, policy.destinations, writer)
    try:
        yield _Store(outbox)
    finally:
        outbox.close()
        writer.close()


def _record(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.id,
        "destination": letter.destination,
        "request_id": letter.request_id,
        "event_time": timestamp(letter.event_time),
        "attempts": letter.attempts,
        "reason": letter.why,
        "dead_since": timestamp(letter.at),
    }
