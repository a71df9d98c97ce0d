"""`gatekeeper dead-letter list`, `retry` and `purge`. They may run while the gate does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.markup import escape
from rich.table import Table

from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.segments import usable
from gatekeeper.cli import exits, known
from gatekeeper.cli.console import console as open_console
from gatekeeper.cli.policy import load_policy, opening
from gatekeeper.counting import counted
from gatekeeper.runtime.health import troubles
from gatekeeper.runtime.wiring import audit_writer, needs, place
from gatekeeper.storage.opening import exists
from gatekeeper.storage.opening import open_store as usual
from gatekeeper.storage.outbox import DeadLetter
from gatekeeper.storage.protocols import DeadLetters

_ALL = 1_000_000


def show(config: Path, destination: str | None, as_json: bool) -> None:
    """Print the newest thousand."""
    with _opened(config, destination) as (store, failing):
        letters = store.page(destination)
    for sentence in failing:
        typer.echo(f"gatekeeper: {sentence}", err=True)
    if as_json:
        typer.echo(json.dumps([_record(letter) for letter in letters], indent=2))
        return
    table = Table(box=None)
    for title in ("id", "destination", "request", "event", "attempts", "reason", "dead since"):
        table.add_column(title, no_wrap=title == "id", overflow="fold")  # an id is what `retry` and `purge` take
    for one in letters:
        table.add_row(
            one.id, escape(one.destination), one.request_id, timestamp(one.event_time), str(one.attempts),
            one.why, timestamp(one.at),
        )  # fmt: skip
    open_console().print(table if letters else "no dead letters")


def retry(ids: Sequence[int], config: Path, destination: str | None, as_json: bool) -> None:
    """Queue them again; the running gate, or the next one, delivers them."""
    _act(config, ids, destination, lambda store: store.retry, "queued again", as_json)


def purge(ids: Sequence[int], config: Path, destination: str | None, as_json: bool) -> None:
    """Delete dead letters for good."""
    _act(config, ids, destination, lambda store: store.purge, "deleted", as_json)


def _act(
    config: Path,
    ids: Sequence[int],
    destination: str | None,
    action: Callable[[DeadLetters], Callable[[Sequence[str]], Future[int]]],
    word: str,
    as_json: bool,
) -> None:
    with _opened(config, destination) as (store, _):
        count = action(store)(_wanted(store, ids, destination)).result()
    typer.echo(json.dumps({"count": count}) if as_json else f"{counted(count, 'dead letter')} {word}")


def _wanted(letters: DeadLetters, ids: Sequence[int], destination: str | None) -> list[str]:
    """The ids of the letters meant; exit code 3 if there is none."""
    asked = {str(one) for one in ids}
    wanted = [letter.id for letter in letters.page(destination, _ALL) if not asked or letter.id in asked]
    if not wanted:
        if not (ids or destination):
            exits.absent("there are no dead letters")
        exits.absent("there is no such dead letter; `gatekeeper dead-letter list` shows all")
    return wanted


@contextmanager
def _opened(config: Path, destination: str | None) -> Iterator[tuple[DeadLetters, list[str]]]:
    """The dead letters, and a sentence for each destination that is failing now.

    Refuses a destination that is neither in the policy nor has dead letters.
    """
    policy = load_policy(config, require_secrets=False)
    open_store = opening()
    if open_store is usual and not exists(place(policy)):
        exits.absent(f"there is no {policy.database_file}; no gate has run here yet")
    usable(policy.audit_folder)
    writer = audit_writer(policy)
    store = open_store(needs(policy, writer))
    try:
        if destination is not None and not store.dead_letters.page(destination):
            known.one_of("--destination", destination, policy.destinations, "it is not in the policy")
        yield store.dead_letters, troubles(store.books, policy)
    finally:
        store.close()
        writer.close()


def _record(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": int(letter.id),  # as scripts have read it since the first version
        "destination": letter.destination,
        "request_id": letter.request_id,
        "event_time": timestamp(letter.event_time),
        "attempts": letter.attempts,
        "reason": letter.why,
        "dead_since": timestamp(letter.at),
    }
