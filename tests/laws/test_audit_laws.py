"""I6: no change of a log goes unseen, by LAWS_EXAMPLES seeds (`make laws`: 20,000); and what crashes leave is sound."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.audit import logs
from tests.audit.mutations import MUTATIONS, mutate

CASES = int(os.environ.get("LAWS_EXAMPLES", "300"))


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A log of every kind of line, and its anchor."""
    folder = tmp_path_factory.mktemp("real")
    anchor = logs.make(folder)
    return logs.contents(folder / "audit"), anchor


def test_every_change_is_found_and_both_verifiers_agree(real, tmp_path):
    """Altered, removed, inserted, reordered, truncated, swapped: lines, segments, streams, subjects."""
    files, anchor = real
    log = tmp_path / "audit"
    logs.put(log, files)
    assert (logs.ours(log, anchor), logs.theirs(log, anchor)) == ([], [])
    done: Counter[str] = Counter()
    for seed in range(CASES):
        name, changed = mutate(files, seed)
        if changed == files:  # there was nothing of that kind in the file that was chosen
            continue
        logs.put(log, changed)
        found = logs.ours(log, anchor)
        assert found, f"seed {seed}: {name} was not found"
        assert logs.theirs(log, anchor), f"seed {seed}: {name} was not found by docs/verify_audit.py; ours: {found}"
        done[name.partition(",")[0]] += 1
    assert set(done) == set(MUTATIONS) and done.total() > CASES * 0.8
