"""Every policy that was in force is kept beside the log, by its hash, and without a secret in it."""

import stat

import orjson
import pytest
from typer.testing import CliRunner

from gatekeeper.cli import app
from gatekeeper.errors import AuditError, ConfigError
from gatekeeper.gate import incoming
from gatekeeper.jurisdiction.laws import version
from gatekeeper.model import Caller
from gatekeeper.policy import archive, load_policy
from gatekeeper.runtime import Runtime, wiring
from tests.builders import EVERY_KIND, make_policy

POLICY = """
[policy]
version = "{version}"
controller = "c"
[server]
admin_token = {{ env = "ADMIN" }}
api_keys = ["API-SECRET-5f0c3a9d71e24b685f0c3a9d71e24b68"]
[consent]
max_age = "30d"
[destinations.ga4]
kind = "ga4"
measurement_id = "G-1"
api_secret = "GA4-SECRET"
[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:9/"
headers = {{ Authorization = "HEADER-SECRET" }}
[[tests]]
name = "jane"
event = {{ event = "purchase", data = {{ email = "jane@example.com" }} }}
expect = {{ ga4 = "no_analytics_consent" }}
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    """The admin token, which no file may hold in clear."""
    monkeypatch.setenv("ADMIN", "ADMIN-SECRET-7d2b9c40e1f35a86b07d2b9c40e1f35a")


@pytest.fixture
def file(tmp_path):
    """A policy with secrets in every place that has one."""
    path = tmp_path / "gatekeeper.toml"
    path.write_text(POLICY.format(version="1"))
    return path


def test_it_is_kept_at_the_start_and_at_each_reload(file):
    """By each process; a second one finds it there."""
    for _ in range(2):
        running = Runtime(file)
        first = archive.find(running.policy, running.policy.hash)
        assert first is not None and first.parent == file.parent / "var" / "policies"
        file.write_text(POLICY.format(version="2"))
        assert running.reload()
        second = archive.find(running.policy, running.policy.hash)
        assert second is not None and second != first
        assert sorted(first.parent.iterdir()) == sorted((first, second))
        running.close()
        file.write_text(POLICY.format(version="1"))
    assert stat.S_IMODE(first.stat().st_mode) & 0o077 == 0


def test_it_holds_no_secret_and_no_example_of_a_person(file):
    """Whether a secret stood in the file or was read from the environment."""
    text = archive.written(load_policy(file))
    assert not [word for word in (b"SECRET", b"jane") if word in text]
    record = orjson.loads(text)
    assert record["laws"] == version() and record["policy"]["destinations"]["ga4"]["api_secret"] == archive.SECRET


@pytest.mark.parametrize("name", sorted(EVERY_KIND))
def test_a_kept_policy_decides_as_it_did(name, tmp_path):
    """Of every kind of destination: the same allow-lists, purposes, settings and hash."""
    policy = make_policy(destinations={name: EVERY_KIND[name]}, consent={"max_age": "90s"})
    path = tmp_path / f"{policy.hash}.json"
    path.write_bytes(archive.written(policy))
    again, laws = archive.load(path)
    assert (again.hash, laws) == (policy.hash, version())
    to, other = policy.destinations[name], again.destinations[name]
    assert (to.fields, to.purpose, dict(to.settings), to.causes, to.kind) == (
        other.fields, other.purpose, dict(other.settings), other.causes, other.kind,
    )  # fmt: skip
    assert again.file.consent.max_age == 90.0
    assert not any(secret.value for secret in other.secrets.values())


def test_secrets_in_headers_do_not_change_the_hash(file):
    """Their names do: what is sent is another thing then."""
    before = load_policy(file).hash
    text = file.read_text()
    file.write_text(text.replace("HEADER-SECRET", "ANOTHER"))
    assert load_policy(file).hash == before
    file.write_text(text.replace("Authorization =", "X-Key ="))
    assert load_policy(file).hash != before


def test_a_policy_that_cannot_be_kept_does_not_come_into_force(file, monkeypatch, caplog):
    """What was decided by it could never be told."""
    running = Runtime(file)
    old = running.policy

    def full(policy):
        raise AuditError("the policy cannot be kept (No space left on device)")

    monkeypatch.setattr(archive, "keep", full)
    file.write_text(POLICY.format(version="2"))
    assert not running.reload() and running.policy is old and "the old one stays" in caplog.text
    running.close()
    with pytest.raises(ConfigError, match="cannot be kept"):
        wiring.check(old)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"policy": 1, "hash": "a", "laws": "b"}'])
def test_what_is_no_kept_policy_is_refused(tmp_path, content):
    """With the file's name."""
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"x\.json: is not a policy that was kept"):
        archive.load(path)


def test_durations_in_numbers_are_for_kept_policies_alone(tmp_path):
    """In a policy file a number without a unit is a fault, as before."""
    path = tmp_path / "p.toml"
    path.write_text('[policy]\nversion = "1"\ncontroller = "c"\n[consent]\nmax_age = 30\n')
    with pytest.raises(ConfigError, match="not a duration"):
        load_policy(path)


def test_show_says_where_the_policy_of_a_record_is(file):
    """Or that it was not kept."""

    running = Runtime(file)
    (request_id,), done = running.gate.take(incoming.parse(b'{"event": "page_view"}'), Caller())
    done.result(10)
    running.close()

    def shown():
        result = CliRunner().invoke(app, ["audit", "show", request_id, "-c", str(file)])
        return "".join(result.output.split())

    assert f"iskeptin{archive.find(running.policy, running.policy.hash)}" in shown()
    archive.find(running.policy, running.policy.hash).unlink()
    assert "isnotkept" in shown()
    assert archive.find(running.policy, "../" + running.policy.hash) is None
