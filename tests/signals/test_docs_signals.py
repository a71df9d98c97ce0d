"""docs/signals.md lists every reader, its cookies, its map, every GPP section, fault and parameter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gatekeeper.model import Purpose, Standing
from gatekeeper.signals import parameters
from gatekeeper.signals.cookies import READERS
from gatekeeper.signals.cookies.reader import Reader
from gatekeeper.signals.flags import google, rudderstack, segment, shopify, walkeros
from gatekeeper.signals.gpp import US_SECTIONS
from gatekeeper.signals.tcf import PURPOSES

DOCS = (Path(__file__).parents[2] / "docs" / "signals.md").read_text("utf-8")
PLATFORMS = DOCS.split("| Platform |")[1].split("\n\n")[0]
ROWS = {match[1]: match[0] for match in re.finditer(r"^\| `([^`]+)` \|.*$", PLATFORMS, flags=re.MULTILINE)}
ORIGINS = DOCS.split("| Platform | Forms |")[1].split("\n\n")[0]
FORMS = dict(re.findall(r"^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|$", ORIGINS, flags=re.MULTILINE))
FAULTS = ("tcf_v1", "global_scope", "policy_lt_4", "no_disclosed_vendors", "cmp_id_lt_2")


@pytest.mark.parametrize("reader", READERS, ids=[reader.SOURCE for reader in READERS])
def test_every_reader_has_its_row(reader: Reader) -> None:
    """Id, every cookie name and every category of the default map with its purpose."""
    row = ROWS[reader.SOURCE]
    for name in (*reader.NAMES, *(f"{prefix}*" for prefix in reader.PREFIXES)):
        assert f"`{name}`" in row
    for category in reader.CATEGORIES:
        assert f"`{category}`" in row
    assert reader.CATEGORIES == {} or Purpose.ANALYTICS in row


def test_no_row_stands_for_a_reader_that_is_gone() -> None:
    """The first table of platforms and the registry name the same platforms."""
    assert list(ROWS) == [reader.SOURCE for reader in READERS]


@pytest.mark.parametrize("reader", READERS, ids=[reader.SOURCE for reader in READERS])
def test_every_reader_says_where_its_forms_are_known_from(reader: Reader) -> None:
    """The page has the source that the module names, word for word."""
    source = " ".join((reader.__doc__ or "").split("Source:")[1].split())
    assert source == FORMS[reader.SOURCE]


def test_formats_that_omit_refusals_are_named() -> None:
    """Their maps work differently, so the page says which they are."""
    paragraph = DOCS.split("**Formats that list accepted categories only**")[1].split("\n\n")[0]
    named = set(re.findall(r"`([a-z0-9-]+)`", paragraph))
    assert named == {reader.SOURCE for reader in READERS if reader.OMITS_REFUSALS}


def test_the_table_of_tcf_purposes_is_the_default_one() -> None:
    """What the page says is what the data file says."""
    for purpose, numbers in PURPOSES.items():
        assert f"| {purpose} | {', '.join(map(str, numbers))} |" in DOCS


@pytest.mark.parametrize(("number", "name"), US_SECTIONS.items())
def test_every_us_section_has_its_row(number: int, name: str) -> None:
    """Id and name."""
    assert f"| {number} | `{name}` |" in DOCS


@pytest.mark.parametrize("word", [*Standing, *FAULTS, *parameters.NAMES])
def test_every_standing_fault_and_parameter_is_explained(word: str) -> None:
    """Each in backticks somewhere on the page."""
    assert f"`{word}`" in DOCS


@pytest.mark.parametrize("flag", [google, segment, rudderstack, walkeros, shopify], ids=lambda flag: flag.SOURCE)
def test_every_flag_has_its_row(flag: object) -> None:
    """Source and the names that are mapped by default."""
    rows = re.findall(rf"^\| `{flag.SOURCE}` \|.*$", DOCS, flags=re.MULTILINE)  # type: ignore[attr-defined]
    assert all(f"`{name}`".lower() in rows[-1].lower() for name in getattr(flag, "CATEGORIES", ()))
