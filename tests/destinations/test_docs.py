"""docs/destinations.md tells of every kind what its `KIND` and `Settings` say."""

import re
from pathlib import Path

import pytest

from gatekeeper.fields import CATALOGUE
from gatekeeper.testing import hashing_vectors
from gatekeeper.vendors import KINDS
from gatekeeper.vendors.settings import Common

PAGE = (Path(__file__).parents[2] / "docs" / "destinations.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## `(\w+)`: (.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))


def row(section: str, name: str) -> str:
    """The right column of a line of a section's table."""
    found = re.search(rf"^\| {name} \| (.*) \|$", section, re.MULTILINE)
    assert found, name
    return found[1]


def test_every_kind_has_its_section_and_no_other():
    """In the order of the registry."""
    assert list(SECTIONS) == list(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_a_section_says_what_the_kind_says(name):
    """Purpose, fields, keys, limits, deletion; and prose for hashing, minimum and answers."""
    kind, section = KINDS[name].KIND, SECTIONS[name]
    assert section.startswith(kind.title)
    purpose, _, allowed = row(section, "Purpose").partition("; allowed: ")
    assert purpose == (kind.purpose or "must be given")
    assert set(allowed.split(", ")) == kind.allowed_purposes
    assert row(section, "Legal basis") == kind.legal_basis
    fields = [CATALOGUE.by_key[field].name if field in kind.clear else field for field in kind.fields]
    assert row(section, "Default fields") == ", ".join(f"`{field}`" for field in fields)
    keys = row(section, "Keys")
    own = KINDS[name].Settings.model_fields.keys() - Common.model_fields.keys() - {"kind"}
    assert [key for key in own if f"`{key}`" not in keys] == []
    if kind.calls_only:
        assert row(section, "Takes") == "calls only"
    else:
        attempts = "until it is too old" if kind.max_attempts is None else str(kind.max_attempts)
        assert row(section, "Events per request") == str(kind.batch_events)
        assert row(section, "Oldest event") == f"{kind.max_age / 86_400:g} days"
        assert row(section, "Attempts") == attempts
    assert row(section, "Deletion") == kind.deletion
    for title in ("Hashing and flags", "Minimum", "Answers"):
        assert f"**{title}.**" in section


@pytest.mark.parametrize("kind", ["meta_capi", "google_ads", "tiktok"])
def test_the_comparison_is_what_the_vectors_say(kind):
    """Where a shipped vector has the value of a row, the table gives its normal form."""
    head, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")
    ][:9]
    column = head.index(f"`{kind}`")
    shown = {line[0].rpartition(" `")[2].strip("`") if " `" in line[0] else line[0].strip("`"): line for line in rows}
    compared = [vector for vector in hashing_vectors(kind) if vector.input.strip() in shown]
    assert len(compared) >= 3
    for vector in compared:
        cell = shown[vector.input.strip()][column]
        assert cell == f"`{vector.normal}`" + (" in clear" if vector.clear else "")
