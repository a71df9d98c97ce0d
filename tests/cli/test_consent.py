"""`gatekeeper consent`: recorded on paper, shown, exported, withdrawn; the log that proves it, by both verifiers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gatekeeper import load_policy
from gatekeeper.cli import app
from gatekeeper.runtime import wiring

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
CONTROLLER = """
[controller]
address = "Beispielweg 1, Berlin"
contact = "privacy@shop.example"
storage = "DE"
"""
VERIFIER = Path(__file__).parents[2] / "docs" / "verify_audit.py"
PAPER = ("--surface", "paper", "--evidence", "form 17")


@pytest.fixture
def config(tmp_path):
    """A policy whose gate has run."""
    path = tmp_path / "gatekeeper.toml"
    path.write_text(POLICY + CONTROLLER)
    wiring.check(load_policy(path))
    return path


def run(config, *words, root=None):
    asked = root or ["consent", *words]
    return CliRunner().invoke(app, [*asked, "--config", str(config)])


def recorded(config, *words):
    result = run(config, "record", *PAPER, "--consent-id", "v_1", "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_choice_on_paper_is_shown_and_proven(config):
    """By its receipt in the log, which both verifiers find sound; the evidence stands in the ledger alone."""
    told = recorded(config, "--marketing", "--country", "US-CA")
    (shown,) = json.loads(run(config, "show", "--consent-id", "v_1", "--format", "json").stdout)
    assert shown["receipt"] == told["receipt"] and shown["row"] == told["row"]
    assert (shown["choices"], shown["evidence"], shown["surface"]) == ({"marketing": "granted"}, "form 17", "paper")
    line = json.loads(run(config, root=["audit", "show", told["receipt"], "--json"]).stdout)
    assert line["row"] == told["row"] and "form 17" not in json.dumps(line)
    assert told["receipt"] in run(config, root=["audit", "show", told["receipt"]]).stdout
    assert run(config, root=["audit", "verify"]).exit_code == 0
    audit = config.parent / "audit"
    checked = subprocess.run([sys.executable, str(VERIFIER), str(audit)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_changed_line_of_a_choice_is_found(config):
    """By both verifiers."""
    told = recorded(config, "--marketing")
    for path in (config.parent / "audit").glob("*.jsonl"):
        path.write_text(path.read_text().replace('"marketing":"granted"', '"marketing":"refused"'))
    assert told["receipt"] and run(config, root=["audit", "verify"]).exit_code == 1
    audit = config.parent / "audit"
    assert subprocess.run([sys.executable, str(VERIFIER), str(audit)], capture_output=True, check=False).returncode == 1


def test_a_withdrawal_is_the_newest_row(config):
    """Of one purpose, or of both."""
    recorded(config, "--marketing", "--analytics")
    assert run(config, "withdraw", "--consent-id", "v_1", "--purpose", "marketing").exit_code == 0
    rows = json.loads(run(config, "show", "--consent-id", "v_1", "--format", "json").stdout)
    assert [row["choices"] for row in rows] == [
        {"analytics": "granted", "marketing": "granted"},
        {"marketing": "refused"},
    ]
    assert "marketing" in run(config, "show", "--consent-id", "v_1").stdout


# What the DPV guide to ISO/IEC TS 27560 calls mandatory, as paths in the record.
MANDATORY = [
    "dct:hasVersion", "dct:identifier", "dpv:hasDataSubject.dct:identifier", "dpv:hasNotice.dct:identifier",
    "dpv:hasNotice.dct:language", "dpv:hasProcess.dpv:hasPurpose", "dpv:hasProcess.dpv:hasPersonalData",
    "dpv:hasProcess.dpv:hasStorageCondition.dpv:hasLocation", "dpv:hasProcess.dpv:hasStorageCondition.dpv:hasDuration",
    "dpv:hasProcess.dpv:hasJurisdiction.dct:identifier", "dpv:hasProcess.dpv:hasRecipient",
    "dpv:hasProcess.dpv:hasConsentControl.dpv:isExercisedAt", "dpv:hasDataController.@type",
    "dpv:hasDataController.dct:identifier", "dpv:hasDataController.dpv:hasName",
    "dpv:hasDataController.dpv:hasAddress", "dpv:hasDataController.dpv:hasContact",
    "dpv:hasProcess.dpv:hasConsentEvent.dpv:isIndicatedAtTime", "dpv:hasProcess.dpv:hasConsentEvent.dpv:hasDuration",
    "dpv:hasProcess.dpv:hasConsentEvent.dpv:isIndicatedBy", "dpv:hasProcess.dpv:hasConsentEvent.dct:type",
    "dpv:hasProcess.dpv:hasConsentEvent.dpv:hasConsentStatus",
]  # fmt: skip


@pytest.mark.parametrize("path", MANDATORY)
def test_a_consent_record_has_every_mandatory_field(config, path):
    """ISO/IEC TS 27560, profile record-eu-gdpr."""
    recorded(config, "--analytics", "--country", "DE")
    (found,) = json.loads(run(config, "show", "--consent-id", "v_1", "--format", "iso27560").stdout)
    assert found["dct:conformsTo"].endswith("record-eu-gdpr")
    for key in path.split("."):
        found = found[0][key] if isinstance(found, list) else found[key]
    assert found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show"], "--consent-id, --user-id"),
        (["show", "--consent-id", "v_1", "--format", "xml"], '"xml" is not a format'),
        (["record", *PAPER, "--consent-id", "v_1"], "--analytics, --marketing"),
        (
            ["record", "--surface", "banner", "--evidence", "x", "--consent-id", "v", "--marketing"],
            "not paper or phone",
        ),
        (
            ["record", "--surface", "paper", "--evidence", " ", "--consent-id", "v", "--marketing"],
            "--evidence: is empty",
        ),
        (["withdraw", "--consent-id", "v_1", "--purpose", "necessary"], '"necessary" cannot be withdrawn'),
    ],
)
def test_bad_input_is_named(config, words, said):
    """With what to write instead."""
    result = run(config, *words)
    assert result.exit_code != 0 and said in " ".join(str(result.exception or result.output).split())


def test_a_record_needs_the_controllers_address(config):
    """All keys that are missing are named at once."""
    config.write_text(POLICY)
    recorded(config, "--marketing")
    result = run(config, "show", "--consent-id", "v_1", "--format", "iso27560")
    assert result.exit_code != 0 and "controller.address, controller.contact, controller.storage" in str(
        result.exception
    )


def test_a_stranger_has_no_history(config):
    """Exit code 3."""
    assert run(config, "show", "--user-id", "u-9").exit_code == 3
