"""Queries are read as the standard library reads them."""

from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.vendors.dialect import Unreadable
from gatekeeper.vendors.formats import pairs
from tests.laws.test_laws import law

PARTS = st.lists(
    st.sampled_from(["&", "=", "+", "%", "%41", "%c3%a4", "%ff", "%zz", ";", "a", "ä", "\udcff", " "])
    | st.text(max_size=4)
)


@law
@given(PARTS)
def test_pairs_are_what_the_standard_library_reads(parts):
    """Of any text; what it cannot read is unreadable."""
    text = "".join(parts)
    try:
        expected = parse_qsl(text, keep_blank_values=True, max_num_fields=pairs.MAX_PAIRS, errors="strict")
    except ValueError:
        expected = None
    try:
        found = pairs.read_pairs(text)
    except Unreadable:
        found = None
    assert found == expected


def test_too_many_are_refused():
    """Two thousand are read, one more is not."""
    assert len(pairs.read_pairs("&".join(["a=1"] * pairs.MAX_PAIRS))) == pairs.MAX_PAIRS
    try:
        pairs.read_pairs("&".join(["a=1"] * (pairs.MAX_PAIRS + 1)))
    except Unreadable:
        return
    raise AssertionError("it was read")
