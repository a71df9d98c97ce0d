"""The page of consents: empty, full, narrowed, and asked for what it does not have."""

import csv
import io
import re
import time

import pytest

from gatekeeper.model import Choice, Notice, Permission, Purpose
from gatekeeper.model.choice import Kind, Method, Subject, Surface
from tests.console.visiting import Visitor, make_app

YES, NO = Permission.GRANTED, Permission.DENIED


def choose(app, n, says, *, ago=60.0, **more):
    """A choice in the ledger, some seconds ago."""
    usual = {"method": Method.SAVE, "surface": Surface.BANNER, "country": "DE", "policy": "h"}
    who = Subject(Kind.DEVICE, (f"p_{n}",))
    words = dict(zip((Purpose.ANALYTICS, Purpose.MARKETING), says, strict=True))
    made = Choice(f"con_{n}", time.time() - ago, (who,), words, **usual | more)
    app.runtime.store.ledger.record(made, {}).result(10)


def test_without_a_choice_the_page_says_so(known):
    """No plot is drawn of nothing, and no rate is shown."""
    html = known.get("consent").text
    assert "No visitor chose anything in this period" in html and "There is nothing to draw yet" in html
    assert "The notice did not change" in html and '<svg class="plot"' not in html


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Who looks at answers of two places under two notices, a withdrawal and a browser that sends the signal."""
    app = make_app(tmp_path_factory.mktemp("full"))
    fill(app)
    yield Visitor(app).enter()
    app.runtime.close(0.0)


def fill(app):
    """Choose for all of them."""
    for n, version in (("a", "2026-10"), ("b", "2026-11")):
        app.runtime.store.ledger.keep(Notice(f"sha256-{n}", version, "en", "[]")).result(10)
    this = time.time() % 3_600  # seconds of this hour: one notice in the hour before, the other in this one
    for n in range(40):
        choose(app, n, (YES, YES if n < 10 else NO), ago=this + 60, notice="sha256-a")
        choose(app, 100 + n, (YES, YES if n < 30 else NO), ago=this / 2, notice="sha256-b")
    choose(app, 200, (NO, NO), ago=this / 3, method=Method.WITHDRAW, surface=Surface.PREFERENCES)
    choose(app, 201, (NO, NO), ago=this / 4, country="US", region="CA", gpc=True)
    event = b'{"event": "page_view", "consent": {"analytics": true}, "data": {"session_id": "s-1"}}'
    answer = Visitor(app).ask("POST", "/gk/collect", raw=event, headers={"content-type": "application/json"})
    assert answer.status_code == 202


def test_rates_withdrawals_and_the_effect_of_a_notice_are_shown(full):
    """With how many answers each number is of, and between what the difference lies."""
    html = full.get("consent?period=day").text
    assert "of 81 answers" in html
    assert re.search(r"<dt>Withdrawals</dt><dd>1</dd>", html)
    assert "From 2026-10 to 2026-11" in html
    assert re.search(r"marketing</th><td class=\"number\">25 %.*?75 %.*?Up by 50.0 points, between \+", html, re.DOTALL)
    for title in ("by place", "by surface", "by version of the notice", "Withdrawals, objections, opt-outs"):
        assert title in html
    assert html.count('<svg class="plot"') >= 6


def test_a_place_narrows_everything(full):
    """Also the choices beside the answers."""
    html = full.get("consent?place=US-CA&purpose=analytics&period=hour").text
    assert "of 1 answer<" in html and re.search(r"<dt>Withdrawals</dt><dd>0</dd>", html)
    assert "<option selected>US-CA</option>" in html and "<option selected>analytics</option>" in html


@pytest.mark.parametrize("name", ["purposes", "places", "surfaces", "notices", "taken-back", "gpc", "events"])
def test_each_plot_has_its_numbers_as_csv(full, name):
    """As a file of the plot's name, and linked from it."""
    assert f'csv={name}"' in full.get("consent?period=day").text.replace("&amp;", "&")
    answer = full.get(f"consent?period=day&purpose=marketing&csv={name}")
    assert answer.headers["content-type"].startswith("text/csv")
    assert f'filename="{name}.csv"' in answer.headers["content-disposition"]
    head, *rows = csv.reader(io.StringIO(answer.text))
    assert head[0] == "" and (name == "events" or len(rows) == 24)


@pytest.mark.parametrize(
    ("query", "field"),
    [("period=decade", "period"), ("purpose=necessary", "purpose"), ("place=jane@example.com", "place")],
)
def test_a_word_that_is_none_is_refused_and_not_repeated(known, query, field):
    """The address of a page holds closed vocabularies."""
    answer = known.get(f"consent?{query}")
    assert answer.status_code == 422 and field in answer.text.lower()
    assert "jane" not in answer.text and "decade" not in answer.text


def test_without_the_extra_the_page_says_what_is_missing(full, monkeypatch):
    """And shows the ledger's part."""
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    html = full.get("consent?period=day").text
    assert "What events permit is not shown" in html and "gatekeeper-consent[query]" in html
    assert "of 81 answers" in html
