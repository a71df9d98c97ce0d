"""Which names may stand in a head for ever, and how the others are told by a number and put back."""

import pytest

from gatekeeper.audit.vocabulary import GONE, MOST, Names, dotted, plain, put_back, vocabulary
from gatekeeper.fields import CATALOGUE

PLAIN = [
    "purchase", "add_to_cart", "checkout.step", "a:b/c-d", "productViewed", "JSONError", "v12", "step3",
    "notice_2026-11-24", "promo_202611", "er" * 16, "go_2_sale", "12_345", "video",
]  # fmt: skip
NOT_PLAIN = [
    "", "a b", "ünde", "x" * 101, "order_1234", "1_22_333_4", "q7wx9k", "deadbeef", "a1b2c3", "er" * 16 + "e",
    "xkqjvzw", "jaXe", "jane@example.com", "user_20991231_12345",
]  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_a_name_of_words_may_stand_in_a_head(name):
    """With short numbers, versions and days of this century."""
    assert plain(name) and plain(name)


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_what_may_be_an_id_may_not(name):
    """Long numbers, letters and digits mixed, and what cannot be spoken."""
    assert not plain(name)


def test_a_native_name_is_written_with_points():
    """However the vendor writes it."""
    assert dotted("custom_data[items][0][id]") == "custom_data.items.0.id" and dotted("ep.a:b") == "ep.a.b"


def test_a_policys_vocabulary_has_its_own_names_the_fields_and_what_is_packaged():
    """No name that begins with the mark is known, whichever sender wrote it."""
    known = vocabulary(["mine", "~mine"], CATALOGUE)
    assert {"mine", "page_url", "email_hash", "items.price", "unnamed", "call"} <= known
    assert not [name for name in known if name.startswith("~")]
    assert "www.facebook.com" in known and "mine" not in vocabulary([], CATALOGUE)


def test_a_name_that_may_not_stand_there_is_a_number_and_the_same_one_each_time():
    """Its tail has each name once, in the order in which it came."""
    names = Names(frozenset({"q7wx9k"}), before=("u_1234567",))
    assert [names("q7wx9k"), names("purchase")] == ["q7wx9k", "purchase"]
    assert [names("xkqjvzw"), names("u_1234567"), names("xkqjvzw"), names("jane doe")] == ["~1", "~0", "~1", "~2"]
    assert names.removable == ("u_1234567", "xkqjvzw", "jane doe")


def test_a_long_name_is_cut():
    """At 256 characters; a shorter one stays whole."""
    names = Names(frozenset())
    assert names("ä" * 256) == names("ä" * 300) == "~0" and names("ä" * 255) == "~1"
    assert names.removable == ("ä" * 256, "ä" * 255)


def test_a_tail_has_so_many_names_and_one_for_all_others():
    """However many a sender makes up."""
    names = Names(frozenset())
    told = [names(f"name {n}") for n in range(MOST + 5)]
    assert told == [*[f"~{n}" for n in range(MOST - 1)], *[f"~{MOST - 1}"] * 6]
    assert names.removable == (*[f"name {n}" for n in range(MOST - 1)], "…") and names("name 0") == "~0"


@pytest.mark.parametrize("given", [("page_url", "sale"), ("sale", "x y", "sale", "x y"), ("sale", "sale"), ()])
def test_several_names_are_told_each_once(given):
    """Known, plain or not; as one by one."""
    names, single = Names(frozenset({"page_url"})), Names(frozenset({"page_url"}))
    assert list(names.each(given)) == list(dict.fromkeys(map(single, given)))
    assert list(names.each(given)) == list(dict.fromkeys(map(single, given)))  # as it is remembered
    by_name = dict.fromkeys(given, "why")
    assert list(names.keys(by_name).items()) == [(single(name), "why") for name in by_name]


def test_where_no_name_has_to_go_each_is_given_as_it_is():
    """Outside of a log."""
    names = Names.all()
    assert names("x y") == "x y" and list(names.each(["x y"])) == ["x y"] and names.removable == ()


RECORD = {
    "event_type": "~0", "deliveries": [{"destination": "~1", "stripped_because": {"~0": "invalid", "~7": "~x"}}],
    "policy": {"version": "~0"}, "names": ["x y", "z"], "subjects": ["~0"], "count": 3, "note": "~",
    "version": "v0", "other": "~²", "arabic": "~٠",
}  # fmt: skip


def test_names_come_back_everywhere_but_in_what_is_the_policys_own():
    """A number without a name was removed; what only begins like one is what it is."""
    assert put_back(RECORD) == {
        "event_type": "x y",
        "deliveries": [{"destination": "z", "stripped_because": {"x y": "invalid", GONE: "~x"}}],
        "policy": {"version": "~0"}, "subjects": ["~0"], "count": 3, "note": "~",
        "version": "v0", "other": "~²", "arabic": "~٠",
    }  # fmt: skip
    without = {name: value for name, value in RECORD.items() if name != "names"}
    assert put_back(without)["event_type"] == GONE and put_back(RECORD | {"names": ["a"]})["event_type"] == "a"
