"""Each row of the table of retention: by the clock, what is too old goes, and nothing else."""

import json
import time
from collections import Counter

import pytest
from typer.testing import CliRunner

from gatekeeper.audit import read, retention, statistics
from gatekeeper.audit.verify import verify
from gatekeeper.cli import app
from gatekeeper.errors import StorageError
from gatekeeper.model.suppression import Why
from gatekeeper.policy import load_policy
from gatekeeper.rights import keeping
from gatekeeper.rights.identifiers import entries
from gatekeeper.runtime.wiring import audit_writer
from tests.audit.logs import ours, theirs
from tests.rights.people import cookie, running, send, who

DAY = 86_400.0
YEAR = 365.25 * DAY


@pytest.fixture
def runtime(tmp_path):
    """A gate that has decided twelve events of two persons."""
    with running(tmp_path) as made:
        for n in range(12):
            granted = ("analytics", "marketing") if n % 2 else ("analytics",)
            send(made.gate, {"user_id": f"u{n % 2}"}, headers=cookie(*granted, subject=f"v_{n % 2}"), consent=None)
        yield made


def closed(runtime):
    """Its log, with every segment closed."""
    runtime.close(0.0)
    writer = audit_writer(runtime.policy)
    writer.append([]).result(10)  # takes the ended stream over, and compresses it
    return writer


def run(runtime, later):
    """What a run removes, so many seconds from now."""
    writer = closed(runtime)
    done = keeping.run(runtime.policy, runtime.store, writer, now=time.time() + later)
    writer.close()
    return {one.name: (one.removed, one.overdue) for one in done if (one.removed, one.overdue) != (0, 0)}


def test_lines_go_after_their_numbers_were_written(runtime):
    """The numbers are those of the lines, no id is in them, and both verifiers find the log sound."""
    folder = runtime.policy.audit_folder
    runtime.close(0.0)
    before = Counter()
    for record in read.records(folder):
        before.update(one["destination"] for one in record.get("deliveries", ()))
    assert run(runtime, 2.9 * YEAR) == {}
    done = run(runtime, 3.1 * YEAR)
    assert done["lines"][0] >= 12 and done["lines"][1] == 0
    cells = [cell for block in statistics.kept(folder) for cell in block["cells"]]
    after = Counter()
    for cell in cells:
        after[cell["destination"]] += cell["count"]
    # Fewer than five alike are counted as `other`, and how a delivery ended depends on when it was tried.
    assert after.total() == before.total() and set(after - before) <= {statistics.OTHER}
    assert "p_" not in json.dumps(cells) and "req_" not in json.dumps(cells)
    runtime.close(0.0)
    assert [one for one in read.records(folder) if one["kind"] == "decision"] == []
    assert verify(folder).pruned >= 12 and ours(folder, None) == theirs(folder, None) == []
    assert run(runtime, 5.2 * YEAR)["statistics"][0] >= 1 and statistics.kept(folder) == []


def test_small_cells_are_merged():
    """Fewer than five could be somebody."""
    cell = statistics.Cell("2026-11-24", "own", "blocked", "minor", "gdpr", False, False)
    counted = Counter({cell: 3, cell._replace(reason="gpc_opt_out"): 3, cell._replace(reason="suppressed"): 9})
    found = statistics.merged(counted)
    assert sum(found.values()) == 15 and all(count >= 5 for count in found.values())
    assert found[cell._replace(reason="suppressed")] == 9 and found[statistics.Cell(
        "2026-11-24", "own", "blocked", "other", "other", None, None)] == 6  # fmt: skip


def test_entries_of_suppression_end(runtime):
    """Those that were kept until a day."""
    made = entries(runtime.keys, who(runtime.gate, user_id="u1"), why=Why.OPTED_OUT, since=time.time(), erasure="sup_1",
                   until=time.time() + 9)  # fmt: skip
    runtime.store.suppressions.add(made, (), {}).result(10)
    assert "suppression" not in run(runtime, 5)
    assert run(runtime, 10)["suppression"] == (len(made), 0)


def test_what_fails_is_overdue_and_stops_nothing(runtime, monkeypatch):
    """The other rows are done; the metric and the command tell."""
    monkeypatch.setattr(runtime.store.ledger, "expire", lambda *_: (_ for _ in ()).throw(StorageError("damaged")))
    assert run(runtime, 3.1 * YEAR)["consent"] == (0, 1)
    folder = runtime.policy.audit_folder
    retention.keep(folder, retention.State(others=runtime.retain(time.time())))
    assert retention.read(folder).late == 1 and b"gatekeeper_retention_overdue 1.0" in runtime.scrape()
    shown = CliRunner().invoke(app, ["retention", "show", "--json", "--config", str(runtime.policy.path)])
    assert {one["name"]: one["overdue"] for one in json.loads(shown.stdout)["rows"]}["consent"] == 1


def test_the_command_prints_a_row_for_each_kind_of_data(tmp_path):
    """With its key; a dry run removes nothing."""
    with running(tmp_path) as made:
        send(made.gate, {"user_id": "u1"}, headers=cookie("analytics"))
    config = tmp_path / "gatekeeper.toml"
    for words in (["run", "--dry-run"], ["run"], ["show"]):
        told = json.loads(CliRunner().invoke(app, ["retention", *words, "--json", "--config", str(config)]).stdout)
        assert [one["name"] for one in told["rows"]] == [one.name for one in keeping.table(load_policy(config))]
        assert "audit.lines" in CliRunner().invoke(app, ["retention", *words, "--config", str(config)]).stdout
