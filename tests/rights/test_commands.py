"""`gatekeeper suppression` and `subject`: what they do, print and refuse; the log has each act before it."""

import csv
import io
import json
import os

import pytest
from typer.testing import CliRunner

from gatekeeper.audit import read, segments
from gatekeeper.cli import app
from gatekeeper.policy import load_policy
from gatekeeper.rights.office import Office
from tests.rights.people import cookie, running, send
from tests.rights.test_search import PERSON

WORDS = ("jane", "Jane", "901820", "u-17", "12.34")  # of the person: in no output of a list, and in no line


@pytest.fixture
def config(tmp_path):
    """A policy whose gate ran, saw one person three times, and ended."""
    with running(tmp_path) as made:
        for n in range(3):
            send(made.gate, PERSON | {"session_id": f"s{n}"}, headers=cookie("analytics", "marketing"))
    return tmp_path / "gatekeeper.toml"


def run(config, *words, code=0, stdin=None):
    """What a command prints."""
    done = CliRunner().invoke(app, [*words, "--config", str(config)], input=stdin)
    assert done.exit_code == code, (done.output, done.exception)
    return done


def refusal(config, *words, code=1):
    """What a command says where it refuses."""
    done = run(config, *words, code=code)
    return done.output + str(done.exception)


def lines(config, kind="admin"):
    """The lines of a kind in the log."""
    folder = load_policy(config, require_secrets=False).audit_folder
    raw = [one for segment in read.files(folder) for one in segments.lines(segment)]
    found = sorted(map(json.loads, raw), key=lambda one: one.get("timestamp", ""))
    return [one for one in found if one["kind"] == kind]


def test_a_person_is_suppressed_listed_and_removed(config):
    """By every identifier given; the list and the log name no identifier."""
    words = ("suppression", "add", "--why", "erased", "--email", "-", "--user-id", "u-17", "--json")
    told = json.loads(run(config, *words, stdin="Jane.Doe@gmail.com\n").stdout)
    assert told["erasure"].startswith("sup_") and told["heard"] == "heard"
    listed = run(config, "suppression", "list", "--json").stdout
    found = json.loads(listed)
    assert {one["type"] for one in found["entries"]} == {"email", "user_id"}
    printed = listed + run(config, "suppression", "list").stdout
    assert not [word for word in WORDS if word in printed]
    assert json.loads(run(config, "suppression", "remove", "--user-id", "u-17", "--json").stdout)["removed"] == 2
    run(config, "suppression", "remove", "--user-id", "u-17", code=3)
    run(config, "suppression", "remove", "--erasure", told["erasure"])
    assert json.loads(run(config, "suppression", "list", "--json").stdout)["entries"] == []
    acts = lines(config)
    assert sorted(one["action"].partition("/")[2] for one in acts) == ["add", *["list"] * 3, *["remove"] * 3]
    (acts[0],) = [one for one in acts if one["action"] == "suppressions/add"]
    assert acts[0]["identifiers"] == ["email", "user_id"] and acts[0]["who"] == f"cli:{os.getuid()}"
    assert acts[0]["erasure"] == told["erasure"] and not [word for word in WORDS if word in json.dumps(acts)]
    run(config, "audit", "verify")


def test_a_list_of_opt_outs_is_imported(config, tmp_path):
    """CSV of any types, or one column; all of its rows or none."""
    path = tmp_path / "list.csv"
    path.write_text("type,value\nemail,a@example.com\nphone,+4930901820\n" + f"email,{'ab' * 32}\n")
    told = json.loads(run(config, "suppression", "import", str(path), "--json").stdout)
    assert told["rows"] == {"email": 2, "phone": 1}
    assert json.loads(run(config, "suppression", "list", "--json").stdout)["counts"] == {"opted_out": 4}
    path.write_text("a@example.com\nnot-an-address\n")
    refused = refusal(config, "suppression", "import", str(path), "--type", "email")
    assert "row 2: email: is not a valid" in refused and "not-an" not in refused
    run(config, "suppression", "import", str(path), code=1)
    run(config, "suppression", "import", str(tmp_path / "none"), code=1)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["add", "--why", "erased"], 1, id="nobody"),
        pytest.param(["add", "--why", "erased", "--session-id", "s"], 1, id="a-session-ends"),
        pytest.param(["add", "--why", "bored", "--user-id", "u"], 2, id="no-such-reason"),
        pytest.param(["add", "--why", "erased", "--user-id", "u", "--until", "2020-01-01"], 1, id="over-already"),
        pytest.param(["add", "--why", "erased", "--user-id", "u", "--purpose", "necessary"], 2, id="not-optional"),
        pytest.param(["remove"], 1, id="remove-nothing"),
        pytest.param(["remove", "--user-id", "u", "--erasure", "er_1"], 1, id="remove-both"),
    ],
)
def test_what_cannot_be_meant_is_refused(config, words, code):
    """And nothing is kept."""
    run(config, "suppression", *words, code=code)
    assert json.loads(run(config, "suppression", "list", "--json").stdout)["counts"] == {}


def test_no_record_no_act(config, monkeypatch):
    """A log that cannot be written: nobody is suppressed."""

    def full(self, action, **more):
        from gatekeeper.errors import AuditError

        raise AuditError("full")

    monkeypatch.setattr(Office, "record", full)
    run(config, "suppression", "add", "--why", "erased", "--user-id", "u", code=1)
    monkeypatch.undo()
    assert json.loads(run(config, "suppression", "list", "--json").stdout)["counts"] == {}


def test_a_person_is_shown_and_gets_a_copy(config):
    """Recipients by name, events in words, choices; a page, a table and JSON say the same."""
    shown = json.loads(run(config, "subject", "show", "--email", "Jane.Doe@gmail.com", "--json").stdout)
    assert (shown["stores"]["audit_lines"], shown["stores"]["outbox"]) == (3, 6) and shown["laws"] == ["strictest"]
    assert [one["destination"] for one in shown["destinations"]] == ["ads", "own"] and shown["linked"]
    assert "audit_lines" in run(config, "subject", "show", "--user-id", "u-17").stdout
    words = ("subject", "export", "--user-id", "u-17", "--format")
    copy = json.loads(run(config, *words, "json").stdout)
    assert len(copy["events"]) == 6 and {one["recipient"] for one in copy["events"]} == {"ads", "own"}
    assert copy["recipients"][0]["fields"] and "p_" not in json.dumps(copy)
    rows = list(csv.DictReader(io.StringIO(run(config, *words, "csv").stdout.lstrip("\ufeff"))))
    assert [one["request_id"] for one in rows] == [one["request_id"] for one in copy["events"]]
    page = run(config, *words, "html").stdout
    assert "Your data at Shop GmbH" in page and "<script" not in page and "Who received data" in page
    run(config, "subject", "show", "--email", "nobody@example.com", code=3)
    run(config, "suppression", "add", "--why", "objected", "--user-id", "u-17")
    assert "You are suppressed: objected" in run(config, *words, "html").stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["show", "--client-id", "12.34"], "a client id alone is too broad", id="show-a-browser"),
        pytest.param(["export", "--client-id", "12.34"], "is no proof of a person", id="export-a-browser"),
        pytest.param(["export", "--click-id", "x", "--browser-id", "y"], "is no proof of a person", id="export-a-link"),
        pytest.param(["show"], "there is none", id="nobody"),
        pytest.param(["show", "--user-id", "u-17", "--link", "l_1"], "not among the linked", id="not-offered"),
    ],
)
def test_too_broad_and_unknown_identifiers_are_refused(config, words, says):
    """Nobody's data are handed to somebody else."""
    assert says in refusal(config, "subject", *words)


def test_a_copy_is_the_owners_alone(config, tmp_path):
    """The file is readable by who ran the command, and no more."""
    out = tmp_path / "copy.html"
    run(config, "subject", "export", "--user-id", "u-17", "--out", str(out))
    assert out.stat().st_mode & 0o077 == 0 and b"Shop GmbH" in out.read_bytes()
