"""A request's head by its list of names: what is remembered of names says what one look at the pairs says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.memory import Compiled
from gatekeeper.model import head
from gatekeeper.model.head import LISTS, Head
from gatekeeper.shells.server.hygiene import request_fault
from gatekeeper.signals import header_values
from tests.laws.test_laws import law

NAMES = st.sampled_from([b"cookie", b"host", b"origin", b"user-agent", b"x-jane.doe@mail.example", b"x-4917612345678"])
PAIRS = st.lists(st.tuples(NAMES, st.binary(max_size=4)), max_size=8)
BROWSER = [(b"host", b"shop.example"), (b"cookie", b"a=1"), (b"origin", b"https://shop.example")]


def is_said(name):
    """A header that is asked for in these tests."""
    return name in (b"cookie", b"origin")


def told(pairs):
    """Everything that a head says of these pairs."""
    made = Head(pairs)
    names = (b"cookie", b"host", b"origin", b"user-agent", b"dnt")
    part = made.part(is_said)
    return (
        tuple(made),
        [(made.has(name), made.values(name), made.last(name)) for name in names],
        (tuple(part), part.values(b"cookie"), part.has(b"host"), made.asked(frozenset)),
        request_fault("GET", b"/", "1.1", pairs),
    )


@law
@given(PAIRS, PAIRS)
def test_a_head_says_what_its_pairs_say(pairs, between):
    """Of any pairs, whatever came before, and as a head that nothing is remembered of."""
    warm = [told(one) for one in (pairs, between, pairs)]
    assert warm[0] == warm[2]
    assert warm[0][0] == tuple(pairs)
    for name, found in zip((b"cookie", b"host", b"origin", b"user-agent", b"dnt"), warm[0][1], strict=True):
        values = header_values(tuple(pairs), name)
        assert found == (bool(values), values, values[-1] if values else None)
    assert warm[0][2][0] == tuple([pair for pair in pairs if is_said(pair[0])])
    most, Compiled.most = Compiled.most, 0
    aside = dict(LISTS)
    LISTS.clear()
    try:
        assert told(pairs) == warm[0]
        assert not LISTS
    finally:
        Compiled.most = most
        LISTS.update(aside)


@law
@given(st.lists(st.tuples(NAMES, st.booleans(), st.binary(max_size=4)), max_size=8))
def test_names_in_any_case_are_one_name(named):
    """A server that keeps the sender's spelling, and one that has lowered it already, give the same head."""
    pairs = [(name.title() if spelled else name, value) for name, spelled, value in named]
    plain = [(name, value) for name, _, value in named]
    for _ in range(2):  # unknown and remembered
        made = Head.lowered([list(pair) for pair in pairs])
        assert made == Head(plain) and all(pair.__class__ is tuple for pair in made)
        assert made.values(b"cookie") == Head(plain).values(b"cookie")


@pytest.mark.parametrize("forgotten", [len, frozenset, lambda names: names[:-1]], ids=["names", "order", "the last"])
def test_a_list_that_forgets_a_name_is_seen(forgotten, monkeypatch):
    """A memory by less than the names in their order gives one request's headers to another."""

    class Forgetful(Compiled):
        """A memory whose keys lack something."""

        def get(self, key, default=None):
            """What is known of all keys that are alike in the rest."""
            return super().get(forgotten(key), default)

        def keep(self, key, program):
            """The same."""
            return super().keep(forgotten(key), program)

    rows = [BROWSER, BROWSER[::-1], [*BROWSER[:2], (b"dnt", b"1")], [*BROWSER[:2], (b"host", b"other.example")]]
    expected = [told(row) for row in rows]
    monkeypatch.setattr(head, "LISTS", Forgetful())
    found = []
    for row in rows:
        try:
            found.append(told(row))
        except IndexError:
            found.append(None)
    assert found != expected


def test_names_that_a_sender_made_up_are_not_remembered():
    """They may be somebody's address or number; and a head has no end of them."""
    before = set(LISTS)
    Head([(b"x-jane.doe@mail.example", b"1")])
    Head([(b"x-4917612345678", b"1")])
    Head([(b"x-a", b"1")] * 65)
    assert set(LISTS) == before
