"""The page of statistics, piece by piece: every number in the place that it stands for."""

import re
import xml.etree.ElementTree as ET

import pytest

from gatekeeper.audit.numbers import Period, Statistics
from gatekeeper.audit.page import render


def period(begins, events, analytics=0, marketing=0, gpc=0, **blocked):
    return Period(begins, events, analytics, marketing, gpc, 0, 0, 0, blocked)


TWO = Statistics(
    "day",
    (period("2026-11-23", 4, 1, 2, 4, a=1, b=3), period("2026-11-24", 0, b=1)),
    {"ga4": {"delivered": 3, "blocked": 1}, "<own>": {"failed": 2}},
)


def page(statistics, title="A & B"):
    """The page, and its body as a tree."""
    text = render(statistics, title=title)
    head, found = text.split("</style>")
    body = found.removesuffix("</html>\n").replace("<!doctype html>", "")
    return head, ET.fromstring(f"<body>{body}</body>")  # our own page


def shown(element):
    return "".join(element.itertext())


def test_the_head_names_the_page_and_forbids_to_load_anything():
    """Its title stands escaped; its style is in it."""
    head, body = page(TWO)
    assert head.startswith(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>A &amp; B</title>'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width"><style>\nbody {'
    )
    assert [(one.tag, shown(one)) for one in body if one.tag in ("h1", "h2", "p")] == [
        ("h1", "A & B"),
        ("p", "4 events, by day, UTC. Numbers only: no person is in this page."),
        ("h2", "Consent, % of events"),
        ("p", "analyticsmarketingSec-GPC"),
        ("h2", "Blocked deliveries by reason"),
        ("p", "ba"),
        ("h2", "Destinations"),
    ]


def test_where_nothing_was_blocked_the_page_says_so():
    """And draws no empty picture; without a period there is none, either."""
    _, body = page(Statistics("hour", (period("2026-11-23 10:00", 1),), {}))
    assert "Nothing was blocked." in [shown(one) for one in body] and len(body.findall("svg")) == 1
    _, body = page(Statistics("hour", (), {}))
    assert shown(body[1]).startswith("0 events, by hour") and body.findall(".//circle") == []


def test_a_key_has_the_colour_of_each_line():
    """In the order of the lines; colours that are told apart without red and green."""
    _, body = page(TWO)
    styles = [[one.get("style") for one in key.iter("i")] for key in body.findall("p") if key.get("class") == "key"]
    first, second = "background:#0072b2", "background:#d55e00"
    assert styles == [[first, second, "background:#009e73"], [first, second]]


def test_consent_is_drawn_as_a_share_of_the_events():
    """At the height of its share, in the middle of its period; where there was no event, at nothing."""
    _, body = page(TWO)
    (lines, _) = body.findall("svg")
    assert (lines.get("viewBox"), lines.get("role")) == ("0 -10 960 254", "img")
    assert [one.attrib for one in lines.findall("polyline")] == [
        {"points": points, "fill": "none", "stroke": colour, "stroke-width": "2"}
        for points, colour in (
            ("273.0,165.0 731.0,220.0", "#0072b2"), ("273.0,110.0 731.0,220.0", "#d55e00"),
            ("273.0,0.0 731.0,220.0", "#009e73"),
        )
    ]  # fmt: skip
    circles = lines.findall("circle")
    assert circles[0].attrib == {"cx": "273.0", "cy": "165.0", "r": "3", "fill": "#0072b2"}
    assert [shown(one) for one in circles] == [
        "analytics 2026-11-23: 25.0 %", "analytics 2026-11-24: 0.0 %", "marketing 2026-11-23: 50.0 %",
        "marketing 2026-11-24: 0.0 %", "Sec-GPC 2026-11-23: 100.0 %", "Sec-GPC 2026-11-24: 0.0 %",
    ]  # fmt: skip


def test_the_frame_has_five_lines_with_their_numbers():
    """From nothing at the bottom to the most at the top."""
    _, body = page(TWO)
    for picture, numbers in zip(
        body.findall("svg"), (["0", "25", "50", "75", "100"], ["0", "1", "2", "3", "4"]), strict=True
    ):
        assert [one.attrib for one in picture.findall("line")] == [
            {"x1": "44", "x2": "960", "y1": y, "y2": y, "stroke": "#8884"}
            for y in ("220.0", "165.0", "110.0", "55.0", "0.0")
        ]
        marks = [one for one in picture.findall("text") if one.get("text-anchor") == "end"]
        assert [(one.get("x"), one.get("y"), shown(one)) for one in marks] == [
            ("38", y, number) for y, number in zip(("224.0", "169.0", "114.0", "59.0", "4.0"), numbers, strict=True)
        ]
        below = [one for one in picture.findall("text") if one.get("text-anchor") == "middle"]
        assert [(one.get("x"), one.get("y"), shown(one)) for one in below] == [
            ("273.0", "236", "2026-11-23"), ("731.0", "236", "2026-11-24"),
        ]  # fmt: skip


@pytest.mark.parametrize(("periods", "marks"), [(1, 1), (7, 7), (8, 8), (15, 15), (16, 8), (17, 9), (40, 8)])
def test_not_every_period_has_its_name_below(periods, marks):
    """They would lie over each other."""
    _, body = page(Statistics("day", tuple(period(f"d{n}", 1) for n in range(periods)), {}))
    below = [shown(one) for one in body.findall("svg/text") if one.get("text-anchor") == "middle"]
    assert len(below) == marks and below[0] == "d0" and len(body.findall(".//circle")) == 3 * periods


def test_blocked_deliveries_are_stacks_the_most_frequent_reason_below():
    """As high as they are many; the tallest stack is the whole height."""
    _, body = page(TWO)
    (_, stacks) = body.findall("svg")
    assert [(one.attrib, shown(one)) for one in stacks.findall("rect")] == [
        ({"x": x, "y": y, "width": "320.6", "height": height, "fill": fill}, said)
        for x, y, height, fill, said in (
            ("112.7", "55.0", "165.0", "#0072b2", "b 2026-11-23: 3"),
            ("112.7", "0.0", "55.0", "#d55e00", "a 2026-11-23: 1"),
            ("570.7", "165.0", "55.0", "#0072b2", "b 2026-11-24: 1"),
            ("570.7", "165.0", "0.0", "#d55e00", "a 2026-11-24: 0"),
        )
    ]  # fmt: skip


def test_seven_reasons_are_shown_the_most_frequent_ones():
    """There are as many colours."""
    blocked = {f"r{n}": n for n in range(1, 10)}
    _, body = page(Statistics("day", (period("d", 1, **blocked),), {}))
    assert re.findall(r"r\d", shown(body.findall("p")[2])) == ["r9", "r8", "r7", "r6", "r5", "r4", "r3"]


def test_destinations_are_a_table_with_a_column_for_each_status():
    """What did not happen is a nought; a name is escaped."""
    _, body = page(TWO)
    rows = [[shown(cell) for cell in row] for row in body.find("table")]
    assert rows == [
        ["destination", "blocked", "delivered", "failed"], ["ga4", "1", "3", "0"], ["<own>", "0", "0", "2"],
    ]  # fmt: skip
