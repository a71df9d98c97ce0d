"""I13: nothing personal that came in is in any file the product writes, raw or encoded, and no secret is, either.

One run with every kind of destination: delivered, blocked, failed and repeated events, broken bodies, cookies,
rotations, a redaction. Then every byte under the folder, every log record and the metrics are searched.
"""

import gzip
import json
import logging
import time

import pytest

from gatekeeper.audit import query, redact
from gatekeeper.audit.query import Filter
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from tests.builders import own_cookie
from tests.laws.encodings import found_in
from tests.running import ADMIN, ADMIN_TOKEN, API_KEY, running
from tests.shells.test_all_kinds import EVENT, EVERYWHERE, more

PERSONAL = {
    "email": "jane.canary@mailhost.example",
    "phone": "+14155550177",
    "first_name": "Canaryfirst",
    "last_name": "Canarylast",
    "street": "77 Canary Wharf Row",
    "external_id": "ext-canary-77",
    "user_id": "user-canary-77",
    "client_id": "7777777777.1700000077",
    "session_id": "session-canary-77",
    "fbp": "fb.1.1596403881668.7777777777",
    "ttp": "TTPCANARY77h37YkS1j57AYSKTI7",
    "user_agent": "CanaryBrowser/77.0",
    "ip": "203.0.113.77",
    "transaction_id": "order-canary-77",
}
SECRETS = ("API-SECRET-CANARY-77", "ACCESS-TOKEN-CANARY-77", ADMIN_TOKEN, API_KEY)
COOKIES = {"_ga": "GA1.1.7712345678.1700000000", "visitor_token": "cookie-canary-value-77"}


def secretive(sims):
    """Every kind, with canaries for secrets."""
    found = more(sims)
    for table in found.values():
        for name in ("access_token", "developer_token"):
            if name in table:
                table[name] = SECRETS[1]
    found["ga4"] = {
        "kind": "ga4", "measurement_id": "G-TEST", "api_secret": SECRETS[0], "endpoint": sims.ga4.url,
    }  # fmt: skip
    found["meta_capi"] = {
        "kind": "meta_capi", "pixel_id": "123", "access_token": SECRETS[1], "endpoint": sims.meta_capi.url,
    }  # fmt: skip
    return found


def wait(what, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder after the run, the log records, and the metrics; and the folder's audit log."""
    folder = tmp_path_factory.mktemp("canaries")
    records: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record):
            records.append(self.format(record))

    listener = Listener()
    root = logging.getLogger()
    root.addHandler(listener)
    before = root.level
    root.setLevel(logging.DEBUG)
    server = {"admin_token": ADMIN, "trusted_proxies": ["127.0.0.0/8"]}
    try:
        with running(
            "sidecar", folder, destinations=secretive, events={"purchase": {"destinations": EVERYWHERE}},
            server=server, audit={"rotate": "20KB", "checkpoint": "1s",
                                  "anchor": str(folder / "anchors")},
        ) as gate:  # fmt: skip
            metrics = traffic(gate)
            for n in range(2):
                gate.post(EVENT | {"event_id": f"checkpoint-{n}"})
                wait(lambda more=n: checkpoints(folder) > more)
            wait(gate.runtime.idle)
            seen = b"".join(received.raw for sim in gate.sims for received in sim.received)
            letters = gate.runtime.store.dead_letters  # what is dead is kept on purpose, until it is purged
            assert letters.purge([letter.id for letter in letters.page()]).result(10) >= 1
            gate.runtime.close()
    finally:
        root.removeHandler(listener)
        root.setLevel(before)
    query.rows(folder / "audit", Filter(), limit=10)  # makes the columns
    return folder, records, metrics, seen


def checkpoints(folder):
    """How many checkpoints the log has by now."""
    return sum(data.count(b'"kind":"checkpoint"') for path, data in files(folder).items() if path.parts[0] == "audit")


def traffic(gate):
    """What visitors and servers send, well and badly."""
    cookies = "; ".join([*(f"{name}={value}" for name, value in COOKIES.items()), own_cookie("analytics", "marketing")])
    browser = {"Cookie": cookies, "X-Forwarded-For": PERSONAL["ip"], "User-Agent": PERSONAL["user_agent"]}
    trusted = {"Authorization": f"Bearer {API_KEY}"}
    data = EVENT["data"] | PERSONAL | {"error_type": "TypeError"}
    url = f"https://shop.example/a?gclid=EAIaIQ&email={PERSONAL['email']}&id={PERSONAL['user_id']}"
    for n in range(12):
        event = EVENT | {"event_id": f"event-canary-{n}", "data": data | {"page_url": url}}
        if n % 3 == 1:
            event = event | {"consent": {"analytics": False, "marketing": False}}
        gate.finished(gate.post(event, headers=trusted).json()["request_ids"][0])
        gate.finished(gate.post(event | {"event_id": f"b-{n}"}, headers=browser).json()["request_ids"][0])
    gate.post(event, headers=trusted)  # a repetition
    # A dead letter, behind everything that the visitor refuses: a refusal would end it, too.
    gate.sims.ga4.answer(400, json.dumps({"error": PERSONAL["email"]}).encode(), times=1)
    gate.finished(gate.post(event | {"event_id": "dead"}, headers=trusted).json()["request_ids"][0])
    for body in (b'{"event": "' + PERSONAL["email"].encode(), json.dumps({"event": PERSONAL["email"] * 30}).encode()):
        assert gate.post(content=body, headers=browser).status_code in (400, 422)
    gate.post({"event": "x", "data": {PERSONAL["email"]: 1, "x" + PERSONAL["user_id"]: 2}}, headers=browser)
    return gate.http.get("/gk/metrics", headers={"Authorization": f"Bearer {SECRETS[2]}"}).content


def files(folder):
    """Path -> bytes of every file, unpacked; the keys are the one place where secrets belong."""
    return {
        path.relative_to(folder): gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent.name != "keys"
    }


CANARIES = {**PERSONAL, **{f"cookie {name}": value for name, value in COOKIES.items()}}


def test_the_search_can_find(run):
    """What was sent to vendors does hold canaries: the run is no empty one."""
    _, _, _, seen = run
    assert found_in(seen, PERSONAL["session_id"]) and found_in(seen, PERSONAL["email"]) == "sha256 hex"


def test_the_run_has_all_kinds_of_lines(run):
    """Decisions, outcomes, rotations, checkpoints; and the log is sound."""
    folder, _, _, _ = run
    report = verify(folder / "audit", anchors=(folder / "anchors").read_bytes().splitlines())
    assert report.problems == [] and report.segments > 2 and report.checkpoints > 1
    statuses = {row["status"] for row in query.rows(folder / "audit", Filter(), limit=1000)}
    assert {"delivered", "blocked"} <= statuses


@pytest.mark.parametrize("name", sorted(CANARIES))
def test_no_file_holds_a_personal_value(run, name):
    """E-mail, address, cookie values, identifiers: raw, encoded or hashed without a key."""
    folder, _, _, _ = run
    for path, data in files(folder).items():
        assert (path, found_in(data, CANARIES[name])) == (path, None)


@pytest.mark.parametrize("secret", SECRETS)
def test_no_file_holds_a_secret(run, secret):
    """Vendor keys, bearer tokens."""
    folder, _, _, _ = run
    for path, data in files(folder).items():
        assert (path, found_in(data, secret)) == (path, None)


def test_no_log_record_and_no_metric_holds_any_of_them(run):
    """At every level, of every logger."""
    _, records, metrics, _ = run
    ours = "\n".join(records).encode() + metrics
    assert b"gatekeeper_" in metrics
    for canary in (*CANARIES.values(), *SECRETS):
        assert found_in(ours, canary) is None


def test_no_key_is_anywhere_but_in_the_key_folder(run):
    """Signing, pseudonym, suppression, sealing and audit keys."""
    folder, records, metrics, _ = run
    kept = [path.read_text().strip() for path in (folder / "keys").glob("*.key")]
    assert len(kept) == 5
    everything = b"".join(files(folder).values()) + metrics + "\n".join(records).encode()
    for key in kept:
        assert key.encode() not in everything and bytes.fromhex(key) not in everything


def test_after_a_redaction_no_pseudonym_is_left(run):
    """Of nobody, in no file: the columns went, too (I7)."""
    folder, _, _, _ = run
    writer = AuditWriter(folder / "audit", signer=Signer(folder / "keys"))
    later = time.time() + 3600
    count = redact.remove(folder / "audit", redact.older_than(later), writer, reason="test", at=later).lines
    writer.close()
    assert count > 0 and verify(folder / "audit").sound
    assert not [path for path, data in files(folder).items() if b'"p_' in data or b"p_0" in data]
