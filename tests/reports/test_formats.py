"""The formats: each holds every cell with its origin, and none can be made to run something."""

import csv
import io
import json
import sys
from html.parser import HTMLParser

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.errors import ConfigError
from gatekeeper.reports.cells import Cell, Document, Origin, Sheet, fill
from gatekeeper.reports.formats import FORMATS, rows_of, safe
from gatekeeper.reports.law import statements
from gatekeeper.reports.ropa import ropa
from tests.reports.builders import complete_policy, declared

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")']


def document(*texts, origin="policy.x"):
    """A report with these values, one to fill and one that differs."""
    cells = [Cell(text, Origin.POLICY, origin) for text in texts]
    cells += [fill("records.dpo"), Cell("more", Origin.LOG, "a week", differs=True)]
    rows = [(Cell(str(n), Origin.PRODUCT, "row"), cell) for n, cell in enumerate(cells)]
    return Document("r", "A title", (("policy", "t"),), (Sheet.of("S", ("n", "value"), rows),), statements("art30"))


def opened(made):
    """A workbook, read again from its bytes."""
    return openpyxl.load_workbook(io.BytesIO(FORMATS["xlsx"](made)))


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_a_spreadsheet_is_a_formula(formula):
    """In CSV and in the workbook, opened again: values, origins, titles."""
    made = document(formula, origin=formula)
    for page in opened(made):
        for row in page.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                assert not str(cell.value or "").startswith(("=", "+", "-", "@", "\t", "\r"))
    for row in csv.reader(io.StringIO(FORMATS["csv"](made).decode("utf-8-sig"))):
        assert not any(part.startswith(("=", "+", "-", "@", "\t", "\r")) for part in row)


def test_the_workbook_opens_again_with_every_cell():
    """Each sheet of the record, and a sheet with the origin of every cell."""
    made = ropa(declared(complete_policy()), None, ())
    book = opened(made)
    assert book.sheetnames == ["Controller", "Processing", "Fields", "Origins", "Sources"]
    for sheet in made.sheets:
        read = [tuple(row) for row in book[sheet.name].iter_rows(values_only=True)]
        assert read == [sheet.columns, *(tuple(safe(cell.shown) for cell in row) for row in sheet.rows)]
    assert book["Origins"].max_row == 1 + len(list(rows_of(made)))
    texts = [row[0] for row in book["Sources"].iter_rows(values_only=True)]
    assert "note" in texts and book["Sources"].max_row > 3


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_any_text_can_be_written_in_every_format(texts):
    """Control characters, surrogate halves aside, markup and formulas."""
    made = document(*texts)
    for write in FORMATS.values():
        assert write(made)
    assert all(cell.data_type != "f" for page in opened(made) for row in page.iter_rows() for cell in row)


def test_sheets_have_names_that_a_workbook_takes():
    """Long ones, odd ones, and two that differ in letter case alone."""
    rows = [(Cell("x", Origin.PRODUCT, "x"),)]
    names = ["a" * 40, "a" * 40, "A", "a", "x/y:z", "History"]
    made = Document("r", "t", (), tuple(Sheet.of(name, ("c",), rows) for name in names), ())
    sheets = opened(made).sheetnames
    assert len(sheets) == len(names) + 2 and all(len(name) <= 31 for name in sheets)


def test_json_has_every_cell_with_origin_and_state():
    """For programs."""
    found = json.loads(FORMATS["json"](document("v")))
    assert found["sheets"][0]["rows"][0]["value"] == {"value": "v", "origin": "policy policy.x", "state": "fine"}
    assert [one["state"] for one in found["findings"]] == ["to fill", "differs"]
    assert found["note"].startswith("This document is not legal advice") and found["sources"][0]["reviewed"]


class Tags(HTMLParser):
    """Which elements a page has."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)


@pytest.mark.parametrize("kind", ["html", "md"])
def test_a_value_cannot_bring_markup(kind):
    """A page and a Markdown file show it as text."""
    text = FORMATS[kind](document("<script>alert(1)</script>| a | b")).decode()
    parser = Tags()
    parser.feed(text)
    assert "script" not in parser.seen
    assert "TO FILL: records.dpo" in text.replace("\\", "") and "not legal advice" in text
    assert "policy policy.x" in text.replace("\\", "")


def test_without_the_extra_one_sentence_names_it(monkeypatch):
    """The other formats need nothing."""
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ConfigError, match=r"gatekeeper-consent\[reports\]"):
        FORMATS["xlsx"](document("v"))
    assert FORMATS["csv"](document("v"))
