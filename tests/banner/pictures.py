"""The pictures of docs/banner.md, one for each state. `python -m tests.banner.pictures docs/banner` takes them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.banner.stand import Stand, changed, state

LIMIT = 60_000  # bytes of a picture
SIZE = {"width": 760, "height": 460}
PHONE = {"width": 360, "height": 640}
PAGE = """<h1>Woollen socks</h1><p>Knitted in Friesland, in all sizes, from 9 euros. They keep warm when they are wet,
and are mended free of charge as long as you wear them.</p>"""
THEME = """<style>:root { --gatekeeper-background: #fdf6ec; --gatekeeper-text: #3d2b1f; --gatekeeper-accent: #7a3b10;
--gatekeeper-accent-text: #fff; --gatekeeper-radius: 1.4em; --gatekeeper-font: Georgia, serif;
--gatekeeper-width: 40em }</style>"""
Shot = tuple[dict[str, Any], dict[str, Any], Callable[[Stand], Any], dict[str, Any]]


def nothing(stand: Stand) -> None:
    """The banner as it comes."""


def account() -> dict[str, Any]:
    """A visitor who has chosen in their account."""
    found: dict[str, Any] = changed("account", why=None, decided=True)
    for purpose in found["purposes"]:
        purpose["choice"], purpose["effective"] = "granted", True
    return found


def fails(stand: Stand) -> Any:
    """A grant that the gate does not take."""
    stand.page.evaluate("outcomes.push({ ok: false, status: 409 })")
    return stand.click("accept_all").is_shown("error")


# name -> the state, the browser, what is done, and what the page has besides
SHOTS: dict[str, Shot] = {
    "ask": (state(), {"viewport": SIZE}, nothing, {}),
    "ask-again": (changed(why="notice_changed"), {"viewport": SIZE}, nothing, {}),
    "object": (state("object"), {"viewport": SIZE}, nothing, {}),
    "preferences": (
        state(), {"viewport": {**SIZE, "height": 640}}, lambda stand: stand.click("choose").is_shown("preferences"), {},
    ),
    "saved": (state(), {"viewport": SIZE}, lambda stand: stand.click("reject_all").is_shown("saved"), {}),
    "error": (state(), {"viewport": SIZE}, fails, {}),
    "link": (state("opt-out"), {"viewport": SIZE}, nothing, {}),
    "gpc": (state("gpc"), {"viewport": SIZE}, nothing, {}),
    "toast": (account(), {"viewport": SIZE}, nothing, {}),
    "dark": (state(), {"viewport": SIZE, "color_scheme": "dark"}, nothing, {}),
    "forced-colours": (state(), {"viewport": SIZE, "forced_colors": "active"}, nothing, {}),
    "phone": (state("ask", "ar"), {"viewport": PHONE}, nothing, {}),
    "theme": (state("ask", "de"), {"viewport": SIZE}, nothing, {"head": THEME, "policy": None}),
}  # fmt: skip


def take(browser: Any, name: str) -> bytes:
    """One picture as PNG, of few colours."""
    shown, options, act, more = SHOTS[name]
    context = browser.new_context(**options)
    stand = Stand(context.new_page()).open(shown, body=PAGE, **more)
    act(stand)
    picture = Image.open(io.BytesIO(stand.page.screenshot()))
    context.close()
    assert not stand.complaints, stand.complaints
    file = io.BytesIO()
    picture.convert("RGB").quantize(32, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        file, "PNG", optimize=True
    )
    return file.getvalue()


def main(folder: Path) -> None:
    """Write all pictures."""
    from tests.browsers import chromium

    folder.mkdir(exist_ok=True)
    with chromium.browser() as browser:
        for name in SHOTS:
            (folder / f"{name}.png").write_bytes(take(browser, name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
