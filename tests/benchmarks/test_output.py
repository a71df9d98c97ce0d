"""From a result to what people read: figures, page, picture, README."""

import re
import subprocess
import sys

import pytest

from benchmarks import charts, drawing, readme, result
from benchmarks.page import page
from benchmarks.rows import comparison, machine_line, tables
from benchmarks.shape import Outcome
from gatekeeper.errors import ConfigError
from tests.benchmarks.builders import finished, outcome

LATENCIES = tuple(range(200, 1200))


@pytest.fixture
def found():
    """A result with one of everything."""
    made = finished(
        call={
            "GA4: gatekeeper": outcome(40, 42, latencies=LATENCIES, note="<law> & consent"),
            "GA4: nginx": outcome(20, 21, latencies=LATENCIES),
            "GA4: mitmproxy": Outcome(status="skipped", why="mitmdump is not installed"),
        },
        decide={"plan, four destinations": outcome(100, 110, served=False)},
    )
    made["profile"] = {"collect": {"stages": {"server": 30.0, "shaping": 10.0}}, "call": {"why": "not here"}}
    points = [{"x": x, "rounds": [y], "median": y, "low": y, "high": y} for x, y in ((1, 10.0), (4, 20.0))]
    made["curves"] = {"depth": {"title": "By outbox depth", "x": "events queued", "unit": "µs", "points": points}}
    return made


def cells(found, title):
    (table,) = [one for one in tables(found) if one.title.startswith(title)]
    return {row[0]: dict(zip(table.headings, row, strict=True)) for row in table.rows}


def test_the_table_tells_cost_ratio_and_latency(found):
    """Others' cost is a multiple of ours."""
    rows = cells(found, "call")
    assert rows["GA4: gatekeeper"]["CPU µs"] == "41.0" and rows["GA4: gatekeeper"]["× ours"] == ""
    assert rows["GA4: nginx"]["× ours"] == "0.500" and rows["GA4: nginx"]["max"] == "1.20"
    assert rows["GA4: mitmproxy"][""] == "skipped: mitmdump is not installed"
    assert cells(found, "stages of collect")["server"]["share"] == "75%"
    assert cells(found, "By outbox depth")["4"]["CPU µs"] == "20.0"


def test_there_is_a_figure_for_everything_that_was_measured(found):
    """Cost, latency, stages, curve."""
    titles = [figure.title for figure in charts.figures(found)]
    assert titles == [
        "A vendor's own call: CPU per call", "Latency of call, 200 requests a second",
        "Where the time goes: collect", "By outbox depth",
    ]  # fmt: skip


def test_no_shape_lies_outside_its_sheet(found):
    """Whatever the figures are."""
    for figure in charts.figures(found):
        for shape in figure.shapes:
            points = shape.points if isinstance(shape, drawing.Line) else [(shape.x, shape.y)]
            assert all(0 <= x <= figure.width and 0 <= y <= figure.height for x, y in points), shape


def test_the_page_is_one_file_and_escapes_what_it_is_told(found):
    """No script, nothing fetched, no markup out of a note."""
    made = page(found, [comparison([])])
    assert not re.search(r"<script|\b(?:src|href)=", made)
    assert "&lt;law&gt; &amp; consent" in made and "<law>" not in made
    assert made.count("<svg") == 4 and machine_line(found) in made and "mitmdump is not installed" in made


def test_an_empty_result_is_a_page_too():
    """An interruption before the first figure."""
    assert "What the gate costs" in page({**finished(), "warnings": ["Interrupted: these are partial results."]})


def test_the_picture_has_every_figure(found):
    """Two columns, at twice the size."""
    from io import BytesIO

    from PIL import Image

    figures = charts.figures(found)
    picture = Image.open(BytesIO(drawing.png(figures)))
    assert picture.width == 2 * 2 * drawing.WIDTH
    assert picture.height == 2 * (max(figures[0].height, figures[1].height) + max(f.height for f in figures[2:]))
    assert len(picture.convert("L").getcolors() or ()) > 10


@pytest.mark.parametrize(("value", "expected"), [(0, "0"), (0.4567, "0.457"), (12.34, "12.3"), (12345, "12,345")])
def test_numbers_have_three_digits(value, expected):
    """More would be made up."""
    assert charts.number(value) == expected


def test_the_readme_gets_the_table_between_its_marks(found, tmp_path):
    """By the command that `make bench-readme` runs; what stands around stays."""
    result.write(tmp_path / "bench.json", found)
    (tmp_path / "bench.png").write_bytes(b"picture")
    text = tmp_path / "README.md"
    text.write_text(f"before\n{readme.START}\nold\n{readme.END}\nafter\n", "utf-8")
    command = [sys.executable, "-m", "benchmarks.readme", tmp_path, text, tmp_path / "docs.png"]
    subprocess.run(command, check=True)
    written = text.read_text("utf-8")
    assert written.startswith("before\n") and written.endswith("after\n") and "old" not in written
    assert "| **call: GA4: gatekeeper** | 41.0 |  | " in written and "| call: GA4: nginx | 20.5 | × 0.500 | " in written
    assert "Some CPU, 2 cores, 8 GB" in written and "![What the gate costs](docs.png)" in written
    assert (tmp_path / "docs.png").read_bytes() == b"picture"
    result.write(tmp_path / "bench.json", {**found, "complete": False})
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 1 and "quick or partial result" in refused.stderr


def test_a_readme_without_marks_is_not_touched():
    """One line that says what is missing."""
    with pytest.raises(ConfigError, match="the README has no <!-- bench -->"):
        readme.put("# Gatekeeper\n", "table")
