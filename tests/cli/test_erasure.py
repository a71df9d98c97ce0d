"""`gatekeeper subject erase` and `erasure …`: a request from the command line to its receipt, beside no gate."""

import json

import pytest

from tests.rights import people
from tests.rights.erasing import POLICY

NO_VENDORS = (
    POLICY.partition("[destinations.own]")[0]
    + """
[destinations.ads]
kind = "http_json"
purpose = "marketing"
endpoint = "http://127.0.0.1:9/in"
fields = ["page_url", "email"]

[destinations.meta]
kind = "meta_capi"
pixel_id = "1"
access_token = "T"
"""
)


@pytest.fixture
def shop(tmp_path):
    """A folder in which a gate has run, with two events of one person."""
    with people.running(tmp_path, NO_VENDORS) as runtime:
        for path in ("/a", "/b"):
            people.send(
                runtime.gate, {"page_url": path, "email": "jane@example.com"}, headers=people.cookie("marketing")
            )
    return tmp_path


def test_a_request_goes_from_the_command_line_to_its_receipt(gatekeeper, shop):
    """Identifiers on standard input; each step with its exit code; every act has its line before it."""
    made = json.loads(
        gatekeeper(
            "subject", "erase", "--email", "-", "--verified-by", "login", "--law", "gdpr", "--json",
            stdin="jane@example.com\n", code=0, folder=shop,
        ).stdout
    )  # fmt: skip
    erasure = made["id"]
    assert made["state"] == "found" and made["stores"]["audit_lines"] == 2 and made["stores"]["outbox"] == 4
    gatekeeper("erasure", "told", erasure, code=1, folder=shop)
    assert "approved" in gatekeeper("erasure", "approve", erasure, code=0, folder=shop).stdout
    gatekeeper("erasure", "refuse", erasure, "--reason", "not_controller", code=1, folder=shop)
    assert "asked" in gatekeeper("erasure", "run", code=0, folder=shop).stdout
    assert "nothing is due" in gatekeeper("erasure", "run", code=0, folder=shop).stdout
    listed = json.loads(gatekeeper("erasure", "list", "--state", "asked", "--json", code=0, folder=shop).stdout)
    assert [one["id"] for one in listed] == [erasure]
    assert "jane@example.com" in gatekeeper("erasure", "task", erasure, "ads", code=0, folder=shop).stdout
    settle = ("erasure", "settle", erasure, "ads", "--state", "confirmed")
    gatekeeper(*settle, code=2, folder=shop)
    gatekeeper(*settle, "--evidence", "ticket 7", code=0, folder=shop)
    assert (
        "confirmed that your data are deleted" in gatekeeper("erasure", "letter", erasure, code=0, folder=shop).stdout
    )
    copy = gatekeeper("erasure", "receipt", erasure, "--person", code=0, folder=shop).stdout
    (shop / "receipt.json").write_text(copy)
    assert "unchanged" in gatekeeper("erasure", "receipt", "--check", "receipt.json", code=0, folder=shop).stdout
    (shop / "receipt.json").write_text(copy.replace("confirmed", "accepted"))
    gatekeeper("erasure", "receipt", "--check", "receipt.json", code=1, folder=shop)
    assert "told" in gatekeeper("erasure", "told", erasure, code=0, folder=shop).stdout
    replayed = gatekeeper("erasure", "replay", code=0, folder=shop).stdout
    assert "1 erasure; come back since, and erased again: 0 persons" in replayed
    gatekeeper("audit", "verify", code=0, folder=shop)
    text = "".join(path.read_text("utf-8", "replace") for path in (shop / "var/audit").glob("*.jsonl"))
    assert "jane" not in text


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("erasure", "show", "er_none"), 3, id="no-such-request"),
        pytest.param(("subject", "erase", "--email", "nobody"), 2, id="no-address"),
        pytest.param(("erasure", "receipt"), 1, id="no-id"),
        pytest.param(("erasure", "replay", "--file", "missing.jsonl"), 1, id="no-file"),
    ],
)
def test_what_cannot_be_is_said_with_its_exit_code(gatekeeper, shop, words, code):
    """And changes nothing."""
    gatekeeper(*words, code=code, folder=shop)
    assert json.loads(gatekeeper("erasure", "list", "--json", code=0, folder=shop).stdout) == []


def test_where_no_gate_has_run_there_is_nothing(gatekeeper, tmp_path):
    """And nothing is made."""
    (tmp_path / "gatekeeper.toml").write_text(NO_VENDORS)
    assert gatekeeper("erasure", "list").returncode in (1, 3)
    assert not (tmp_path / "var/gatekeeper.db").exists()
