"""The pictures of the console in README and docs: `python -m tests.console.pictures docs` makes them again."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from gatekeeper.audit import read
from tests.browsers import chromium
from tests.console.stand import logged_in, served

LIMIT = 150_000  # bytes of a picture
# name -> page, size of the window, colours
SHOTS = {
    "console-now": ("now", (1280, 1040), "light"),
    "console-now-dark": ("now", (1280, 1040), "dark"),
    "console-phone": ("now", (390, 844), "light"),
    "console-destination": ("destinations/own", (1280, 800), "light"),
    "console-audit": ("audit?destination=ads&since=1d", (1280, 800), "light"),
    "console-record": ("audit/records/{}", (1280, 1040), "light"),
}


def main(folder: Path) -> None:
    """One picture of each page, of a gate that has seen an hour's visitors."""
    with tempfile.TemporaryDirectory() as there, served(Path(there)) as (url, app), chromium.browser() as browser:
        log = app.runtime.policy.audit_folder
        first = next(one for one in read.records(log) if "jurisdiction" in one and one["event_type"] == "purchase")
        for name, (path, (width, height), scheme) in SHOTS.items():
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
            )
            page = context.new_page()
            logged_in(page, url)
            page.goto(f"{url}/gk/admin/{path.format(first['request_id'])}")
            if "audit?" in path:
                page.get_by_role("heading", name="deliver").evaluate("(one) => one.scrollIntoView()")
            keep(page.screenshot(animations="disabled"), folder / f"{name}.png")
            context.close()


def keep(shot: bytes, path: Path) -> None:
    """A screenshot, in few colours."""
    Image.open(io.BytesIO(shot)).convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(path, optimize=True)
    assert path.stat().st_size < LIMIT, path


if __name__ == "__main__":
    main(Path(sys.argv[1]))
