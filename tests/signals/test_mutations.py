"""A part of the mutations of cookies and strings; `python -m tests.signals.mutations N` runs any number."""

from __future__ import annotations

import pytest

from tests.signals.mutations import run


@pytest.mark.parametrize("seed", [1, 2])
def test_no_mutation_of_a_cookie_or_query_raises(seed: int) -> None:
    """Ten thousand per seed."""
    assert list(run(10_000, seed)) == [10_000]
