"""The checks themselves, checked: with a bug planted, at least one of them turns red; without, none does."""

import random

import pytest

from tests.torture import bugs, strace
from tests.torture.rounds import round_in
from tests.torture.scale import FULL, SEED, figure
from tests.torture.test_power import cuts

needs_strace = pytest.mark.skipif(strace.unavailable() is not None, reason=str(strace.unavailable()))
# What shows it: a fault, or nothing at all. `power`: only a cut of the power can.
SHOWN_BY = {
    "answer_before_the_commit": {},
    "settle_before_the_send": {"inject": "connect:signal=SIGKILL:when=1"},
    "send_before_the_line": {},
    "forget_unwritten_lines": {"die_between": True},
    "forget_repetitions": {},
    "one_key_for_all": {},
    "new_id_for_every_attempt": {},
    "ignore_failed_writes": {"log_fails": 3},
    "release_twice": {},
    "forget_flights": {"kill_while_asked": True},
}
LOOKS = 10  # recordings, in each of which the power goes twice, by chance
BY_POWER = ("skip_fdatasync", "synchronous_off", "put_decisions")


def test_there_are_ten_and_more():
    """Each has its check."""
    assert set(bugs.BUGS) == {*SHOWN_BY, *BY_POWER} and len(bugs.BUGS) >= 10


def hurt(parent, folder, bug, how):
    """One round with the same fault; the broken promises."""
    with round_in(folder, parent, "bug") as one:
        one.recover()
        one.vendor.pause = (lambda: 0.3) if how.get("kill_while_asked") else one.vendor.pause
        one.drive(bug=bug, limit=5, **how)
        one.vendor.pause = lambda: 0.0
        one.recover(bug=bug, seconds=2.0, limit=5)
        return one.broken()


@pytest.mark.parametrize("bug", SHOWN_BY)
def test_a_planted_bug_turns_a_check_red(parent, tmp_path, bug):
    """And the same round without it is green."""
    how = SHOWN_BY[bug]
    if "inject" in how and strace.unavailable():
        pytest.skip(str(strace.unavailable()))
    found = hurt(parent, tmp_path, bug, how)
    assert found != []
    if FULL:
        assert hurt(parent, tmp_path, "", how) == []
    first = next((one for one in found if "corrected" not in one), found[0])
    figure("planted bug", cases=1, broken=len(found), seconds=0, bug=bug, text=bugs.BUGS[bug].__doc__, first=first)


def folder_in(folder, n):
    """A folder of its own."""
    mine = folder / str(n)
    mine.mkdir()
    return mine


@needs_strace
@pytest.mark.parametrize("bug", BY_POWER)
def test_a_missing_sync_is_seen_when_the_power_goes(parent, tmp_path, bug):
    """It is looked for until it is seen; without the bug, `test_power` has as many cuts, and none is red."""
    when = {"answered": True} if bug == "put_decisions" else {"late": True}
    looks = (
        cuts(
            parent,
            folder_in(tmp_path, n),
            random.Random(f"{SEED} {n}"),
            2,
            only="dropped",
            first_start=False,
            bug=bug,
            **when,
        )
        for n in range(LOOKS)
    )
    found = next((found for found, _ in looks if found), {})
    assert found != {}
    first = next(iter(found.values()))[0]
    figure("planted bug", cases=1, broken=len(found), seconds=0, bug=bug, text=bugs.BUGS[bug].__doc__, first=first)
