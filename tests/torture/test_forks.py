"""Forks of a process that delivers while its threads track: all arrives, and no fork takes long.

Beside it an idle control: the same forks, with children that do the same, of a process in which nothing tracks.
"""

import statistics
import time

import pytest

from gatekeeper.testing import Simulators
from tests.hosts.test_forks import forked
from tests.torture.scale import FULL, figure

FORKS = 50 if FULL else 5
SLOWER = 0.05  # seconds that the median fork under load may take longer than the idle one
_idle = []


@pytest.mark.parametrize("threads", [0, 3], ids=["idle-control", "under-load"])
def test_every_event_of_parent_and_children_arrives(tmp_path, threads):
    """With the time that each fork took, which is bounded in the long run only."""
    began = time.monotonic()
    with Simulators() as sims:
        said, arrived, wanted = forked(tmp_path, sims, FORKS, threads)
    median, longest = statistics.median(said["took"]), max(said["took"])
    name = "forks under load" if threads else "forks, idle control"
    # A child that leads when it ends gives a request under way two seconds; its event may then be sent once more.
    missing, repeated = set(wanted) ^ set(arrived), len(arrived) - len(set(arrived))
    figure(
        name, cases=FORKS, broken=len(missing), seconds=time.monotonic() - began, accepted=len(wanted),
        repeated=repeated, median=round(median * 1000, 1), longest=round(longest * 1000, 1),
    )  # fmt: skip
    assert not missing
    assert not (threads and repeated)  # the parent leads, and does not end
    assert (said["open"], said["problems"], set(said["codes"])) == ([], [], {0})
    if not threads:
        _idle.append(median)
    elif FULL and _idle:
        assert median < _idle[0] + SLOWER
