"""Four purchases, and what became of each: side by side, destination by destination."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gatekeeper.audit.read import find
from gatekeeper.demo.stage import Stage
from gatekeeper.errors import DeliveryError

PURCHASE: dict[str, Any] = {
    "page_url": "https://shop.example/checkout/confirmation?utm_source=newsletter&fbclid=IwAR2F4-demo&email=jane%40example.com",
    "order_value": 149.00,
    "currency": "EUR",
    "transaction_id": "T-2026-0815",
    "email": "Jane.Doe@example.com",
    "session_id": "s_98765",
    "scroll_depth": 80,
}


class Act(NamedTuple):
    """One purchase: what the visitor allowed, and whether their browser sends Sec-GPC."""

    title: str
    consent: dict[str, bool] | None
    gpc: bool = False


_COLUMN = 24
"""Letters that a destination's column has at least: the longest reason code and a border."""

ACTS = (
    Act("no consent given", None),
    Act("analytics yes, marketing no", {"necessary": True, "analytics": True, "marketing": False}),
    Act("both", {"necessary": True, "analytics": True, "marketing": True}),
    Act("both, and the browser sends Sec-GPC: 1", {"necessary": True, "analytics": True, "marketing": True}, gpc=True),
)


def walk(on: Stage, console: Console) -> list[dict[str, Any]]:
    """Buy four times and show each; returns the four records."""
    console.print("The purchase, as the shop posts it to the gate:")
    console.print("  " + escape(", ".join(f"{name}={value}" for name, value in PURCHASE.items())), style="dim")
    records = []
    with httpx.Client(trust_env=False, headers={"user-agent": "Mozilla/5.0 (demo)"}) as browser:
        for number, act in enumerate(ACTS, 1):
            record = _buy(on, browser, act)
            records.append(record)
            console.print(side_by_side(number, act, record, console.width))
    console.print(
        "Personal data only leaves as a hash, and only under marketing: "
        + ("[green]confirmed[/] in every byte the simulators kept." if not leaks(on) else "[bold red]VIOLATED[/]")
    )
    return records


def leaks(on: Stage) -> list[str]:
    """Simulators that received the e-mail address in clear."""
    return [
        simulator.kind
        for simulator in on.simulators
        if any(b"jane" in request.raw.lower() for request in simulator.received)
    ]


def _buy(on: Stage, browser: httpx.Client, act: Act) -> dict[str, Any]:
    event: dict[str, Any] = {"event": "purchase", "data": PURCHASE}
    if act.consent is not None:
        event["consent"] = act.consent
    answer = browser.post(f"{on.url}/collect", json=event, headers={"sec-gpc": "1"} if act.gpc else {})
    answer.raise_for_status()
    (request_id,) = answer.json()["request_ids"]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for record in find(on.runtime.policy.audit_folder, request_id):
            if all(one["status"] != "pending" for one in record["deliveries"]):
                return record
        time.sleep(0.02)
    raise DeliveryError("the simulators did not answer in time")


def side_by_side(number: int, act: Act, record: dict[str, Any], width: int) -> Table:
    """What became of a purchase: a column for each destination, or a row where the terminal is too narrow for that."""
    table = Table(title=f"\n{number}. {act.title}", title_justify="left", title_style="bold", show_lines=False)
    names = [delivery["destination"] for delivery in record["deliveries"]]
    cells: list[list[str]] = [["status"], ["received"], ["stripped"]]
    for delivery in record["deliveries"]:
        if delivery["status"] == "blocked":
            cells[0].append(f"[red]blocked[/]\n{delivery['reason']}")
            cells[1].append("nothing")
            cells[2].append("everything")
            continue
        colour = "green" if delivery["status"] == "delivered" else "yellow"
        cells[0].append(f"[{colour}]{delivery['status']}[/]\nbasis: {delivery['consent_basis']}")
        derived = [f"{name} (derived)" for name in delivery["fields_derived"]]
        scrubbed = delivery["scrubbed"]
        sent = [name + (f" (without {', '.join(scrubbed[name])})" if name in scrubbed else "") for name in
                delivery["fields_sent"]]  # fmt: skip
        cells[1].append("\n".join(map(escape, [*sent, *derived])))
        cells[2].append("\n".join(f"{escape(name)}: {why}" for name, why in delivery["stripped_because"].items()))
    columns = [["", *names], *cells]
    if width < _COLUMN * len(columns[0]):
        columns = [list(row) for row in zip(*columns, strict=True)]
    for title in columns[0]:
        # Codes are what is to be seen: they are not broken.
        table.add_column(title, no_wrap=title in ("", "status"), overflow="fold")
    for row in columns[1:]:
        table.add_row(*row)
    table.caption = record["request_id"]
    table.caption_justify = "left"
    return table
