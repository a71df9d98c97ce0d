"""A shop's site before simulators: the gate around an app that serves one page, under a strict policy of content."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import gatekeeper
from gatekeeper.policy.load import parse_policy
from gatekeeper.shells.server import sidecar
from gatekeeper.testing import Simulators
from tests.running import ADMIN, ADMIN_TOKEN, tables, threaded

NONCE = "tests-nonce"
CSP = (
    f"default-src 'none'; script-src 'self' 'nonce-{NONCE}'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "frame-src 'self'; base-uri 'none'; trusted-types gatekeeper; require-trusted-types-for 'script'"
)
# What a banner does, in its shortest form: each button hands over its answer with the event of the click.
BUTTONS = f"""
<button id="accept">Accept</button><button id="reject">Reject</button><button id="statistics">Statistics</button>
<button id="withdraw">Withdraw</button><button id="nothing">Nothing</button>
<script nonce="{NONCE}">
window.outcomes = [];
const answer = (id, run) => document.getElementById(id).addEventListener("click", async (event) => {{
  window.outcomes.push(await run(event));
}});
const consent = (id, analytics, marketing, method) =>
  answer(id, (event) => gatekeeper.consent({{ analytics, marketing }}, {{ method, event }}));
consent("accept", true, true, "accept_all");
consent("reject", false, false, "reject_all");
consent("statistics", true, false, "save");
answer("withdraw", () => gatekeeper.withdraw());
</script>"""
SDK = '<script src="/gk/gatekeeper.js"></script>'


class Site:
    """The running site: what was asked of it, and what each simulator has."""

    def __init__(self, runtime: Any, sims: Simulators) -> None:
        self.url = ""
        self.runtime = runtime
        self.sims = sims
        self.html = page()
        self.headers: dict[str, str] = {"content-security-policy": CSP}
        self.asked: list[tuple[str, str, bytes]] = []  # method, path with query, body
        self.pixels: list[str] = []  # what the stand-ins of vendors' pixels asked for
        self.files: dict[str, str] = {}  # more scripts of the site, by path
        self.broken = False  # the gate's endpoints cannot be reached

    def posted(self) -> list[dict[str, Any]]:
        """The events that pages sent, in order."""
        found: list[dict[str, Any]] = []
        for method, path, body in list(self.asked):
            if (method, path) == ("POST", "/gk/collect"):
                found += json.loads(body)["events"]
        return found

    def requests(self, prefix: str = "/gk/") -> list[str]:
        """`GET /gk/consent` and the like, without queries, in order."""
        found = [f"{method} {path.partition('?')[0]}" for method, path, _ in list(self.asked)]
        return [one for one in found if one.split(" ")[1].startswith(prefix)]

    def until(self, what: Any, seconds: float = 15.0) -> Any:
        """What it returns, when it is true."""
        deadline = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < deadline, self.requests()
            time.sleep(0.02)
        return found

    def decisions(self) -> list[dict[str, Any]]:
        """The decision lines of the log."""
        from gatekeeper.audit.read import records

        return [line for line in records(self.runtime.policy.audit_folder) if line["kind"] == "decision"]


def page(head: str = "", body: str = BUTTONS, language: str = "en") -> str:
    """A page with the SDK in its head."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Shop</title>{SDK}{head}</head>'
        f"<body><h1>Shop</h1>{body}</body></html>"
    )


@contextmanager
def site(folder: Path, **more: Any) -> Iterator[Site]:
    """The site, under the GDPR unless `jurisdiction` says otherwise."""
    more = {"jurisdiction": {"default": "gdpr"}, "server": {"origins": []}, **more}
    with Simulators() as sims:
        policy = parse_policy(tables(folder, sims, **more), environ={ADMIN["env"]: ADMIN_TOKEN})
        app = gatekeeper.GatekeeperMiddleware(_pages, config=policy)
        one = Site(app.runtime, sims)

        async def recorded(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            if one.broken and scope["path"].startswith("/gk/"):
                await send({"type": "http.response.start", "status": 503, "headers": []})
                await send({"type": "http.response.body"})
                return
            body = bytearray()
            query = scope["query_string"].decode()
            path = scope["path"] + ("?" + query if query else "")

            async def hearing() -> Any:
                message = await receive()
                body.extend(message.get("body", b""))
                return message

            scope["site"] = one
            await app(scope, hearing, send)
            one.asked.append((scope["method"], path, bytes(body)))

        with threaded(sidecar.server(recorded)) as at:
            one.url = f"http://{at}/"
            yield one


async def _pages(scope: Any, receive: Any, send: Any) -> None:
    """`/pixel/…` is a vendor's, `/tag.js` and `files` are scripts, every other path is the page."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    one: Site = scope["site"]
    headers, body = {"content-type": "text/html; charset=utf-8", **one.headers}, one.html.encode()
    if scope["path"].startswith("/pixel/"):
        one.pixels.append(scope["path"].removeprefix("/pixel/"))
        headers, body = {"content-type": "text/plain"}, b"ok"
    elif scope["path"] in one.files:
        headers, body = {"content-type": "text/javascript"}, one.files[scope["path"]].encode()
    elif scope["path"] == "/tag.js":
        name = dict(parse_qsl(scope["query_string"].decode()))["name"]
        headers = {"content-type": "text/javascript"}
        body = f"(window.ran = window.ran || []).push({json.dumps(name)});".encode()
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
