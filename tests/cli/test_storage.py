"""`gatekeeper storage prepare` and `gatekeeper node`: tables for several machines, and who uses them."""

import json

import pytest
from typer.testing import CliRunner

from gatekeeper.cli import app
from gatekeeper.runtime import Runtime
from tests.storage.server import DATABASES

POLICY = """
[policy]
version = "1"
controller = "Example Shop GmbH"
[audit]
path = "audit"
[keys]
path = "keys"
[storage]
url = {url}
copies = 1
[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:9/events"
"""


def run(folder, *words):
    return CliRunner().invoke(app, [*words, "--config", str(folder / "gatekeeper.toml")])


@pytest.fixture
def policy(tmp_path, monkeypatch):
    """A policy whose store is a database without tables; the folder."""
    server = DATABASES.server()
    server.run("CREATE DATABASE shop")
    monkeypatch.setenv("DATABASE_URL", server.url("shop"))
    (tmp_path / "gatekeeper.toml").write_text(POLICY.format(url='{ env = "DATABASE_URL" }'))
    yield tmp_path
    server.run("DROP DATABASE shop WITH (FORCE)")


def test_a_gate_runs_with_tables_that_were_prepared(policy):
    """Without them it says what to do; its machine is listed, and stays as long as it has a lease."""
    checked = run(policy, "check")
    assert checked.exit_code == 1 and "gatekeeper storage prepare" in checked.output
    assert json.loads(run(policy, "storage", "prepare", "--json").output) == {"before": 0, "version": 2}
    assert "already" in run(policy, "storage", "prepare").output
    runtime = Runtime(policy / "gatekeeper.toml")
    try:
        assert runtime.health.problems() == [] and runtime.store.barrier.now() is not None
        (one,) = json.loads(run(policy, "node", "list", "--json").output)
        assert one["processes"] == 1 and one["gone"] is None
        assert "it has a lease" in str(run(policy, "node", "remove", one["log"]).exception)
        assert run(policy, "dead-letter", "list").output.strip() == "no dead letters"
    finally:
        runtime.close()
    assert run(policy, "node", "remove", "nothing").exit_code == 3
    assert run(policy, "node", "remove", one["log"], "--destroyed").exit_code == 0
    assert one["log"] in run(policy, "node", "list").output


def test_the_tables_can_be_printed_for_whoever_makes_them(policy):
    """With the rights of the gate's role; nothing is run."""
    script = run(policy, "storage", "prepare", "--print", "--role", "gate").output
    assert "CREATE TABLE outbox" in script and "TO gate;" in script
    assert "tables are not there" in run(policy, "check").output
    assert "is not a role" in str(run(policy, "storage", "prepare", "--print", "--role", "a; b").exception)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ('"postgresql://gate:secret@db/gate"', "holds a password"),
        ('"mysql://db/gate"', "is not the address of a store"),
        ('{ env = "DATABASE_URL" }', "DATABASE_URL is not the address of a store"),
    ],
    ids=["password", "engine", "variable"],
)
def test_a_wrong_address_is_a_fault_that_shows_no_password(tmp_path, monkeypatch, url, fault):
    """In the file, or in the variable that it names."""
    monkeypatch.setenv("DATABASE_URL", "mysql://u:secret@db/gate")
    (tmp_path / "gatekeeper.toml").write_text(POLICY.format(url=url))
    checked = run(tmp_path, "check")
    assert checked.exit_code == 1 and fault in checked.output and "secret" not in checked.output


def test_a_store_on_one_machine_has_one_node(tmp_path):
    """The commands say so."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY.format(url='"sqlite:///gatekeeper.db"'))
    assert "there is one node" in str(run(tmp_path, "node", "list").exception)
    assert "ready" in run(tmp_path, "storage", "prepare").output and (tmp_path / "gatekeeper.db").exists()
