"""What a request counts as and may cause, number by number; `tests/test_bounds.py` holds whole requests against it."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from gatekeeper.audit.lines import Line
from gatekeeper.gate import bounds
from gatekeeper.model import Call, Shaped
from gatekeeper.scrub.meter import Heavy, Spent
from gatekeeper.vendors.dialect import Element, Leaf, Native

LIMITS = SimpleNamespace(scrubbed=1_000, decoded=500, elements=20)


def spends(meter, name: str, size: int, error: type[Exception]) -> None:
    """That one count goes so far and no further."""
    getattr(meter, name)(size)
    with pytest.raises(error):
        getattr(meter, name)(1)


@pytest.mark.parametrize(("name", "size"), [("search", 1_000 + 4 * 7), ("decode", 500 + 2 * 7), ("look", 20_000 + 7)])
def test_each_received_byte_gives_more(name, size) -> None:
    """To be searched, decoded and looked at."""
    spends(bounds.meter(LIMITS, 7), name, size, Spent)


@pytest.mark.parametrize(("name", "size"), [("search", 8_192), ("decode", 1_024), ("look", 200)])
def test_on_the_loop_little_is_done(name, size) -> None:
    """What needs more is decided beside it."""
    spends(bounds.brief_meter(), name, size, Heavy)


def test_a_call_is_as_large_as_all_that_came_of_it() -> None:
    """Its body, its target, and each header with four bytes around it; a small one counts as four kibibytes."""
    call = Call("POST", "/path", "q=1", ((b"a", b"bc"), (b"def", b"")), b"body")
    assert bounds.received(call) == 4 + 5 + 3 + (1 + 2 + 3) + 8
    assert [bounds.counted(size) for size in (0, 4_095, 4_096, 4_097)] == [4_096, 4_096, 4_096, 4_097]


def test_a_line_grows_the_log_by_its_bytes_and_what_is_written_around_it() -> None:
    """Each subject, each character of a name, each delivery; a line that another one tells of by nothing."""
    line = Line(b"x" * 100, ("p_1", "p_2"), ("abc", "de"))
    assert bounds.growth([line, None], []) == 320 + 100 + 2 * 27 + 4 * 5
    assert bounds.growth([Line(b"")], []) == 320 and bounds.growth([], []) == 0
    assert bounds.growth([], [Shaped(head=b"h" * 7, body=b"b" * 11)]) == 120 + 18


@pytest.mark.parametrize(
    ("grows", "size", "much"),
    [(65_536, 0, False), (65_537, 0, True), (65_537, 4_096, True), (65_537, 4_097, False), (160_000, 10_000, False),
     (160_001, 10_000, True)],
)  # fmt: skip
def test_sixteen_bytes_may_be_written_for_each_that_came(grows, size, much) -> None:
    """And for four kibibytes at least."""
    assert bounds.too_much(grows, lambda: size) is much


@pytest.mark.parametrize(
    ("endpoint", "batch", "most"), [(None, 500, 20), ("https://x", 1, 20), ("https://x", 8, 8), ("https://x", 500, 20)]
)
def test_a_call_holds_as_many_events_as_its_vendor_takes(endpoint, batch, most) -> None:
    """And as the policy says at most."""
    assert bounds.most(SimpleNamespace(endpoint=endpoint, batch_events=batch), LIMITS) == most


def test_shared_leaves_are_looked_at_once_for_each_element() -> None:
    """With those of the head, and 25 for the event itself."""
    leaf = Leaf("a", "b", 1)
    native = Native(Call("POST", "/", "", (), b""), (Element("x", (leaf,)), Element("y", (leaf, leaf))), (leaf,))
    assert bounds.leaves(native, 3) == 3 + (25 + 1 + 3) * 2 and math.isfinite(bounds.leaves(native, 0))
