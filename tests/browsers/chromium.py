"""Chromium, headless, by playwright."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.browsers.engines import Engine, Page, Visitor

BINARY = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = "no Chromium here: `apt-get install chromium` gets it (as root, `.ci/browser` does that)"
FLAGS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-first-run",
]
_GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true, configurable: true})"


@contextmanager
def browser() -> Iterator[Any]:
    """Playwright's browser, with its back/forward cache. Root, as in a container, has no sandbox."""
    from playwright.sync_api import sync_playwright

    flags = [*FLAGS, "--no-sandbox"] if os.getuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(
            executable_path=BINARY,
            headless=True,
            args=flags,
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield one
        one.close()


class Chromium(Engine):
    """The engine around playwright's browser."""

    name = "chromium"

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    def visitor(self, *, gpc: bool = False) -> Visitor:
        context = self._browser.new_context(locale="en-GB", extra_http_headers={"Sec-GPC": "1"} if gpc else {})
        if gpc:
            context.add_init_script(_GPC)
        return _Visitor(context)


class _Visitor(Visitor):
    def __init__(self, context: Any) -> None:
        self.context = context

    def open(self, url: str) -> Page:
        page = _Page(self.context.new_page())
        page.goto(url)
        return page

    def cookies(self) -> dict[str, str]:
        return {cookie["name"]: cookie["value"] for cookie in self.context.cookies()}

    def close(self) -> None:
        self.context.close()


class _Page(Page):
    def __init__(self, page: Any) -> None:
        self.page = page

    def goto(self, url: str) -> None:
        self.page.goto(url)

    def evaluate(self, function: str, *args: Any) -> Any:
        found = self.page.evaluate(f"async (args) => JSON.stringify(await ({function})(...args) ?? null)", list(args))
        return json.loads(found)

    def click_at(self, x: int, y: int) -> None:
        self.page.mouse.click(x, y)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def back(self) -> None:
        self.page.go_back(wait_until="commit")

    def forward(self) -> None:
        self.page.go_forward(wait_until="commit")
