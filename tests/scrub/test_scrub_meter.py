"""What one request may cause is counted, and what goes beyond it raises."""

from __future__ import annotations

import math

import pytest

from gatekeeper.scrub.detect import find
from gatekeeper.scrub.meter import Heavy, Meter, Spent
from gatekeeper.scrub.taint import declared

COUNTS = ("search", "decode", "look")


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize(("brief", "error"), [(False, Spent), (True, Heavy)], ids=["spent", "heavy"])
def test_each_count_adds_up_to_its_own_bound(name: str, brief: bool, error: type[Exception]) -> None:
    """The last character is still searched, and what one count has used the others have left."""
    limits = [10.0 if one == name else math.inf for one in COUNTS]
    meter = Meter(*limits, brief=brief)
    for count in (3, 3, 4, 0):
        getattr(meter, name)(count)
    for other in COUNTS:
        if other != name:
            getattr(meter, other)(1_000)
    with pytest.raises(error):
        getattr(meter, name)(1)


def test_values_are_not_counted_unless_that_is_asked_for() -> None:
    """A meter without a third bound counts characters alone."""
    Meter(1, 1).look(10**9)


@pytest.mark.parametrize(
    ("text", "searched", "decoded"),
    [
        ("SKU-7", 5, 0),
        ("a jane%40example.com", 20, 18),
        ("amFuZUBleGFtcGxlLmNvbQ", 22, 16),
        ("6a616e65406578616d706c652e636f6d", 32, 16),
    ],
    ids=["plain", "escape", "base64", "hexadecimal"],
)
def test_a_text_costs_its_characters_and_those_that_come_out_of_it(text: str, searched: int, decoded: int) -> None:
    """An escape is undone as a whole text; a word in base64 is decoded from one of its places at least."""
    find(text, meter=Meter(searched, math.inf))
    with pytest.raises(Spent):
        find(text, meter=Meter(searched - 1, math.inf))
    if decoded:
        with pytest.raises(Spent):
            find(text, meter=Meter(math.inf, decoded - 1))


@pytest.mark.parametrize("text", ["Jane%20x", "eyJ3aG8iOiJKYW5lIERvZSJ9", b"<Jane Doe>".hex()])
def test_a_search_for_declared_values_is_counted_too(text: str) -> None:
    """Once for the index of what is declared, then for each text and what comes out of it."""
    taint = declared([("first_name", "Jane"), ("last_name", "Doe")])
    assert taint is not None
    with pytest.raises(Spent):
        taint.find(text, meter=Meter(2 * 48 - 1, math.inf))
    assert taint.find(text, meter=Meter(2 * 48 + len(text), math.inf)) == taint.find(text)
    assert taint.find(text, meter=Meter(len(text), math.inf)) == taint.find(text)
    with pytest.raises(Spent):
        taint.find(text, meter=Meter(len(text) - 1, math.inf))
    with pytest.raises(Spent):
        taint.find(text, meter=Meter(math.inf, 5))
