"""The pictures of the console in README and docs: `python -m tests.console.pictures docs` makes them again."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from gatekeeper.audit import read
from tests.browsers import chromium
from tests.console.stand import SIZES, logged_in, served

LIMIT = 150_000  # bytes of a picture
# name -> page, size, colours, and whether all of the page is shown
SHOTS = {
    "console-now": ("now", "desktop", "light", False),
    "console-now-dark": ("now", "desktop", "dark", False),
    "console-phone": ("now", "phone", "light", False),
    "console-destination": ("destinations/own", "desktop", "light", False),
    "console-audit": ("audit?destination=ads&since=1d", "desktop", "light", False),
    "console-record": ("audit/records/{}", "desktop", "light", False),
}


def main(folder: Path) -> None:
    """One picture of each page, of a gate that has seen an hour's visitors."""
    with tempfile.TemporaryDirectory() as there, served(Path(there)) as (url, app), chromium.browser() as browser:
        log = app.runtime.policy.audit_folder
        first = next(one for one in read.records(log) if "jurisdiction" in one and one["event_type"] == "purchase")
        for name, (path, size, scheme, whole) in SHOTS.items():
            width, height = SIZES[size]
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
            )
            page = context.new_page()
            logged_in(page, url)
            page.goto(f"{url}/gk/admin/{path.format(first['request_id'])}")
            if "audit?" in path:
                page.get_by_role("heading", name="deliver").scroll_into_view_if_needed()
            keep(page.screenshot(animations="disabled", full_page=whole), folder / f"{name}.png")
            context.close()


def keep(shot: bytes, path: Path) -> None:
    """A screenshot, in few colours."""
    Image.open(io.BytesIO(shot)).convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(path, optimize=True)
    assert path.stat().st_size < LIMIT, path


if __name__ == "__main__":
    main(Path(sys.argv[1]))
