"""docs/banner.md: every state and variable of the banner is there, with a picture that is small."""

import re
from pathlib import Path

from gatekeeper.browser import template
from tests.banner.pictures import LIMIT, SHOTS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "banner.md").read_text("utf-8")
SOURCE = template("banner.js")


def test_every_state_is_on_the_page():
    """Those that the table at the head of banner.js names, and no other."""
    head = SOURCE.partition("*/")[0]
    named = set(re.findall(r"^ \*   ([a-z]+) ", head, re.MULTILINE)) - {"view"} | set(re.findall(r"`([a-z-]+)`", head))
    named -= {"why", "state", "gatekeeper-banner", "data-gatekeeper-show"}
    table = PAGE.partition("## States")[2].partition("## Variables")[0]
    assert set(re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE)) - {"state"} == named


def test_every_variable_is_on_the_page():
    """With its default."""
    used = set(re.findall(r"var\((--gatekeeper-[a-z-]+)", SOURCE))
    assert set(re.findall(r"^\| `(--gatekeeper-[a-z-]+)`", PAGE, re.MULTILINE)) == used


def test_every_picture_is_there_and_small():
    """Taken by `tests/banner/pictures.py`, and shown."""
    files = {file.stem: file.stat().st_size for file in (DOCS / "banner").glob("*.png")}
    assert set(files) == set(SHOTS) == set(re.findall(r"\(banner/([a-z-]+)\.png\)", PAGE))
    assert max(files.values()) <= LIMIT
