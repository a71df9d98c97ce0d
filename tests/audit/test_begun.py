"""How many streams were begun: kept with a mark, and counted on after a crash."""

import pytest

from gatekeeper.audit import begun, chain
from gatekeeper.audit.begun import Begun, after
from gatekeeper.audit.ends import Genesis
from tests.audit.logs import SIGNER, OneKey

KEY, OWN = SIGNER.keys()[0], SIGNER.own()
STATE = Begun(7, bytes(range(32)), 1_795_478_400)


def kept(folder, state=STATE, sync=False):
    begun.write(folder, state, KEY.mark, sync=sync)
    return folder / begun.FILE


@pytest.mark.parametrize("sync", [False, True])
def test_a_state_comes_back_as_it_was_written(tmp_path, sync):
    """For the one who wrote it, and unasked for anybody."""
    path = kept(tmp_path, sync=sync)
    assert begun.read(tmp_path, OWN) == STATE == begun.read(tmp_path, None)
    assert path.read_bytes().startswith(
        b"00000000000000000007 " + STATE.digest.hex().encode() + b" 0000000000179547840"
    )
    assert path.stat().st_mode & 0o137 == 0
    kept(tmp_path, Begun(8, bytes(32), 9))
    assert begun.read(tmp_path, OWN) == Begun(8, bytes(32), 9)
    assert STATE.claim == [7, STATE.digest.hex()] and Begun() == (0, chain.FIRST, 0)


def test_what_another_hand_wrote_is_not_believed(tmp_path):
    """Nor what a power cut left, nor a state whose number was changed."""
    assert begun.read(tmp_path, OWN) is None
    path = kept(tmp_path)
    assert begun.read(tmp_path, OneKey(bytes(32)).own()) is None
    data = path.read_bytes()
    path.write_bytes(data.replace(b"0007 ", b"0006 ", 1))
    assert begun.read(tmp_path, OWN) is None and begun.read(tmp_path, None).number == 6
    path.write_bytes(data[:-1])
    assert begun.read(tmp_path, OWN) is None is begun.read(tmp_path, None)


def genesis(n, *names, at="2026-11-24T00:00:00Z"):
    return Genesis(names[-1], n, chain.begun(names), {"timestamp": at})


ONE, TWO, THREE = genesis(1, "a"), genesis(2, "a", "b"), genesis(3, "a", "b", "c")
AFTER = {
    "nothing": (None, [], Begun()),
    "without-a-state": (None, [TWO, ONE], Begun(2, TWO.digest, 1_795_478_400)),
    "the-latest-time-counts": (
        None, [genesis(1, "a", at="2026-11-24T00:01:00Z"), TWO], Begun(2, TWO.digest, 1_795_478_460)),
    "the-state-alone": (Begun(1, ONE.digest, 5), [], Begun(1, ONE.digest, 5)),
    "a-crash-kept-one-out": (Begun(1, ONE.digest, 5), [ONE, TWO], Begun(2, TWO.digest, 5)),
    "a-crash-kept-two-out": (Begun(1, ONE.digest, 5), [THREE, TWO], Begun(3, THREE.digest, 5)),
    "behind-another": (Begun(1, ONE.digest, 5), [genesis(2, "x", "b")], Begun(1, ONE.digest, 5)),
    "a-gap-is-not-jumped": (Begun(1, ONE.digest, 5), [THREE], Begun(1, ONE.digest, 5)),
}  # fmt: skip


@pytest.mark.parametrize(("state", "found", "expected"), AFTER.values(), ids=AFTER)
def test_geneses_that_a_crash_kept_out_are_counted(state, found, expected):
    """Each that follows from the state; without one, all there are."""
    assert after(state, found) == expected
