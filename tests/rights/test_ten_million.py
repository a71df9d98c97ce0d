"""A person is found in a long log within a second: `LOG_LINES=10000000` asks for ten million lines, in two gigabytes.

    LOG_LINES=10000000 pytest tests/rights/test_ten_million.py -s --basetemp /var/tmp/long

Half an hour on two cores, most of it to write the log and, once, its columns. `-s` shows the figures.
"""

import os
import shutil
import time

import pytest

from gatekeeper.audit.verify import verify
from gatekeeper.rights.search import search
from tests.rights import many, people
from tests.rights.erasing import POLICY, Office

LINES = int(os.environ.get("LOG_LINES", "4000"))
WITHIN = 1.0  # seconds of processor time: others compute beside it
JANE = {"user_id": "u-jane", "email": "jane@example.com"}
ROBOT = {"user_id": "u-robot"}  # in every segment


@pytest.fixture
def long(tmp_path):
    """The folder of an installation with a long log, and the time of its last line."""
    with people.running(tmp_path, POLICY) as runtime:
        parts, policy = many.template(runtime), runtime.policy
        jane, robot = (people.who(runtime.gate, **one).names for one in (JANE, ROBOT))
    end, began = time.time(), time.perf_counter()
    many.write(policy, parts, LINES, end, jane, robot)
    took("written", began)
    yield tmp_path
    shutil.rmtree(tmp_path / "var")  # two gigabytes


def took(what, began):
    """Say how long something took; in seconds."""
    seconds = time.perf_counter() - began
    print(f"{LINES:,} lines, {what}: {seconds:.2f} s")  # the figure that the long form is run for
    return seconds


def test_a_person_is_found_in_a_long_log_within_a_second_and_can_be_erased_from_it(long):
    """By an address, with every line and the identifiers beside it; columns are made once, before. The log is sound."""
    with people.running(long) as runtime:
        folder, who = runtime.policy.audit_folder, people.who(runtime.gate, email=JANE["email"])
        began = time.perf_counter()
        search(runtime.store, folder, who)
        took("columns made", began)
        times = []
        for _ in range(3):
            began, cpu = time.perf_counter(), time.process_time()
            found = search(runtime.store, folder, who)
            times.append(time.process_time() - cpu)
            took("searched", began)
            print(f"  of which {times[-1]:.2f} s of CPU time")  # as above
        assert found.log.lines == 8 * many.VISITS and min(times) < WITHIN
        beside = {one.name for one in found.linked}
        assert any(one.shared for one in found.linked)  # devices that others use, too
        assert beside >= people.who(runtime.gate, user_id=JANE["user_id"]).names
        began = time.perf_counter()
        busy = search(runtime.store, folder, people.who(runtime.gate, **ROBOT))
        took(f"searched for who has {busy.log.lines} lines in all {busy.log.columns // 4} segments", began)
        assert busy.log.lines == len({*range(9_999, LINES, 10_000), LINES - 1})
        office = Office(runtime)
        erasure = office.approved(**JANE)
        began = time.perf_counter()
        office.run(erasure)
        took("erased", began)
        assert search(runtime.store, folder, who).empty
        began = time.perf_counter()
        report = verify(folder)
        took("verified", began)
        assert report.problems == [] and report.redacted == found.log.lines
