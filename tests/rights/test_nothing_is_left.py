"""The search over every byte: after erasures nothing of the persons is in any file, and neighbours are as they were.

Fifty persons here, `TORTURE=full` a thousand. Each has ids that nobody else has, in queued rows, dead letters, closed
and open segments, remains of crashes and columns.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gatekeeper.audit import columns
from gatekeeper.audit.verify import verify
from gatekeeper.errors import ConfigError
from gatekeeper.rights.search import search
from gatekeeper.storage.outbox import DEAD, Ending
from tests.rights import people
from tests.rights.erasing import POLICY, Office, holding

PERSONS = 1_000 if os.environ.get("TORTURE") == "full" else 50
VERIFIER = Path(__file__).parents[2] / "docs" / "verify_audit.py"


def person(n):
    """Identifiers that nobody else has."""
    return {
        "user_id": f"user-canary-{n:04}", "client_id": f"9{n:04}.77{n:04}", "email": f"canary.{n:04}@example.com",
        "phone": f"+4917012{n:05}", "external_id": f"customer-canary-{n:04}", "session_id": f"s-canary-{n:04}",
    }  # fmt: skip


def everything(n):
    """A person with what only a browser knows."""
    return person(n) | {"consent_id": f"v_canary{n:04}", "browser_id": f"fb.1.1.canary{n:04}"}


def visits(runtime, n):
    """Two events of a person: one with everything, one with the browser's ids alone."""
    headers = people.cookie("analytics", "marketing", subject=f"v_canary{n:04}")
    people.send(runtime.gate, {"page_url": "/a", "order_value": 2.0} | person(n), headers=headers)
    rest = {"page_url": "/b", "client_id": person(n)["client_id"], "fbp": f"fb.1.1.canary{n:04}"}
    people.send(runtime.gate, rest, headers=headers)


def needles(runtime, n):
    """A person in every form: as it came, hashed, and as pseudonyms under every key."""
    who = everything(n)
    hashes = [hashlib.sha256(one.encode()).hexdigest() for one in (who["email"], who["phone"], who["phone"][1:])]
    # The digits of client id and telephone may stand in any number; their other forms are among the names.
    plain = [value for kind, value in who.items() if kind not in ("client_id", "phone")]
    return [*plain, f"canary{n:04}", *hashes, *people.who(runtime.gate, **who).names]


def rows(runtime, n):
    """How much the store has of a person."""
    found = runtime.store.persons.where(people.who(runtime.gate, **person(n)).names)
    return found.queued + found.dead, found.ledger


def without_columns(folder, others):
    """As where DuckDB is not installed: it takes a tenth of a second each time."""
    raise ConfigError("no columns")


def test_nothing_of_erased_persons_is_left_and_neighbours_are_as_they_were(tmp_path, monkeypatch):
    """Neither an id nor a hash nor a pseudonym, in no byte, unzipped; both verifiers find the log sound."""
    gone, stay = range(PERSONS), range(PERSONS, PERSONS + 5)
    with people.running(tmp_path, POLICY) as runtime:
        for n in (*gone, *stay):
            visits(runtime, n)
        buried = runtime.store.queue.claim("own", events=40, size=10**6, flights=1).result(10).flights[0]
        runtime.store.queue.settle(buried, [Ending(DEAD, "http_500", buried.rows)], [], None, True).result(10)
        torn = [path.read_bytes() for path in runtime.policy.audit_folder.glob("*.jsonl")]
    (tmp_path / "var/audit/planted.torn").write_bytes(b"".join(torn))
    with people.running(tmp_path) as runtime:
        office = Office(runtime)
        for n in (0, PERSONS):  # some in segments that are being written
            visits(runtime, n)
        before = {n: rows(runtime, n) for n in stay}
        office.request(**everything(0), dry_run=True)  # makes the columns
        found = {Path(name).suffix for name, _ in holding(tmp_path / "var", needles(runtime, 0))}
        assert found >= {".gz", ".jsonl", ".parquet", ".torn"} and found & {".db", ".db-wal"}
        monkeypatch.setattr(columns, "connect", without_columns)
        erasures = [office.approved(**everything(n)) for n in gone]
        assert office.run(erasures[0])["state"] == "asked"  # one alone, as by the command
        office.progress.run()  # and all others together, as the gate does
        for erasure in erasures:
            assert office.erasures.show(erasure)["state"] == "asked"
            for name in ("ads", "own"):
                office.erasures.settle(erasure, name, by="ann", state="confirmed", evidence="letter")
        assert {n: rows(runtime, n) for n in stay} == before
        assert holding(tmp_path / "var", [one for n in gone for one in needles(runtime, n)]) == []
        assert holding(tmp_path / "var", needles(runtime, PERSONS)) != []
        assert verify(runtime.policy.audit_folder).problems == []
    command = [sys.executable, VERIFIER, tmp_path / "var/audit"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("ticked", [True, False], ids=["ticked", "not-ticked"])
def test_a_shared_device_goes_only_where_it_was_ticked(tmp_path, ticked):
    """Lines that name the device alone, and those of who shares it, stay otherwise."""
    with people.running(tmp_path, POLICY) as runtime:
        shared = {"client_id": "5.5"}
        people.send(runtime.gate, {"page_url": "/", "user_id": "jane", **shared}, headers=people.cookie("analytics"))
        people.send(runtime.gate, {"page_url": "/", "user_id": "john", **shared}, headers=people.cookie("analytics"))
        people.send(runtime.gate, {"page_url": "/", **shared}, headers=people.cookie("analytics", subject="v_other"))
        office = Office(runtime)
        offered = search(runtime.store, runtime.policy.audit_folder, people.who(runtime.gate, user_id="jane")).linked
        (device,) = people.who(runtime.gate, client_id="5.5").names
        (tick,) = [one.id for one in offered if one.name == device]
        assert [one.shared for one in offered if one.name == device] == [True]
        erasure = office.approved(user_id="jane", link=[tick] if ticked else [])
        office.run(erasure)
        john = search(runtime.store, runtime.policy.audit_folder, people.who(runtime.gate, user_id="john"))
        assert john.empty is ticked
        found = search(runtime.store, runtime.policy.audit_folder, people.who(runtime.gate, client_id="5.5"))
        assert found.log.lines == (0 if ticked else 2)
