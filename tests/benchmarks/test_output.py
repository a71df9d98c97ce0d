"""From a result to what people read: figures, page, picture, README."""

import re
import subprocess
import sys

import pytest

from benchmarks import charts, drawing, readme, result
from benchmarks.page import page
from benchmarks.rows import comparison, machine_line, tables
from benchmarks.scenarios import ALL
from benchmarks.shape import Outcome
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
    made["wrk"] = {"ours": {"per_second": 20e3, "cpu_us": 25.0}, "wrk": {"per_second": 21e3, "cpu_us": 24.0}}
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
    assert cells(found, "our load generator")["wrk"]["req/s"] == "21,000"


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


@pytest.fixture
def written(found, tmp_path):
    """A README and a page with marks, and the command that `make bench-readme` runs."""
    (tmp_path / "bench.png").write_bytes(b"picture")
    for name in ("README.md", "page.md"):
        (tmp_path / name).write_text(f"before\n{readme.START}\nold\n{readme.END}\nafter\n", "utf-8")
    files = [tmp_path / name for name in ("README.md", "page.md", "docs.png")]

    def command(one):
        result.write(tmp_path / "bench.json", one)
        return subprocess.run(
            [sys.executable, "-m", "benchmarks.readme", tmp_path, *files], capture_output=True, text=True
        )

    assert command(found).returncode == 0
    return command, *files


def test_readme_and_page_get_their_tables_between_the_marks(written, found):
    """Four rows in the README, all of them on the page; what stands around stays."""
    command, text, page, picture = written
    for path in (text, page):
        words = path.read_text("utf-8")
        assert words.startswith("before\n") and words.endswith("after\n") and "old" not in words
        assert "Some CPU, 2 cores, 8 GB" in words
    words = page.read_text("utf-8")
    assert "| **call: GA4: gatekeeper** | 41.0 |  | " in words and "| call: GA4: nginx | 20.5 | × 0.500 | " in words
    assert "![What the gate costs](docs.png)" in words and picture.read_bytes() == b"picture"
    rows = [line for line in text.read_text("utf-8").splitlines() if line.startswith("| ")][1:]
    assert rows[0] == "| an app asks for a visitor's consent | not measured | |" and len(rows) == 4
    assert rows[1] == "| a vendor's call through the sidecar | 41.0 |  |"
    refused = command({**found, "complete": False})
    assert refused.returncode == 1 and "quick or partial result" in refused.stderr


def test_a_row_of_the_readme_tells_what_is_beside_it():
    """The cost, the gate's part of it, and the others' with their ratio: also where they are faster."""
    call = {
        "GA4: gatekeeper": outcome(40.0),
        "GA4: nginx + Lua": outcome(5.0),
        "GA4: starlette + httpx": outcome(400.0),
    }
    gated = outcome(30.0, served=False)
    gated.metric("added_us", "µs").rounds += [20.0]
    few = readme.short(finished(call=call, outbound={"httpx": outcome(10.0, served=False), "httpx, gated": gated}))
    assert "| 40.0 | nginx + Lua 5.00 (× 0.125), starlette + httpx 400 (× 10.0) |" in few
    assert "| 30.0, of which 20.0 are the gate's | httpx 10.0 (× 0.333) |" in few


def test_what_one_core_takes_counts_what_has_arrived():
    """Requests a second; of events those that their vendors have, not those that were accepted."""
    collect = outcome(250.0)
    collect.metric("delivered_per_second", "req/s", "higher").rounds += [2_000.0]
    told = readme.capacity(finished(call={"GA4: gatekeeper": outcome(40.0)}, collect={"gatekeeper": collect}))
    assert "| calls to GA4 | 25,000 | 2,160 |" in told and "| calls to Meta | not measured | |" in told
    assert "| events, each delivered to four destinations | 2,000 | 173 |" in told


def test_the_rows_of_the_readme_are_measured():
    """Each contestant that they name is one of its scenario's."""
    names = {scenario.name: {one.name for one in scenario.contestants} for scenario in ALL.values()}
    for _, scenario, mine, others in readme.CHOSEN:
        assert {mine, *others} <= names[scenario]
    assert all(mine in names[scenario] for _, scenario, mine in readme.TAKES)


def test_without_marks_nothing_is_touched(written, found):
    """One line that says what is missing; the other file is left, too."""
    command, text, page, _ = written
    page.write_text("# What it costs\n", "utf-8")
    before = text.read_text("utf-8")
    assert "page.md has no <!-- bench -->" in command({**found, "started": "2027-01-01T00:00:00+00:00"}).stderr
    assert text.read_text("utf-8") == before and page.read_text("utf-8") == "# What it costs\n"
