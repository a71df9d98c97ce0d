"""Firefox, headless, by WebDriver BiDi over a WebSocket: no geckodriver, no client library.

Source: https://w3c.github.io/webdriver-bidi/. Each visitor is a user context, with cookies and storage of its own; a
visitor with GPC is a browser of its own, because the signal is a preference of the whole browser.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browsers.engines import Engine, Page, Visitor

BINARY = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
MISSING = "no Firefox here: `apt-get install firefox-esr` gets it (as root, `.ci/browser` does that)"
_PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "intl.accept_languages": "en-GB, en",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.active-protocols": 1,
    "services.settings.server": "http://127.0.0.1:9/",
    "toolkit.telemetry.server": "",
}
_KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Shift": "\ue008", "Space": " "}


@contextmanager
def browser(*, gpc: bool = False) -> Iterator[Firefox]:
    """A running Firefox with a profile of its own."""
    from websockets.sync.client import connect

    with tempfile.TemporaryDirectory(prefix="firefox") as profile:
        chosen = {**_PREFERENCES, "privacy.globalprivacycontrol.enabled": gpc}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in chosen.items()]
        (Path(profile) / "user.js").write_text("".join(lines))
        words = [str(BINARY), "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            assert process.stderr is not None
            found = next(filter(None, (re.search(r"BiDi listening on (ws://\S+)", line) for line in process.stderr)))
            with connect(found[1] + "/session", max_size=None, proxy=None) as socket:
                yield Firefox(_Session(socket), gpc=gpc)
        finally:
            process.terminate()
            process.communicate(timeout=30)


class _Session:
    """One BiDi session: a command out, its answer in; events in between are dropped."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._id = 0
        self.call("session.new", capabilities={"alwaysMatch": {"unhandledPromptBehavior": {"default": "accept"}}})

    def call(self, method: str, **params: Any) -> Any:
        """A command's result."""
        self._id += 1
        self._socket.send(json.dumps({"id": self._id, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == self._id:
                assert answer["type"] == "success", f"{method}: {answer.get('error')}: {answer.get('message')}"
                return answer["result"]


class Firefox(Engine):
    """The engine around one session."""

    name = "firefox"

    def __init__(self, session: _Session, *, gpc: bool) -> None:
        self.session = session
        self._gpc = gpc

    def visitor(self, *, gpc: bool = False) -> Visitor:
        if gpc and not self._gpc:
            held = browser(gpc=True)
            return _Visitor(held.__enter__().session, held)
        return _Visitor(self.session)


class _Visitor(Visitor):
    def __init__(self, session: _Session, held: Any = None) -> None:
        self._session = session
        self._held = held
        self._user = session.call("browser.createUserContext")["userContext"]

    def open(self, url: str) -> Page:
        made = self._session.call("browsingContext.create", type="tab", userContext=self._user)
        page = _Page(self._session, made["context"])
        page.goto(url)
        return page

    def cookies(self) -> dict[str, str]:
        partition = {"type": "storageKey", "userContext": self._user}
        found = self._session.call("storage.getCookies", partition=partition)["cookies"]
        return {cookie["name"]: cookie["value"]["value"] for cookie in found}

    def close(self) -> None:
        self._session.call("browser.removeUserContext", userContext=self._user)
        if self._held is not None:
            self._held.__exit__(None, None, None)


class _Page(Page):
    def __init__(self, session: _Session, context: str) -> None:
        self._session = session
        self._context = context

    def goto(self, url: str) -> None:
        self._session.call("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def resize(self, width: int, height: int) -> None:
        """Give the page a window of this size, in CSS pixels."""
        size = {"width": width, "height": height}
        self._session.call("browsingContext.setViewport", context=self._context, viewport=size)

    def evaluate(self, function: str, *args: Any) -> Any:
        # Through JSON: BiDi's own values have types of their own.
        source = f"async () => JSON.stringify(await ({function})(...{json.dumps(args)}) ?? null)"
        found = self._session.call(
            "script.callFunction",
            functionDeclaration=source,
            awaitPromise=True,
            target={"context": self._context},
        )
        assert found["type"] == "success", found["exceptionDetails"]["text"]
        return json.loads(found["result"]["value"])

    def click_at(self, x: int, y: int) -> None:
        self._session.call("browsingContext.activate", context=self._context)
        steps = [
            {"type": "pointerMove", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._act({"type": "pointer", "id": "mouse", "actions": steps})

    def press(self, key: str) -> None:
        self._session.call("browsingContext.activate", context=self._context)
        names = [_KEYS.get(one, one) for one in key.split("+")]
        steps = [{"type": "keyDown", "value": name} for name in names]
        self._act(
            {"type": "key", "id": "keys", "actions": steps + [{"type": "keyUp", "value": n} for n in names[::-1]]}
        )

    def _act(self, source: dict[str, Any]) -> None:
        self._session.call("input.performActions", context=self._context, actions=[source])

    def back(self) -> None:
        self._session.call("browsingContext.traverseHistory", context=self._context, delta=-1)

    def forward(self) -> None:
        self._session.call("browsingContext.traverseHistory", context=self._context, delta=1)
