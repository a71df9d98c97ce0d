"""Reading the log. Files in, records out: decision lines joined with the outcomes that came later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from gatekeeper.errors import AuditError

GUIDE_KEYS = ("timestamp", "request_id", "event_type", "consent_state", "deliveries")


def files(folder: Path) -> list[Path]:
    """The log's open files, oldest first."""
    return sorted(folder.glob("*.jsonl"))


def records(folder: Path) -> Iterator[dict[str, Any]]:
    """Every whole line as an object, file by file. Raises AuditError if the folder cannot be read."""
    try:
        for path in files(folder):
            with path.open("rb") as file:
                yield from parse(file)
    except OSError as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({error.strerror})") from None


def parse(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Lines as objects. A torn last line, as a crash leaves it, is left out."""
    for line in lines:
        if line.endswith(b"\n"):
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue


def find(folder: Path, request_id: str) -> dict[str, Any] | None:
    """The record of one request: its decision, with the last outcome of each delivery."""
    decision: dict[str, Any] | None = None
    outcomes = []
    for record in records(folder):
        if record.get("request_id") == request_id:
            decision = record
        elif request_id in record.get("request_ids", ()):
            outcomes.append(record)
    return None if decision is None else join(decision, outcomes)


def join(decision: dict[str, Any], outcomes: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The guide's record: its five keys first, then ours."""
    last = {outcome["destination"]: outcome for outcome in outcomes}
    deliveries = []
    for delivery in decision["deliveries"]:
        outcome = last.get(delivery["destination"])
        if outcome is not None and delivery["status"] == "pending":
            delivery = delivery | {"status": outcome["status"], "attempts": outcome["attempts"]}
            if outcome["reason"] is not None:
                delivery["reason"] = outcome["reason"]
        deliveries.append(delivery)
    record = decision | {"deliveries": deliveries}
    return {key: record[key] for key in GUIDE_KEYS} | {
        key: value for key, value in record.items() if key not in GUIDE_KEYS and key != "kind"
    }
