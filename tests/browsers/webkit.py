"""WebKit: WebKitGTK's MiniBrowser by its own WebDriver, under Xvfb; plain WebDriver over HTTP.

Source: https://www.w3.org/TR/webdriver2/. Each visitor is a browser of its own, with
a driver of its own, which has one session at most.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.browsers.engines import Engine, Page, Visitor
from tests.running import free_port

_FOLDERS = ("/usr/lib", "/usr/libexec")
MINI = next((path for folder in _FOLDERS for path in Path(folder).glob("**/webkit2gtk-4*/MiniBrowser")), None)
BINARY = shutil.which("WebKitWebDriver") if MINI is not None and shutil.which("Xvfb") else None
MISSING = "no WebKit here: `apt-get install webkit2gtk-driver xvfb` gets it (as root, `.ci/browser` does that)"
_KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Shift": "\ue008", "Space": " "}


@contextmanager
def browser() -> Iterator[WebKit]:
    """A screen that nobody sees, for browsers to come up on."""
    read, write = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"],
        pass_fds=(write,), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        with os.fdopen(read) as told:
            yield WebKit(f":{told.readline().strip()}")
    finally:
        screen.terminate()
        screen.wait(30)


class WebKit(Engine):
    """The engine on its screen."""

    name = "webkit"

    def __init__(self, display: str) -> None:
        self._display = display

    def visitor(self, *, gpc: bool = False) -> Visitor:
        assert not gpc, "WebKitGTK has no Global Privacy Control"
        return _Visitor(self._display)


class _Visitor(Visitor):
    """One driver, which has one session at most."""

    def __init__(self, display: str) -> None:
        port = free_port()
        environ = os.environ | {
            "DISPLAY": display,
            "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # root in a container has none; the pages are the tests'
            "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
            "NO_AT_BRIDGE": "1",
        }
        self._driver = subprocess.Popen(
            [str(BINARY), f"--port={port}", "--host=127.0.0.1"],
            env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60)
        try:
            _until_up(self._http)
            options = {"binary": str(MINI), "args": ["--automation"]}
            wanted = {
                "alwaysMatch": {
                    "browserName": "MiniBrowser",
                    "webkitgtk:browserOptions": options,
                    # A script whose page goes away meanwhile is never answered.
                    "timeouts": {"script": 8_000},
                }
            }
            self._session = _value(self._http.post("/session", json={"capabilities": wanted}))["sessionId"]
        except BaseException:
            self._end()
            raise
        self._fresh = True

    def _end(self) -> None:
        self._http.close()
        self._driver.terminate()
        try:
            self._driver.wait(10)
        except subprocess.TimeoutExpired:
            self._driver.kill()
            self._driver.wait()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A command's value."""
        answer = self._http.request(method, f"/session/{self._session}/{path}", json={} if body is None else body)
        return _value(answer)

    def open(self, url: str) -> Page:
        if self._fresh:
            self._fresh = False
            handle = self.call("GET", "window")
        else:
            handle = self.call("POST", "window/new", {"type": "tab"})["handle"]
        page = _Page(self, handle)
        page.goto(url)
        return page

    def cookies(self) -> dict[str, str]:
        return {cookie["name"]: cookie["value"] for cookie in self.call("GET", "cookie")}

    def close(self) -> None:
        try:
            self._http.delete(f"/session/{self._session}", timeout=10)
        except httpx.HTTPError:
            pass  # the browser is gone, and its driver is ended below
        finally:
            self._end()


def _until_up(http: httpx.Client) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if http.get("/status").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("WebKitWebDriver did not come up")


class _Page(Page):
    def __init__(self, visitor: _Visitor, handle: str) -> None:
        self._visitor = visitor
        self._handle = handle

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        self._visitor.call("POST", "window", {"handle": self._handle})
        return self._visitor.call(method, path, body)

    def goto(self, url: str) -> None:
        self._call("POST", "url", {"url": url})

    def evaluate(self, function: str, *args: Any) -> Any:
        source = (
            "const done = arguments[arguments.length - 1];"
            f"Promise.resolve().then(() => ({function})(...{json.dumps(args)}))"
            ".then((value) => done({ json: JSON.stringify(value ?? null) }))"
            ".catch((error) => done({ error: String(error) }));"
        )
        found = self._call("POST", "execute/async", {"script": source, "args": []})
        assert "error" not in found, found["error"]
        return json.loads(found["json"])

    def click_at(self, x: int, y: int) -> None:
        steps = [
            {"type": "pointerMove", "duration": 0, "x": x, "y": y, "origin": "viewport"},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps}
        self._call("POST", "actions", {"actions": [mouse]})

    def press(self, key: str) -> None:
        names = [_KEYS.get(one, one) for one in key.split("+")]
        steps = [{"type": "keyDown", "value": name} for name in names]
        steps += [{"type": "keyUp", "value": name} for name in names[::-1]]
        self._call("POST", "actions", {"actions": [{"type": "key", "id": "keys", "actions": steps}]})

    def back(self) -> None:
        self._call("POST", "back")

    def forward(self) -> None:
        self._call("POST", "forward")


def _value(answer: httpx.Response) -> Any:
    value = answer.json()["value"]
    assert answer.status_code == 200, value
    return value
