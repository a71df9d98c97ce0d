"""`gatekeeper dead-letter`: what could not be delivered, seen, tried again, or thrown away."""

import json
import time

import pytest
from typer.testing import CliRunner

from gatekeeper.audit.read import records
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.cli import app
from gatekeeper.storage.outbox import DEAD
from tests.audit.logs import SIGNER
from tests.storage.builders import accept, arrival, claim, opened, settle

POLICY = """
[policy]
version = "1"
controller = "Example Shop GmbH"
[audit]
path = "audit"
[storage]
url = "sqlite:///gatekeeper.db"
[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:9/events"
"""


def run(config, *words):
    return CliRunner().invoke(app, ["dead-letter", *words, "--config", str(config)])


@pytest.fixture
def config(tmp_path):
    """A policy, and two dead letters."""
    path = tmp_path / "gatekeeper.toml"
    path.write_text(POLICY)
    writer = AuditWriter(tmp_path / "audit", signer=SIGNER)
    with opened(tmp_path, writer, names=("own",)) as store:
        accept(store, arrival("req_a", body=b'{"x":"canary"}'), arrival("req_b"))
        settle(store, *claim(store), DEAD, "http_400")
    writer.close()
    return path


def test_list_names_them_and_shows_nothing_of_them(config):
    """Ids, reasons, times."""
    found = {one["id"]: one for one in json.loads(run(config, "list", "--json").output)}
    assert {(one["request_id"], one["reason"], one["destination"]) for one in found.values()} == {
        ("req_a", "http_400", "own"), ("req_b", "http_400", "own"),
    }  # fmt: skip
    shown = run(config, "list").output
    assert "canary" not in shown
    assert all(str(one["id"]) in shown and one["request_id"] in shown for one in found.values())


def test_retry_queues_them_again_and_the_log_says_so(config):
    """One by its id; the running gate delivers it."""
    one = next(x for x in json.loads(run(config, "list", "--json").output) if x["request_id"] == "req_a")
    assert json.loads(run(config, "retry", str(one["id"]), "--json").output) == {"count": 1}
    assert [x["request_id"] for x in json.loads(run(config, "list", "--json").output)] == ["req_b"]
    last = [line for line in records(config.parent / "audit") if line.get("reason") == "retried_by_hand"]
    assert [(line["request_ids"], line["status"]) for line in last] == [(["req_a"], "pending")]


def test_purge_deletes_them_for_good(config):
    """All of a destination; then there is none left."""
    assert "2 dead letters deleted" in run(config, "purge", "--destination", "own").output
    answer = run(config, "purge")
    assert answer.exit_code == 3 and run(config, "list").output.strip() == "no dead letters"


@pytest.mark.parametrize("words", [("list",), ("retry",), ("purge",)], ids=" ".join)
def test_a_destination_that_is_spelt_wrongly_is_not_one_without_dead_letters(config, words):
    """Neither in the policy nor with a dead letter: exit code 2, with the one that was probably meant."""
    answer = run(config, *words, "--destination", "onw")
    assert answer.exit_code == 2 and 'did you mean "own"?' in answer.output


def test_a_gate_that_never_ran_has_none(tmp_path):
    """In one sentence."""
    path = tmp_path / "gatekeeper.toml"
    path.write_text(POLICY)
    started = time.monotonic()
    answer = run(path, "list")
    assert answer.exit_code == 3 and "no gate has run here yet" in answer.output
    assert time.monotonic() - started < 5
