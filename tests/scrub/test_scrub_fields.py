"""Every field of the catalogue that is searched is searched for everything, and each time with the same result."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.fields import CATALOGUE
from gatekeeper.model import Event
from gatekeeper.scrub import DEFAULT_PARAMS, scrub_url
from gatekeeper.scrub.fields import UNNAMED, UNSEARCHED, Scrubber, is_clean, is_harmless, scrub_value, search_of
from gatekeeper.scrub.meter import Meter
from gatekeeper.scrub.search import SHAPES_ONLY
from gatekeeper.scrub.taint import declared
from tests.scrub.test_scrub_laws import TEXTS
from tests.sizes import sized

JANE = declared([("first_name", "Jane"), ("last_name", "Doe")])
SEARCH = search_of(CATALOGUE, JANE)
NONE: frozenset[str] = frozenset()
ROWS = list(CATALOGUE.scrubbed.values())
TEXT_ROWS = [row for row in ROWS if row.transform == "scrub"]
by_key = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)


def values(row, text):
    """Ways in which a text may stand in a value of the field."""
    found = [text, (text,), ("x", text)] if row.transform == "scrub" else [text]
    return [*found, ({"item_name": text, "item_id": "sku-1"},)] if row.keys else found


@by_key
@pytest.mark.parametrize(
    ("text", "core", "shape"),
    [
        ("hello mary@example.com", "mary@example.com", "email"),
        ("hello Jane Doe", "Doe", "last_name"),
        ("/reset/Ab3x9k", "Ab3x9k", "secret"),
    ],
    ids=["shape", "declared", "secret"],
)
def test_nothing_personal_is_left_in_any_field(row, text: str, core: str, shape: str) -> None:
    """In a text, a list of texts, an item's name; and an identifier goes whole."""
    for value in values(row, text):
        for _ in range(2):  # nothing of it is remembered
            clean, found = scrub_value(row, value, NONE, SEARCH)
            assert core not in repr(clean)
            assert found == (shape,)
            assert (clean is None) is (row.transform == "refuse_personal")


@by_key
def test_a_value_without_anything_stays_the_very_same(row) -> None:
    """Of texts, lists and items; what is no text is left alone."""
    for value in [*values(row, "/p/sku-1"), 7, None, True]:
        assert scrub_value(row, value, NONE, SEARCH) == (value, ())


@by_key
def test_what_can_no_longer_be_searched_is_taken_out(row) -> None:
    """As `unsearched`; also a text that is known to hold nothing."""
    for text in ("/p/sku-1", "/p/sku-1 and more"):
        assert scrub_value(row, text, NONE) == (text, ())
        assert scrub_value(row, text, NONE, search_of(CATALOGUE, None, Meter(3, math.inf))) == (None, (UNSEARCHED,))


@settings(max_examples=sized(200), deadline=None)
@given(TEXTS, st.sampled_from(ROWS), st.booleans())
def test_what_is_remembered_changes_no_result(text: str, row, declares: bool) -> None:
    """The first time, the second time, and for another event."""
    search = SEARCH if declares else SHAPES_ONLY
    first = scrub_value(row, text, NONE, search)
    assert scrub_value(row, text, NONE, search) == first
    other = scrub_value(row, text, NONE, SHAPES_ONLY if declares else SEARCH)
    assert scrub_value(row, text, NONE, SHAPES_ONLY if declares else SEARCH) == other
    assert scrub_value(row, text, NONE, search) == first


def test_a_lone_surrogate_is_mended_each_time() -> None:
    """A text that only had to be mended is not one that stays as it is."""
    for row in TEXT_ROWS:
        assert [scrub_value(row, "a\ud800b", NONE) for _ in range(2)] == [("a\ufffdb", ())] * 2


def test_an_identifier_of_an_item_is_left_out() -> None:
    """Its name is scrubbed, and other keys stay."""
    items = CATALOGUE.by_key["items"]
    given = ({"item_id": "mary@example.com", "item_name": "for Jane Doe", "price": 7}, {"item_id": "sku-1"})
    clean, found = scrub_value(items, given, NONE, SEARCH)
    assert clean == ({"item_name": "for [last_name]", "price": 7}, {"item_id": "sku-1"})
    assert found == ("email", "last_name")


def test_a_whole_path_in_a_stack_is_a_file() -> None:
    """In other fields it may be a page."""
    for row in TEXT_ROWS:
        clean, _ = scrub_value(row, "/home/jane-roe/index.php", NONE)
        assert (clean == "/home/[user]/index.php") is (row.key == "error_stack")


@pytest.mark.parametrize("name", ["user_agent", "error_stack", "page_title"])
def test_words_of_programs_stay_in_what_programs_write(name: str) -> None:
    """Whether the text was seen before or not; in what people write they are names."""
    search = search_of(CATALOGUE, declared([("last_name", "Mac")]))
    row = CATALOGUE.by_key[name]
    assert scrub_value(row, "Mac 7", NONE) == ("Mac 7", ())
    for text in ("Mac 7", f"Mac 7 {name}"):
        left = {scrub_value(row, text, NONE, search)[0] for _ in range(2)}
        assert left == {text if name in ("user_agent", "error_stack") else text.replace("Mac", "[last_name]")}


@pytest.mark.parametrize(
    ("name", "event_id", "clean"),
    [
        ("purchase", "order-7", ("purchase", "order-7")),
        ("purchase", "r-1", ("purchase", "r-1")),
        ("purchase", "jane@example.com", ("purchase", "r-1")),
        ("purchase", "order-Jane", ("purchase", "r-1")),
        ("Jane_Doe", "order-7", (UNNAMED, "order-7")),
    ],
    ids=["nothing", "the-requests-own", "a-shape", "declared", "a-name"],
)
def test_an_events_id_and_name_are_searched(name: str, event_id: str, clean: tuple[str, str]) -> None:
    """An id that is personal is the request's; an event that is called by a person is `unnamed`."""
    event = Scrubber(CATALOGUE, JANE).envelope(Event(name=name, id=event_id, time=1.0, data={}), "r-1")
    assert (event.name, event.id) == clean


def test_what_cannot_be_searched_is_neither_clean_nor_harmless() -> None:
    """Of identifiers, and of names where something is declared."""
    spent = search_of(CATALOGUE, JANE, Meter(3, math.inf))
    assert not is_clean("order-7", spent) and not is_harmless("purchase", spent)
    assert is_harmless("purchase", search_of(CATALOGUE, None, Meter(3, math.inf))) and is_harmless(7, spent)
    assert is_clean("order-7", SEARCH) and is_harmless("purchase", SEARCH)
    assert not is_harmless("hello-Jane", SEARCH) and not is_clean("hello-Jane", SEARCH)


def test_a_scrubber_looks_at_each_value_once_for_all_destinations() -> None:
    """With other parameters a URL is another result; what stays as it is stays for every destination."""
    scrubber = Scrubber(CATALOGUE, JANE)
    kept = {"page_url": "/p?q=7#top", "page_title": "Jane", "user_id": "mary@example.com", "order_value": 7}
    first = scrubber.scrub(kept, NONE)
    assert first == (
        {"page_url": "/p", "page_title": "[first_name]", "order_value": 7},
        {"page_url": ("query", "fragment"), "page_title": ("first_name",), "user_id": ("email",)},
        ("user_id",),
    )
    assert scrubber.scrub(kept, NONE) == first
    clean, scrubbed, _ = scrubber.scrub(kept, frozenset({"q"}))
    assert (clean["page_url"], scrubbed["page_url"]) == ("/p?q=7", ("fragment",))
    plain, scrubber = {"page_url": "/p?q=7", "page_title": "Shoes"}, Scrubber(CATALOGUE, JANE)
    assert scrubber.scrub(plain, frozenset({"q"})) == (plain, {}, ())
    assert scrub_url("/p?q=7", DEFAULT_PARAMS).text == "/p"


def test_in_a_stack_words_of_programs_are_nobodys_names() -> None:
    """In the name of a file, too; in a title they are."""
    search = search_of(CATALOGUE, declared([("last_name", "Page")]))
    stack, title = CATALOGUE.by_key["error_stack"], CATALOGUE.by_key["page_title"]
    assert scrub_value(stack, "at render (page.js:12)", NONE, search) == ("at render (page.js:12)", ())
    assert scrub_value(title, "at render (page.js:12)", NONE, search)[1] == ("last_name",)
