"""Plots and numbers for people: the picture, its table and its file say the same, and no name is markup."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatekeeper.console import plots, render
from gatekeeper.console.page import Asked
from gatekeeper.console.plots import Plot, Series
from tests.laws.test_laws import law

NAMES = st.text(st.sampled_from("ab<>&\"'=+-@\t{}%"), min_size=1, max_size=8)
VALUES = st.one_of(st.none(), st.floats(0, 1e12, allow_nan=False))


@st.composite
def some_plots(draw):
    """A plot of any kind, with gaps."""
    count = draw(st.integers(0, 6))
    series = draw(st.lists(st.builds(Series, NAMES, st.lists(VALUES, min_size=count, max_size=count)), max_size=8))
    labels = draw(st.lists(NAMES, min_size=count, max_size=count))
    return Plot("one", draw(NAMES), labels, tuple(series), draw(st.sampled_from(["", "%"])), draw(
        st.sampled_from(["line", "bar", "stack"])
    ))  # fmt: skip


@law
@given(some_plots())
@example(plots.Plot("one", "least", ["a"], (plots.Series("s", [5e-324]),)))
def test_a_plot_is_drawn_inside_its_frame_and_holds_no_markup_of_names(plot):
    """Every coordinate is in the box; what is drawn is parsed as it was meant."""
    picture = str(plots.drawn(plot))
    bare = re.sub(r'"[^"]*"', '""', picture)
    assert set(re.findall(r"<(\w+)", bare)) <= {"svg", "line", "text", "polyline", "circle", "rect"}
    for points in re.findall(r'points="([^"]*)"', picture):
        for point in points.split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= plots.WIDTH and 0 <= y <= plots.HEIGHT
    for y, height in re.findall(r'<rect class="f\d" x="[^"]*" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', picture):
        assert float(y) >= 0 and float(y) + float(height) <= plots.HEIGHT


@law
@given(some_plots())
def test_the_table_and_the_file_have_every_number(plot):
    """A row for each step; a cell that a spreadsheet would take for a formula is quoted."""
    assert len(plots.rows(plot)) == len(plot.labels)
    text = plots.csv_of(plot).decode()
    assert not re.search(r"(^|,)\"?[=+@]", text, re.MULTILINE)


def test_a_gap_is_no_zero():
    """A line is two runs around it, and the table has an empty cell."""
    plot = Plot("x", "x", ["1", "2", "3", "4", "5"], (Series("a", [1, 2, None, 3, 4]),))
    assert str(plots.drawn(plot)).count("<polyline") == 2
    assert plots.rows(plot)[2] == ["3", ""]


def test_a_file_is_asked_for_by_the_name_of_its_plot():
    """Any other name is the page itself."""
    plot = Plot("rates", "x", ["1"], (Series("a", [1]),))
    assert plots.asked_for(Asked(query={"csv": "rates"}), [plot]).name == "rates.csv"
    assert plots.asked_for(Asked(query={"csv": "other"}), [plot]) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (0, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours"),
     (2 * 86_400, "2 days")],
)  # fmt: skip
def test_a_span_is_told_in_the_largest_unit_that_fits_twice(seconds, words):
    """So that nothing is rounded to one."""
    assert render.ago(seconds) == words


@pytest.mark.parametrize(("number", "words"), [(None, "–"), (1204, "1,204"), (1.25, "1.2"), (0, "0")])
def test_a_number_is_written_for_people(number, words):
    """With its thousands apart."""
    assert render.amount(number) == words


@pytest.mark.parametrize(("number", "words"), [(0, "0 B"), (2048, "2.0 KiB"), (3 * 2**30, "3.0 GiB"), (None, "–")])
def test_a_size_is_written_for_people(number, words):
    """In powers of 1024, as disks are asked."""
    assert render.size(number) == words
