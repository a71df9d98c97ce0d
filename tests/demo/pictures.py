"""The pictures of the demo in README and docs: `python -m tests.demo.pictures docs` makes them again."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from gatekeeper.demo.stage import stage
from tests.browsers import chromium
from tests.demo.seeing import at, compare, log_in, look, past


def main(folder: Path) -> None:
    """The question, the answer on a desktop, and the answer on a phone."""
    console(folder)
    with tempfile.TemporaryDirectory() as there, stage(Path(there)) as up, chromium.browser() as browser:
        for name, (width, height) in {"demo": (1280, 800), "demo-phone": (390, 844)}.items():
            page = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB").new_page()
            page.goto(up.shop)
            page.get_by_role("button", name="Accept all").wait_for()
            if name == "demo":
                keep(page, folder / "demo-banner.png")
            page.get_by_role("button", name="Choose", exact=True).click()
            page.get_by_role("group", name="Statistics").get_by_role("checkbox").check()
            page.get_by_role("button", name="Save choice").click()
            page.get_by_role("button", name="Close").click()
            page.evaluate("document.getElementById('order').requestSubmit()")
            page.locator("#answer li").last.wait_for()
            page.locator(".event").first.get_by_text("Valid for this vendor").last.wait_for(state="attached")
            keep(page, folder / f"{name}.png")


SHOTS = {"console-consent": at("consent?period=hour"), "console-person": look, "console-replay": compare}


def console(folder: Path) -> None:
    """The console's pages of consents, a person and a replay, on what the demo makes up."""
    with tempfile.TemporaryDirectory() as there, past(Path(there), 60) as (up, who), chromium.browser() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce").new_page()
        log_in(page, up)
        for name, go in SHOTS.items():
            go(page, up, who)
            keep(page, folder / f"{name}.png")


def keep(page, path: Path) -> None:
    """A screenshot of what can be seen, in few colours."""
    page.evaluate("document.activeElement.blur()")
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
    picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
