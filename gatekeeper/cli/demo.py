"""`gatekeeper demo`: run the demo shop behind a gate."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from gatekeeper.audit.read import GUIDE_KEYS
from gatekeeper.counting import counted
from gatekeeper.demo.history import Told
from gatekeeper.demo.stage import stage
from gatekeeper.demo.walk import walk

FOLDER = Path("var/demo")
EVENT = '{"event": "purchase", "consent": {"analytics": true}, "data": {"order_value": 149, "session_id": "s_1"}}'


def run(once: bool, port: int, minutes: int, seed: int) -> None:
    """Make up `minutes` of visitors, walk through the purchases; then, unless `once`, serve until interrupted."""
    console = Console(highlight=False)
    plain = Console(highlight=False, soft_wrap=True)  # what is to be copied is not wrapped
    if minutes:
        console.print(f"Making up visitors of {counted(minutes, 'minute')}, by the real gate: some seconds ...")
    with stage(FOLDER, port, minutes=minutes, seed=seed) as up:
        if up.past is not None:
            console.print(_told(up.past))
        elif minutes:
            console.print("The log has them already.")
        console.print(f"The gate is at [bold]{up.url}[/], its vendors are simulators on loopback.\n")
        records = walk(up, console)
        console.print("\nThe record of the second purchase, as `gatekeeper audit show` prints it:")
        shown = {key: records[1][key] for key in GUIDE_KEYS}
        console.print(escape(json.dumps(shown, indent=2)), style="dim")
        config = up.policy_path
        plain.print(f"\nMore:  gatekeeper audit tail --config {config}")
        plain.print(f"       gatekeeper audit show {records[1]['request_id']} --config {config}")
        if once:
            return
        plain.print(f"       curl {up.url}/collect -d '{escape(EVENT)}'")
        console.print(f"\nThe console, with all of this in it: open [bold]{up.console}[/]")
        plain.print(f"  and log in with this token, which is valid until the demo stops: [bold]{up.token}[/]")
        console.print(f"Now buy something yourself: open [bold]{up.shop}[/] in a browser. Stop with Ctrl-C.")
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
        try:
            while True:
                time.sleep(1.0)  # a signal that another thread received is heard at the latest now
        except KeyboardInterrupt:
            console.print("stopped")


def _told(past: Told) -> str:
    return (
        f"Made up: {counted(past.visitors, 'visitor')}, {counted(past.events, 'event')}, "
        f"{counted(past.choices, 'choice')}, {counted(past.requests, 'person')} who asked to be erased.\n"
    )
