"""docs/scrubbing.md prints the rates on the labelled set, and of declared values. Run by `make check`."""

from __future__ import annotations

from pathlib import Path

from declared_rates import tables
from scrub_rates import ordinary, positives, table

DOCS = Path(__file__).parents[2] / "docs" / "scrubbing.md"


def test_the_docs_print_the_rates() -> None:
    """The tables in docs/scrubbing.md are those of the current code."""
    docs = DOCS.read_text(encoding="utf-8")
    for printed in (
        table(list(positives()), "shape, found and gone"),
        table(list(ordinary()), "ordinary, left as it was", brief=True),
        *tables(),
    ):
        assert printed in docs, "run tests/scrub/scrub_rates.py and declared_rates.py, and paste their tables"
