"""Every decision line that a test writes is made again from itself: the law of `gatekeeper/gate/recompute.py`.

The check takes the place of `decision_line` before any test module is imported, so that those which import it by name
are looked at, too.
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gatekeeper.audit import lines
from gatekeeper.gate.recompute import Unknowable, Unknown, differences, recompute

MOST = 200  # lines of one test; of what comes after, every 64th
_write = lines.decision_line
_wrong: list[tuple[list[str], dict[str, Any]]] = []
_count = 0


def _written_and_made_again(plan, policy, *more):
    global _count
    line = _write(plan, policy, *more)
    _count += 1
    if _count <= MOST or _count % 64 == 0:
        record = orjson.loads(line.core)
        try:
            found = differences(record, recompute(record, policy))
        except Unknowable as unknowable:  # of its own policy's lines, only what was not decided
            found = [] if unknowable.why in (Unknown.UNDECIDED, Unknown.GATE_FAILED) else [unknowable.why]
        if found:
            _wrong.append((found, record))
    return line


lines.decision_line = _written_and_made_again


@pytest.fixture(autouse=True)
def lines_can_be_made_again():
    """Fail a test that wrote a line of which its policy makes another decision; a planted fault clears the list."""
    global _count
    _count = 0
    _wrong.clear()
    yield _wrong
    assert not _wrong, f"{len(_wrong)} lines do not give their decision again: {_wrong[0]}"
