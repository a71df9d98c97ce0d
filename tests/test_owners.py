"""What belongs to another user is neither empty nor broken: the message says whose it is, and what helps."""

import errno
import json
import os
import pwd

import pytest
from typer.testing import CliRunner

from gatekeeper.audit.segments import holds_log, streams
from gatekeeper.cli import app
from gatekeeper.errors import AuditError, ConfigError
from gatekeeper.installation import keys
from gatekeeper.installation.owners import hindrance
from gatekeeper.storage import database

ME = pwd.getpwuid(os.geteuid()).pw_name
STRANGER = 54_321  # of no user that a machine has
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def denied(path):
    return PermissionError(errno.EACCES, "Permission denied", str(path))


@as_root
def test_the_owner_and_this_user_are_named(tmp_path):
    """Not "make it writable", which the owner did."""
    path = tmp_path / "key"
    path.touch()
    os.chown(path, STRANGER, STRANGER)
    assert hindrance(tmp_path, denied(path), "read the keys") == (
        f"cannot read the keys: {path} belongs to the user {STRANGER}, and this is {ME}; "
        f"run this as {STRANGER}, or give it to {ME} with chown"
    )


@as_root
def test_of_a_file_that_is_not_there_the_folder_counts(tmp_path):
    """It is where the file would be made."""
    os.chown(tmp_path, STRANGER, STRANGER)
    assert f"{tmp_path} belongs to the user {STRANGER}" in hindrance(tmp_path, denied(tmp_path / "a" / "b"), "write")


def test_a_file_of_ones_own_needs_its_mode_changed(tmp_path):
    """Nothing is said of owners."""
    assert (
        hindrance(tmp_path, denied(tmp_path), "write")
        == f"cannot write (permission denied); run chmod u+rwX on {tmp_path}"
    )


def test_another_error_says_what_the_system_said(tmp_path):
    """With the place."""
    error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x"))
    assert hindrance(tmp_path, error, "write") == f"cannot write at {tmp_path / 'x'} (no space left on device)"


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """The system lets this process look into no folder below this one, as it does with another user's."""
    for name in ("scandir", "listdir"):
        real = getattr(os, name)

        def look(path=".", real=real):
            if str(path).startswith(str(tmp_path)):
                raise denied(path)
            return real(path)

        monkeypatch.setattr(os, name, look)


def test_a_log_that_may_not_be_looked_at_is_not_an_absent_one(tmp_path, closed):
    """ "There is no log" would be a false answer to a question about evidence."""
    for ask in (holds_log, streams):
        with pytest.raises(AuditError, match=r"^audit\.path: cannot read the log"):
            ask(tmp_path)


def test_keys_that_may_not_be_looked_at_are_not_absent_ones(tmp_path, closed):
    """Nor are others made."""
    for ask in (keys.load, keys.listed):
        with pytest.raises(ConfigError, match=r"^keys\.path: cannot read the keys"):
            ask(tmp_path, {})


QUESTIONS = [
    ("audit", "tail"), ("audit", "show", "req_06h0pda9vevy500s9w130nrwvb"), ("audit", "query"), ("audit", "stats"),
    ("audit", "verify"), ("audit", "export", "x.csv"), ("replay",), ("report", "transfers"), ("test", "--from-audit"),
    ("retention", "run"), ("keys", "list"),
]  # fmt: skip


@pytest.mark.parametrize("words", QUESTIONS, ids=" ".join)
def test_no_command_takes_another_users_folder_for_an_empty_one(words, tmp_path, closed, monkeypatch):
    """Whatever is asked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gatekeeper.toml").write_text('[policy]\nversion = "1"\ncontroller = "Shop"\n')
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, (AuditError, ConfigError)), done.output
    assert "cannot read the" in str(done.exception)


@pytest.mark.parametrize("closed_one", ["gatekeeper.db", "."])
def test_a_database_of_another_user_is_said_to_be_one(closed_one, tmp_path, monkeypatch):
    """Or its folder: SQLite says no more than that it cannot open it."""
    path = tmp_path / "gatekeeper.db"
    path.write_bytes(b"no database")
    real = os.access
    shut = (tmp_path / closed_one).resolve()
    monkeypatch.setattr("os.access", lambda one, mode: one != shut and real(one, mode) if mode else True)
    with pytest.raises(ConfigError, match=r"^storage\.url: cannot use the database"):
        database.prepare(path)
    assert "permission denied" in database.reason(path, RuntimeError())


def test_keys_list_says_what_each_key_is_used_for(tmp_path, monkeypatch):
    """The log's next key waits; a key of the environment is said to come from there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gatekeeper.toml").write_text('[policy]\nversion = "1"\ncontroller = "Shop"\n')
    folder = tmp_path / "var" / "keys"
    keys.load(folder, {})
    keys.audit(folder, {})
    keys.rotate(folder, keys.SIGNING)
    keys.rotate(folder, keys.AUDIT)
    monkeypatch.setenv("GATEKEEPER_PSEUDONYM_KEYS", f"new:{'1' * 64},old:{'2' * 64}")

    def shown(*words):
        return CliRunner().invoke(app, ["keys", "list", *words]).stdout

    found = json.loads(shown("--json"))
    assert {kind: [key["in_use"] for key in there] for kind, there in found.items()} == {
        "signing": [True, False], "pseudonym": [True, False], "suppression": [True], "sealing": [True],
        "audit": [False, True],
    }  # fmt: skip
    assert [key["from"] for key in found["pseudonym"]] == ["environment"] * 2
    assert found["signing"][1]["id"] == "signing-00000000-first"
    lines = shown().splitlines()
    (line,) = [one for one in lines if one.startswith("pseudonym") and " new " in one]
    assert line.split() == "pseudonym new names subjects from GATEKEEPER_PSEUDONYM_KEYS".split()
    assert lines[-2].endswith("waits for the next checkpoint, which introduces it")
    assert lines[-1].endswith("signs the log")
