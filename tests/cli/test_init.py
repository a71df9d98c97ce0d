"""`gatekeeper init`, and the service that `init --system` prepares."""

import configparser
import importlib
import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from gatekeeper import load_policy
from gatekeeper.cli import app

init = importlib.import_module("gatekeeper.cli.init")  # the command of that name stands in its place in the package
EXAMPLE = Path(__file__).parents[2] / "middleware_examples" / "sidecar" / "gatekeeper.service"
SECRETS = {"GA4_API_SECRET": "s" * 12, "META_ACCESS_TOKEN": "t" * 12}


@pytest.fixture
def service(tmp_path):
    """The folder after `gatekeeper init --system`."""
    folder = tmp_path / "gatekeeper"  # as in /etc: it is made
    done = CliRunner().invoke(app, ["init", "--system", str(folder / "gatekeeper.toml")])
    assert done.exit_code == 0, done.output
    return folder


def unit_of(path):
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str
    unit.read(path)
    return unit


def test_a_service_writes_in_its_state_folder_alone(service):
    """Under `ProtectSystem=strict` nothing else can be written, whatever folder the policy is in."""
    policy = load_policy(service / "gatekeeper.toml", environ=SECRETS)
    unit = unit_of(service / "gatekeeper.service")["Service"]
    assert unit["ProtectSystem"] == "strict" and f"/var/lib/{unit['StateDirectory']}" == init.STATE
    for place in (policy.audit_folder, policy.keys_folder, policy.database_file):
        assert Path(init.STATE) in place.parents


def test_the_unit_starts_this_installation_by_that_policy(service):
    """By full paths, with a command and options that there are."""
    words = unit_of(service / "gatekeeper.service")["Service"]["ExecStart"].split()
    assert Path(words[0]).is_file() and os.access(words[0], os.X_OK)
    assert words[words.index("--config") + 1] == str(service / "gatekeeper.toml")
    usage = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"}).stdout
    assert words[1] == "serve" and all(word in usage for word in words if word.startswith("--"))


def test_an_editor_finds_the_schema_that_the_first_line_names(tmp_path):
    """The directive is the first line, and the command beside it writes that file."""
    path = tmp_path / "gatekeeper.toml"
    assert CliRunner().invoke(app, ["init", str(path)]).exit_code == 0
    first, *head = path.read_text().splitlines()
    assert first == "#:schema ./gatekeeper.schema.json"
    assert any(line.endswith("gatekeeper schema > gatekeeper.schema.json") for line in head[:5])
    schema = jsonschema_rs.validator_for(json.loads(CliRunner().invoke(app, ["schema"]).stdout))
    assert schema.is_valid(tomllib.loads(path.read_text()))
    assert not schema.is_valid(tomllib.loads(path.read_text().replace("port = 8787", 'port = "8787"')))


def test_the_secrets_are_named_and_readable_by_root_alone(service):
    """One line for each variable that the policy names, to be filled in."""
    path = Path(unit_of(service / "gatekeeper.service")["Service"]["EnvironmentFile"])
    assert path.read_text() == "GA4_API_SECRET=\nMETA_ACCESS_TOKEN=\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_forced_init_keeps_secrets_that_were_filled_in(service):
    """The policy and the unit are written again."""
    (service / "gatekeeper.env").write_text("GA4_API_SECRET=x\n")
    again = ["init", "--system", str(service / "gatekeeper.toml")]
    refused = CliRunner().invoke(app, again)
    assert "use --force" in str(refused.exception)
    (service / "gatekeeper.service").write_text("")
    done = CliRunner().invoke(app, [*again, "--force", "--json"])
    assert [Path(one).name for one in json.loads(done.stdout)["files"]] == [
        "gatekeeper.toml", "gatekeeper.service", "gatekeeper.env",
    ]  # fmt: skip
    assert (service / "gatekeeper.env").read_text() == "GA4_API_SECRET=x\n"
    assert (service / "gatekeeper.service").read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit(service):
    """`systemd-analyze verify` finds nothing to say of it."""
    command = ["systemd-analyze", "verify", str(service / "gatekeeper.service")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    about_it = [line for line in done.stderr.splitlines() if "gatekeeper.service" in line]
    assert about_it == []


def test_the_example_is_what_init_writes(monkeypatch):
    """With the paths of a usual installation."""
    monkeypatch.setattr(init, "_command", lambda: "/opt/gatekeeper/bin/gatekeeper")
    written = init.service(Path("/etc/gatekeeper/gatekeeper.toml"), "")
    assert EXAMPLE.read_text() == written[Path("/etc/gatekeeper/gatekeeper.service")]
