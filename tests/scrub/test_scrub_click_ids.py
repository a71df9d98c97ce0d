"""Click ids become fields of their own before a URL is scrubbed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gatekeeper import scrub
from gatekeeper.scrub import CLICK_IDS, lift_click_ids

LIFTED = [
    pytest.param("/p?gclid=1&x=2", "/p?x=2", {"gclid": "1"}, id="first"),
    pytest.param("/p?x=2&gclid=1&y=3", "/p?x=2&y=3", {"gclid": "1"}, id="middle"),
    pytest.param("/p?gclid=1", "/p", {"gclid": "1"}, id="only"),
    pytest.param("/p?fbclid=A&gclid=B#top", "/p#top", {"fbclid": "A", "gclid": "B"}, id="several"),
    pytest.param("/p#gclid=1&x=2", "/p#x=2", {"gclid": "1"}, id="fragment"),
    pytest.param("/#/route?ttclid=E.C.P.1", "/#/route", {"ttclid": "E.C.P.1"}, id="fragment-route"),
    pytest.param("/p?g%63lid=1", "/p", {"gclid": "1"}, id="encoded-name"),
    pytest.param("/p?%67%2563lid=1", "/p", {"gclid": "1"}, id="name-encoded-twice"),
    pytest.param("/p?GCLID=aBc", "/p", {"gclid": "aBc"}, id="upper-case-name-value-untouched"),
    pytest.param("/p?gclid=a%2Bb", "/p", {"gclid": "a+b"}, id="encoded-value"),
    pytest.param("/p?gclid=1&gclid=2", "/p", {"gclid": "1"}, id="first-value-counts"),
    pytest.param("/p?gclid=", "/p", {}, id="empty"),
    pytest.param("/p?dclid=1&_gl=2&li_fat_id=3&twclid=4&ScCid=5", "/p", {}, id="removed-without-a-field"),
    pytest.param("/p?a=%20b;wbraid=1", "/p?a=%20b", {"wbraid": "1"}, id="semicolon-and-bytes-kept"),
    pytest.param("/gclid=1/p", "/gclid=1/p", {}, id="path-is-no-query"),
    pytest.param("/p?x=gclid", "/p?x=gclid", {}, id="value-is-no-name"),
]


@pytest.mark.parametrize(("url", "rest", "fields"), LIFTED)
def test_click_ids_are_lifted(url: str, rest: str, fields: dict[str, str]) -> None:
    """Out of the URL, into their canonical fields."""
    assert (rest, fields) == lift_click_ids(url)


def test_the_canonical_fields_are_the_catalogues() -> None:
    """Six click ids are fields of the catalogue; all others are only removed."""
    assert {"fbclid", "gclid", "gbraid", "wbraid", "ttclid", "msclkid"} == set(filter(None, CLICK_IDS.values()))


def test_every_row_has_an_owner_and_a_source() -> None:
    """Nobody has to take a name on trust."""
    rows = tomllib.loads((Path(scrub.__file__).parent / "click_ids.toml").read_text(encoding="utf-8"))["ids"]
    assert [row["name"] for row in rows if not row["owner"] or not row["source"].startswith("https://")] == []
    assert len(rows) == len({row["name"].casefold() for row in rows})
