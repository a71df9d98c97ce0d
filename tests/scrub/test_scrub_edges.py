"""Same results as the release before, for thousands of texts at the edges of every shape and every declared value.

Digests of them stand in `edges.txt`. If you change what is found, write the file again with the command in `edges.py`,
and say in the commit which texts are new.
"""

from __future__ import annotations

from pathlib import Path

from tests.scrub.edges import digests, outcome

EXPECTED = (Path(__file__).parent / "edges.txt").read_text("ascii").split()


def test_every_result_is_that_of_the_release_before() -> None:
    """Of texts, URLs, identifiers and click ids, for events that declare nothing and for events that do."""
    found = list(digests())
    assert [n for n, (was, now) in enumerate(zip(EXPECTED, found, strict=True)) if was != now] == []


def test_a_result_that_is_another_is_seen() -> None:
    """The digests cover the text that is left and the names of what was found."""
    first = next(digests())
    assert next(digests(lambda text, search: outcome(text + "x", search))) != first
    assert next(digests(lambda text, search: outcome(text, search)[1:])) != first
