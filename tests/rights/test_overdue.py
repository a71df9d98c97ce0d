"""What is overdue is seen from outside: in the metrics, as the commands and the self-audit say it."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from gatekeeper.audit import retention
from gatekeeper.storage import opening
from gatekeeper.storage.protocols import Place
from tests.rights import people
from tests.rights.erasing import POLICY, Office


def lines(runtime, word):
    """What a scrape says of some numbers."""
    found = (line.split() for line in runtime.scrape().decode().splitlines() if line.startswith(f"gatekeeper_{word}"))
    return {name.removeprefix("gatekeeper_"): float(value) for name, value in found}


@pytest.mark.parametrize(
    ("days", "late"),
    [pytest.param(44, 0, id="runs"), pytest.param(45, 0, id="ends-today"), pytest.param(46, 1, id="is-over")],
)
def test_a_request_whose_term_is_over_is_a_metric(tmp_path, days, late):
    """The list, the self-audit and the metric say the same; who was told is not overdue."""
    with people.running(tmp_path, POLICY) as runtime:
        office = Office(runtime)
        today = datetime.now(UTC).date()
        erasure = office.request(user_id="u-1", law="ccpa", received=today - timedelta(days))["id"]
        there = lines(runtime, "erasures")
        assert there == {"erasures_open": 1.0, "erasures_overdue": float(late)}
        assert office.erasures.show(erasure)["overdue"] == bool(late)
        place = Place(runtime.policy.storage_url, runtime.policy.folder, runtime.policy.node_folder)
        assert len(opening.late(place, time.time())) == late
        office.erasures.refuse(erasure, by="bob", reason="not_controller")
        assert lines(runtime, "erasures") == {"erasures_open": 0.0, "erasures_overdue": 0.0}


def test_retention_that_does_not_run_is_a_metric(tmp_path):
    """Its age grows, also where no run has failed; before the first run there is none."""
    with people.running(tmp_path, POLICY) as runtime:
        assert lines(runtime, "retention") == {"retention_overdue": 0.0}
        retention.keep(runtime.policy.audit_folder, retention.State(done=time.time() - 86_400 * 3))
        there = lines(runtime, "retention")
        assert there["retention_overdue"] == 0.0 and there["retention_age_seconds"] == pytest.approx(259_200, abs=60)
