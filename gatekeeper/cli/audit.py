"""`gatekeeper audit tail` and `show`."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from gatekeeper.audit import read, trail
from gatekeeper.audit.following import Following
from gatekeeper.cli import exits, known
from gatekeeper.cli.console import console as open_console
from gatekeeper.cli.policy import load_policy
from gatekeeper.counting import counted
from gatekeeper.errors import AuditError
from gatekeeper.model.place import KNOWN_BY
from gatekeeper.policy import archive
from gatekeeper.runtime.wiring import machine

STATUS_STYLE = {"delivered": "green", "blocked": "red", "failed": "bold red", "pending": "yellow", "cancelled": "red"}


@dataclass(frozen=True, slots=True)
class Only:
    """Which lines `tail` prints: those that fit all that is given."""

    destination: str | None = None
    status: str | None = None
    reason: str | None = None
    event: str | None = None
    kind: str | None = None

    def __call__(self, record: dict[str, Any]) -> bool:
        """Whether a line is wanted."""
        if self.kind is not None and record.get("kind") != self.kind:
            return False
        if self.event is not None and record.get("event_type") != self.event:
            return False
        given = {"destination": self.destination, "status": self.status, "reason": self.reason}
        asked = {name: value for name, value in given.items() if value is not None}
        parts = [record, *record.get("deliveries", ())]
        return not asked or any(all(part.get(name) == value for name, value in asked.items()) for part in parts)


def tail(config: Path, lines: int, follow: bool, as_json: bool, only: Only) -> None:
    """Print the last lines, oldest first; with `follow`, go on until interrupted."""
    policy = load_policy(config, require_secrets=False)
    folder = policy.audit_folder
    known.check(policy, {"destination": only.destination, "status": only.status, "reason": only.reason}, folder)
    if only.kind is not None:
        known.one_of("--kind", only.kind, known.KINDS)
    if not follow:
        exits.need_log(folder)
    for record in read.last(folder, lines, only):
        _print_line(record, as_json)
    if follow:
        _follow(folder, as_json, only)


def show(request_id: str, config: Path, as_json: bool) -> None:
    """Print one record, of whichever machine's log, or exit with code 3."""
    policy = load_policy(config, require_secrets=False)
    folder, here = policy.audit_folder, machine(policy)
    look = read.consents if request_id.startswith("con_") else read.find
    with nullcontext(()) if here is None else here.folders() as others:
        if not others:
            exits.need_log(folder)
        found = look(folder, request_id, others)
    if look is read.consents:
        _show_consent(folder, request_id, found, as_json)
        return
    if not found:
        exits.absent(f"there is no record {request_id} in {folder}")
    if len(found) > 1:
        typer.echo(
            f"gatekeeper: {counted(len(found), 'decision')} claim {request_id}, so all but one were forged or copied; "
            "`gatekeeper audit verify` says which streams are vouched for",
            err=True,
        )
    if as_json:
        typer.echo(json.dumps(found[0] if len(found) == 1 else found, indent=2, ensure_ascii=False))
        return
    console = open_console()
    for number, record in enumerate(found, 1):
        if len(found) > 1:
            console.print(f"[bold red]decision {number} of {len(found)} that claim this id[/]")
        print_record(record, console)
        console.print()
        for sentence in trail.words(record):
            console.print(f"  {escape(sentence)}")
        kept = archive.find(policy, record["policy"]["hash"])
        where = f"is kept in {kept}" if kept else "is not kept"
        console.print(f"  The policy {escape(record['policy']['version'])} of that time {escape(where)}.")


def _show_consent(folder: Path, receipt: str, found: list[dict[str, Any]], as_json: bool) -> None:
    """Print the line of a choice, or exit with code 3."""
    if not found:
        typer.echo(f"gatekeeper: there is no record {receipt} in {folder}", err=True)
        raise typer.Exit(3)
    if as_json:
        typer.echo(json.dumps(found[0] if len(found) == 1 else found, indent=2, ensure_ascii=False))
        return
    for record in found:
        said = ", ".join(f"{purpose} {word}" for purpose, word in record["choices"].items() if word)
        typer.echo(f"{receipt}  {record['given_at']}  {said}  ({record['method']}, {record['surface']})")
        typer.echo(f"  row      sha256 {record['row']}")
        typer.echo(f"  notice   {record['notice'] or 'none'}")


def print_record(record: dict[str, Any], console: Console | None = None) -> None:
    """One record for people."""
    console = console or open_console()
    state = ", ".join(f"{purpose} {'yes' if granted else 'no'}" for purpose, granted in record["consent_state"].items())
    place = record["jurisdiction"]
    name = escape(record["event_type"])
    console.print(f"[bold]{name}[/]  {record['request_id']}{_times(record)}  {record['timestamp']}")
    console.print(f"  consent  {state}")
    where = "-".join(part for part in (place["country"], place["region"]) if part) or "unknown"
    console.print(f"  law      {', '.join(place['laws'])}")
    console.print(f"  place    {where} ({KNOWN_BY[place['how']]})")
    for signal in record["signals"]:
        said = ", ".join(f"{purpose} {word}" for purpose, word in signal["says"].items()) or signal["standing"]
        lost = f" [dim](overruled for {', '.join(signal['overruled'])})[/]" if signal["overruled"] else ""
        console.print(f"  signal   {escape(signal['source'])}: {said}{lost}")
    for delivery in record["deliveries"]:
        style = STATUS_STYLE.get(delivery["status"], "white")
        reason = f"  {delivery['reason']}" if delivery.get("reason") else ""
        console.print(f"  [{style}]{delivery['status']:9}[/] {escape(delivery['destination'])}{reason}")
        if "fields_sent" in delivery:
            sent = escape(", ".join(delivery["fields_sent"]))
            console.print(f"            sent      {sent or 'nothing but the event itself'}")
            if delivery["fields_derived"]:
                console.print(f"            derived   {', '.join(delivery['fields_derived'])}")
            causes = ", ".join(f"{name} ({why})" for name, why in delivery["stripped_because"].items())
            if causes:
                console.print(f"            stripped  {escape(causes)}")


def _times(record: dict[str, Any]) -> str:
    """How many events a line stands for, if it is more than one."""
    return f" ×{record['count']}" if "count" in record else ""


def _print_line(record: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(record, ensure_ascii=False))
        return
    console = Console(highlight=False, soft_wrap=True)
    at = record.get("timestamp", "?")
    if record.get("kind") == "decision":
        parts = [
            f"[{STATUS_STYLE[one['status']]}]{escape(one['destination'])} {one.get('reason') or one['status']}[/]"
            for one in record["deliveries"]
        ]
        name = escape(record["event_type"])
        console.print(f"{at} {record['request_id']}{_times(record)} {name}  {' · '.join(parts)}")
    elif record.get("kind") == "outcome":
        style = STATUS_STYLE.get(record["status"], "white")
        why = f" ({escape(record['reason'])})" if record["reason"] else ""
        count = len(record["request_ids"])
        console.print(
            f"{at} [{style}]{escape(record['destination'])} {record['status']}[/]{why}  "
            f"{record['request_ids'][0]}{f' and {count - 1} more' if count > 1 else ''}"
        )
    else:
        console.print(
            f"[dim]{at} {record.get('kind', '?')}: line {record.get('n', '?')} of {record.get('stream', '?')}[/]"
        )


def _follow(folder: Path, as_json: bool, only: Only) -> None:
    following = Following(folder)
    try:
        while True:
            for record in following.new():
                if only(record):
                    _print_line(record, as_json)
            time.sleep(0.2)
    except KeyboardInterrupt:
        return
    except OSError as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({error.strerror})") from None
