"""Three visitors buy in a shop: as it is, then behind Gatekeeper. Vendors are simulators on loopback.

    runs = [run(example, gated=False), run(example, gated=True)]
    print(show(example, runs))

What each vendor received is searched for what it should not have. A shop is a process of its own; it is told by the
environment where its vendors are, and `GATEKEEPER_CONFIG` names its policy, or is empty.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_plus

import httpx

from gatekeeper.testing import Received, Simulators

ROOT = Path(__file__).parent.parent
EMAIL = "jane.doe@example.com"
ADDRESS = "203.0.113.7"
PAGE = f"https://shop.example/thanks?email={EMAIL}&coupon=WELCOME10"
WORDS = {
    "order": "",  # the order's own number
    "e-mail": EMAIL,
    "e-mail hash": hashlib.sha256(EMAIL.encode()).hexdigest(),
    "IP": ADDRESS,
    "URL query": "coupon",
}


def choice(agrees: bool) -> str:
    """The cookie that a consent platform (Cookiebot) leaves."""
    word = str(agrees).lower()
    choices = "%2C".join(f"{one}:{word}" for one in ("preferences", "statistics", "marketing"))
    moment = int(time.time() - 3600) * 1000
    return (
        f"CookieConsent={{stamp:%27x%27%2Cnecessary:true%2C{choices}%2Cmethod:%27explicit%27%2Cver:1%2Cutc:{moment}}}"
    )


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who buys, and under which order number."""

    name: str
    order: str
    agrees: bool
    gpc: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """What their browser sends, through a proxy that knows their address."""
        return {"Cookie": choice(self.agrees), "X-Forwarded-For": ADDRESS, "User-Agent": "Mozilla/5.0 (X11)"} | (
            {"Sec-GPC": "1"} if self.gpc else {}
        )


VISITORS = (
    Visitor("agrees", "T-1001", agrees=True),
    Visitor("refuses", "T-1002", agrees=False),
    Visitor("agrees, with Sec-GPC", "T-1003", agrees=True, gpc=True),
)


@dataclass(frozen=True, slots=True)
class Example:
    """One folder. `command` is how its shop is started on a port; `vendors` are simulators."""

    folder: Path
    command: Callable[[int], Sequence[str]]
    vendors: Mapping[str, str]  # name -> kind of simulator
    pages: tuple[str, ...] = ()  # that must be there, too
    also: Callable[[int, Path], Sequence[str]] | None = None  # a gate of its own, where it is not in the shop's process


Seen = dict[tuple[str, str], list[str]]  # (visitor, vendor) -> what was found


def run(example: Example, *, gated: bool) -> Seen:
    """What every vendor received of every visitor, once the shop has ended."""
    with Simulators(only=example.vendors.values()) as sims, tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "SHOP_FOLDER": folder, "GATEKEEPER_CONFIG": ""}
        env |= {"GA4_API_SECRET": "s3cret", "META_ACCESS_TOKEN": "t0ken"}
        env |= {f"{name.upper()}_URL": sims[kind].url for name, kind in example.vendors.items()}
        env |= {f"{name.upper()}_DSN": sims[kind].dsn() for name, kind in example.vendors.items() if kind == "sentry"}
        if gated:
            env["GATEKEEPER_CONFIG"] = str(policy(example, Path(folder), sims))
        port, gate = free_port(), free_port()
        env["GATE_URL"] = ""
        if gated and example.also is not None:
            env["GATE_URL"] = f"http://127.0.0.1:{gate}"
            env |= {f"{name.upper()}_URL": f"{env['GATE_URL']}/gk/to/{name}" for name in example.vendors}
        processes = []
        try:
            if gated and example.also is not None:
                processes.append(start(example.also(gate, Path(env["GATEKEEPER_CONFIG"])), env, gate))
            processes.append(start(example.command(port), env, port))
            look(f"http://127.0.0.1:{port}", env["GATE_URL"], gated=gated)
            for page in example.pages:
                httpx.get(f"http://127.0.0.1:{port}{page}", trust_env=False, timeout=30).raise_for_status()
            for visitor in VISITORS:
                form = {"order": visitor.order, "email": EMAIL, "page": PAGE}
                answer = httpx.post(
                    f"http://127.0.0.1:{port}/buy", json=form, headers=visitor.headers, trust_env=False, timeout=30
                )
                assert answer.status_code == 200 and visitor.order in answer.text, answer.text
        except Exception:
            print(*(log.read_text() for log in Path(folder).glob("*.log")), file=sys.stderr)
            raise
        finally:
            for process in reversed(processes):  # the shop first: what its SDKs still hold goes out at its end
                process.send_signal(signal.SIGINT)
                process.wait(40)
        return {
            (visitor.name, name): found(visitor, sims[kind].received)
            for visitor in VISITORS
            for name, kind in example.vendors.items()
        }


def look(shop: str, gate: str, *, gated: bool) -> None:
    """The shop's page: behind the gate it has the two scripts, at addresses where they are served."""
    text = httpx.get(f"{shop}/", trust_env=False, timeout=30).raise_for_status().text
    scripts = re.findall(r'<script src="(/gk/[^"]+)"', text)
    assert len(scripts) == (2 if gated else 0), text
    for script in scripts:
        httpx.get(f"{gate or shop}{script}", trust_env=False, timeout=30).raise_for_status()


def policy(example: Example, folder: Path, sims: Simulators) -> Path:
    """The example's policy with the simulators' ports in it, where its log and store may be written."""
    text = (example.folder / "gatekeeper.toml").read_text("utf-8")
    for number, kind in enumerate(example.vendors.values()):
        text = text.replace(f"127.0.0.1:{9101 + number}", sims[kind].url.removeprefix("http://"))
    path = folder / "gatekeeper.toml"
    path.write_text(text, "utf-8")
    return path


def start(command: Sequence[str], env: dict[str, str], port: int) -> subprocess.Popen[bytes]:
    """A process, once it listens."""
    # A shell may have told its children to ignore Ctrl-C: these are ended by it.
    with (Path(env["SHOP_FOLDER"]) / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=env,
            cwd=ROOT,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    deadline = time.monotonic() + 30
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        if time.monotonic() > deadline:
            process.kill()
            break
        time.sleep(0.02)
    raise RuntimeError(f"{command} did not start: {Path(log.name).read_text()}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def found(visitor: Visitor, received: Sequence[Received]) -> list[str]:
    """What the requests about one visitor's order say of them, in the order of WORDS."""
    texts = [
        unquote_plus(unquote_plus((one.decoded or b"").decode("utf-8", "replace") + " " + one.target))
        for one in received
    ]
    mine = [text for text in texts if visitor.order in text]
    return [word for word, value in WORDS.items() if any((value or visitor.order) in text for text in mine)]


def show(example: Example, runs: Sequence[Seen]) -> str:
    """Both runs as text."""
    width = 4 + max(len(visitor.name) for visitor in VISITORS)
    columns = [
        (vendor, max(len(vendor), *(len(cell(one[visitor.name, vendor])) for one in runs for visitor in VISITORS)) + 2)
        for vendor in example.vendors
    ]
    lines = []
    for title, received in zip(("without Gatekeeper", "with Gatekeeper"), runs, strict=True):
        lines.append(title.ljust(width) + "".join(name.ljust(wide) for name, wide in columns))
        for visitor in VISITORS:
            cells = (cell(received[visitor.name, name]).ljust(wide) for name, wide in columns)
            lines.append(("  " + visitor.name).ljust(width) + "".join(cells))
        lines.append("")
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def cell(words: Sequence[str]) -> str:
    """One vendor's, of one visitor."""
    return ", ".join(words) or "nothing"


def main(example: Example) -> None:
    """Both runs, printed."""
    print(show(example, [run(example, gated=False), run(example, gated=True)]))


def python(*args: str) -> list[str]:
    """A command of this interpreter."""
    return [sys.executable, *args]
