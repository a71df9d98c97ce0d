"""docs/calls.md says which paths are taken, and is right."""

import re
from pathlib import Path

import pytest

from gatekeeper.vendors import DIALECTS, by_kind, find
from tests.native import kit
from tests.native.kit import gate_of

FORMATS = by_kind(DIALECTS)
DOC = (Path(__file__).parents[2] / "docs" / "calls.md").read_text("utf-8")
SECTION = DOC.partition("## The site's own analytics")[2]
ROWS = {
    cells[1].strip(" `"): re.findall(r"`([^`]+)`", cells[2])
    for line in SECTION.splitlines()
    if line.startswith("| `") and "`speaks`" not in line and (cells := line.split("|"))
}


def test_every_product_has_its_row():
    """And no other."""
    assert {one.NAME.partition(" ")[0] for one in DIALECTS if one.KIND == "first_party"} == ROWS.keys()


@pytest.mark.parametrize(("product", "path"), [(product, path) for product, paths in ROWS.items() for path in paths])
def test_every_path_that_is_written_there_is_taken(product, path):
    """By POST or GET, with and without the slash at the end where the row has one."""
    to = gate_of(product).policy.destinations["it"]
    path = path.replace("<key>", "phc_1" if product == "posthog" else "WK")
    for spelling in {path, path.rstrip("/")}:
        assert find(to, "POST", spelling, FORMATS) or find(to, "GET", spelling, FORMATS)


ADS = [
    (cells[1].strip().partition(",")[0].strip("`"), path)
    for line in DOC.splitlines()
    if line.startswith(("| `google_ads`,", "| `tiktok`,")) and (cells := line.split("|"))
    for path in re.findall(r"`([^`]+)`", cells[2])
]


@pytest.mark.parametrize(("kind", "path"), ADS)
def test_every_path_of_google_ads_and_tiktok_is_taken(kind, path):
    """With a number in the place of `<id>` and `<N>`, as the vendors write them."""
    assert len(ADS) == 19
    to = kit.gate_of(kind).policy.destinations["it"]
    assert find(to, "POST", path.replace("<id>", "1071635065").replace("<N>", "26"), FORMATS)
