"""`gatekeeper erasure …` and `subject erase`. They may run while the gate does; the admin interface does the same."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gatekeeper.audit.writer import AuditWriter
from gatekeeper.cli import exits, known
from gatekeeper.cli.office import given, opened
from gatekeeper.counting import counted
from gatekeeper.errors import ConfigError, RightsError, unreadable
from gatekeeper.rights import local
from gatekeeper.rights.drive import sending, service
from gatekeeper.rights.erasures import Erasures
from gatekeeper.rights.office import Office
from gatekeeper.rights.progress import Progress
from gatekeeper.rights.proof import genuine
from gatekeeper.rights.replay import replay as replayed
from gatekeeper.rights.states import State


def request(
    config: Path,
    people: Mapping[str, str | None],
    link: list[str],
    law: str | None,
    verified_by: str | None,
    received: str | None,
    dry: bool,
    as_json: bool,
) -> None:
    """Take a request in, or say what there is."""
    identifiers = [{"type": kind, "value": value} for kind, value in given(people)]
    day = _day("received", received)
    with _opened(config) as desk:
        if law is not None:
            known.one_of("--law", law, desk.office.policy.laws.ids, "docs/jurisdictions.md lists the ids")
        found = desk.done(
            "request",
            lambda erasures: erasures.request(
                identifiers, by=desk.me, link=link, law=law, verified_by=verified_by, received=day, dry_run=dry
            ),
        )
    if as_json:
        _json(found)
        return
    typer.echo(f"{found.get('id', 'dry run')}  {found['state']}  due {found['due']}  {found['law']}")
    typer.echo("  " + ", ".join(f"{name} {count}" for name, count in found["stores"].items() if count))
    for one in found["linked"]:
        shared = "  also of others" if one["shared"] else ""
        lines = counted(one["lines"], "line")
        typer.echo(f"  linked {one['id']}  {lines}{shared}  (--link {one['id']}, if it is this person's)")


def act(
    config: Path, as_json: bool, action: str, erasure: str, what: Callable[[Erasures, str], dict[str, Any]]
) -> None:
    """One act on one request."""
    with _opened(config) as desk:
        found = desk.done(action, lambda erasures: what(erasures, desk.me), erasure)
    _json(found) if as_json else _print(found)


def run(config: Path, erasure: str | None, as_json: bool) -> None:
    """Do what is due now; a running gate does it automatically."""
    with _opened(config, secrets=True) as desk:
        local.take_over(desk.office.store)
        progress = Progress(desk.erasures, sending(desk.erasures.ports.policy))
        found = desk.done("run", lambda _: progress.run(erasure), erasure)
    if as_json:
        _json(found)
        return
    for one in found:
        _print(one)
    if not found:
        typer.echo("nothing is due")


def show_all(config: Path, state: str | None, due_before: str | None, as_json: bool) -> None:
    """Print all requests, those that are due first at the beginning."""
    if state is not None:
        known.one_of("--state", state, [one.value for one in State])
    with _opened(config) as desk:
        found = desk.done("list", lambda erasures: erasures.all(state, _day("due-before", due_before)))
    if as_json:
        _json(found)
        return
    table = Table(box=None)
    for title in ("id", "state", "due", "law", "destinations", ""):
        table.add_column(title, no_wrap=title == "id", overflow="fold")
    for one in found:
        open_ones = [
            to["name"] for to in one["destinations"] if to["state"] in ("asked", "failed", "manual", "waiting")
        ]
        note = "overdue" if one["overdue"] else "tell the person" if one["to_tell"] else ""
        table.add_row(one["id"], one["state"], one["due"], one["law"], escape(", ".join(open_ones)), note)
    Console(highlight=False, width=None if sys.stdout.isatty() else 240).print(table if found else "no requests")


def letter(config: Path, erasure: str, as_json: bool) -> None:
    """Print what the person is told."""
    with _opened(config) as desk:
        _text(desk.done("letter", lambda erasures: erasures.letter(erasure), erasure), as_json)


def task(config: Path, erasure: str, destination: str, as_json: bool) -> None:
    """Print what a person has to do about a destination."""
    with _opened(config) as desk:
        _text(desk.done("task", lambda erasures: erasures.task(erasure, destination), erasure), as_json)


def receipt(config: Path, erasure: str | None, person: bool, check: Path | None) -> None:
    """Print a receipt, or check one from a file (exit code 1 if it was changed)."""
    if check is not None:
        try:
            found = json.loads(check.read_bytes())
        except OSError as error:
            raise unreadable(check, error) from None
        except ValueError:
            raise ConfigError(f"{check}: is not a receipt; name a file that `erasure receipt` printed") from None
        if not genuine(found):
            exits.failed(f"{check}: differs from what was signed")
        typer.echo(f"signed by {found['signature']['key']}, unchanged")
        return
    if erasure is None:
        raise ConfigError("erasure: give the id of a request, or --check FILE")
    wanted = erasure
    with _opened(config) as desk:
        _json(desk.done("receipt", lambda erasures: erasures.receipt(wanted, person=person), wanted))


def replay(config: Path, path: Path | None, as_json: bool) -> None:
    """Erase all erased persons again, after a backup was restored."""
    with _opened(config) as desk:
        local.take_over(desk.office.store)
        found = desk.done("replay", lambda erasures: replayed(erasures.ports, path))
    if as_json:
        _json(found)
        return
    again = counted(len(found["erased_again"]), "person")
    typer.echo(f"{counted(found['requests'], 'erasure')}; come back since, and erased again: {again}")


class Desk:
    """Requests, with the line in the log that stands before each act."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.me = office.who
        self.erasures = service(
            lambda: office.policy, lambda: office.ring, office.store, _writer(office), office.clock, office.machine
        )

    def done(self, action: str, do: Callable[[Erasures], Any], erasure: str | None = None) -> Any:
        """What an act gives; the line before it, and its refusals as a command says them."""
        self.office.record(f"erasures/{action}", erasure=erasure)
        return _done(lambda: do(self.erasures))


def _writer(office: Office) -> AuditWriter:
    if not isinstance(office.writer, AuditWriter):
        raise TypeError("a command writes the log itself")
    return office.writer


@contextmanager
def _opened(config: Path, *, secrets: bool = False) -> Iterator[Desk]:
    with opened(config, secrets=secrets) as office:
        yield Desk(office)


def _done(do: Callable[[], Any]) -> Any:
    try:
        return do()
    except RightsError as error:
        _refused(error)


def _refused(error: RightsError) -> NoReturn:
    if error.status == 404:
        exits.absent(f"{error}; `gatekeeper erasure list` shows all")
    if error.status == 422:
        raise typer.BadParameter(str(error))
    exits.failed(str(error))


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--{option}: is not a day; write 2026-11-30") from None


def _print(found: dict[str, Any]) -> None:
    late = "  overdue" if found["overdue"] else ""
    typer.echo(f"{found['id']}  {found['state']}  due {found['due']}  {found['law']}{late}")
    for name, count in found["stores"].items():
        if count:
            typer.echo(f"  {name}: {count}")
    for one in found["destinations"]:
        rest = ", ".join(
            f"{key} {one[key]}" for key in ("reason", "why", "next", "assumed_by", "evidence") if key in one
        )
        typer.echo(f"  {one['name']}: {one['state']}{'  (' + rest + ')' if rest else ''}")
    if found["to_tell"]:
        typer.echo(
            f"  tell the person: gatekeeper erasure letter {found['id']}, then gatekeeper erasure told {found['id']}"
        )


def _text(text: str, as_json: bool) -> None:
    _json({"text": text}) if as_json else typer.echo(text, nl=False)


def _json(found: object) -> None:
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
