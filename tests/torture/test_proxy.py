"""Sixteen ways in which the line to a vendor can be bad, all at once, each at a destination of its own."""

import time
from contextlib import ExitStack

import pytest

from gatekeeper.audit.read import records
from gatekeeper.audit.verify import verify
from gatekeeper.gate import incoming
from gatekeeper.model import Caller
from gatekeeper.runtime import Runtime
from gatekeeper.testing import Simulators
from tests.torture.proxy import FAULTS, Proxies, Proxy, answering
from tests.torture.rounds import soon
from tests.torture.scale import FULL, figure
from tests.torture.vendor import Vendor

HEAD = """
[policy]
version = "1"
controller = "Example Shop GmbH"
[audit]
path = "audit"
[keys]
path = "keys"
[storage]
url = "sqlite:///gatekeeper.db"
[delivery]
timeout = "1.5s"
[jurisdiction]
default = "gdpr"
"""
OWN = """
[destinations.{name}]
kind = "first_party"
endpoint = "http://127.0.0.1:{port}"
"""
EVENT = b'{"event":"page_view","consent":{"analytics":true},"data":{"session_id":"s_1"},"event_id":"%s"}'


def ended(folder):
    """(request id, destination) -> [(status, reason), …] of its outcome lines."""
    found = {}
    for one in records(folder / "audit"):
        if one["kind"] == "outcome":
            for request_id in one["request_ids"]:
                found.setdefault((request_id, one["destination"]), []).append((one["status"], one["reason"]))
    return found


def run(folder, policy, events, after=lambda runtime: None):
    """Accept events, deliver until nothing is queued; how each delivery ended."""
    (folder / "gatekeeper.toml").write_text(policy)
    runtime = Runtime(folder / "gatekeeper.toml")
    runtime._deliverer._chance = lambda: 0.0
    try:
        _, done = runtime.gate.take(incoming.parse(b"[" + b",".join(events) + b"]"), Caller(address="127.0.0.1"))
        ids = done.result(10).request_ids
        after(runtime)
        soon(runtime.idle, 30)
        books = runtime.store.books.count()
    finally:
        runtime.close()
    for one in books.values():
        assert one.accepted == one.queued + one.delivered + one.dead + one.expired + one.cancelled == len(ids)
    assert list(verify(folder / "audit").problems) == []
    return ids, ended(folder), books


def test_every_fault_at_once_and_none_in_anothers_way(tmp_path):
    """Each event ends in its state; repeated is only what may have arrived; a sound destination does not wait."""
    began = time.monotonic()
    times = 3 if FULL else 1
    with ExitStack() as stack:
        proxies = stack.enter_context(Proxies())
        policy, vendors, late = HEAD, {}, []
        for name, (fault, _) in FAULTS.items():
            vendor = vendors[name] = stack.enter_context(Vendor(tmp_path / "audit"))
            often = {"refuse": 0, "redirect": 10**6}.get(name, times)
            proxy = Proxy(fault, int(vendor.url.rpartition(":")[2]), often)
            policy += OWN.format(name=name, port=proxy.port)
            if name == "refuse":
                late.append(proxy)
            else:
                proxies.listen(proxy)
        sound = stack.enter_context(Vendor(tmp_path / "audit"))
        policy += OWN.format(name="sound", port=sound.url.rpartition(":")[2])
        waited = []

        def then(runtime):
            accepted = time.monotonic()
            soon(lambda: len(sound.receipts) == 5)
            waited.append(time.monotonic() - accepted)
            soon(lambda: runtime.store.books.count()["refuse"].retried > 0)
            for proxy in late:
                proxies.listen(proxy)

        ids, found, books = run(tmp_path, policy, [EVENT % b"e%d" % n for n in range(5)], then)
        repeated, broken = 0, []
        for name, (_, arrives) in FAULTS.items():
            got = [receipt.id for receipt in vendors[name].receipts]
            extra = len(got) - len(set(got))
            repeated += extra
            if name == "redirect":  # followed nowhere, and not the event's fault
                expected = ("failed", {"http_302"})
            else:
                expected = ("delivered", {None})
                if set(got) != {f"e{n}" for n in range(5)}:
                    broken.append(f"{name}: the vendor got {sorted(set(got))}")
            lasts = {found[request_id, name][-1] for request_id in ids}
            if {status for status, _ in lasts} != {expected[0]} or not {why for _, why in lasts} <= expected[1]:
                broken.append(f"{name}: ended as {lasts}")
            if extra and not arrives:
                broken.append(f"{name}: {extra} repetitions of what never left the line")
            if extra > 5 * times:
                broken.append(f"{name}: {extra} repetitions for {times} faults")
        if any(len(found[request_id, "sound"]) != 1 for request_id in ids):
            broken.append("sound: disturbed")
    figure(
        "bad lines to a vendor", cases=len(FAULTS), broken=len(broken), seconds=time.monotonic() - began,
        accepted=sum(one.accepted for one in books.values()), repeated=repeated, sound=round(waited[0], 2),
    )  # fmt: skip
    assert broken == []


PURCHASE = b"""{"event":"purchase","consent":{"analytics":true,"marketing":true},"event_id":"e1","data":{"email":
"jane@example.com","order_value":149.0,"currency":"EUR","session_id":"s_1","client_id":"1.2","transaction_id":"t1",
"gclid":"abc","page_url":"https://shop.example/thanks","user_agent":"Mozilla/5.0","ip":"192.0.2.1"}}"""
KINDS = {
    "ga4": 'measurement_id = "G-TEST"\napi_secret = "s3cret"',
    "meta_capi": 'pixel_id = "123"\naccess_token = "t0ken"',
    "tiktok": 'pixel_code = "PIXEL"\naccess_token = "t0ken"',
    "google_ads": 'customer_id = "123-456-7890"\nconversion_action = "987654"\n'
    'developer_token = "d"\naccess_token = "t0ken"',
}
JSON = "Content-Type: application/json"
# What a vendor can say inside an answer that HTTP alone would take for something else -> how the event ends.
ANSWERS = {
    "tiktok-error-in-200": ("tiktok", "200 OK", b'{"code":40105,"message":"token"}', "failed"),
    "tiktok-later-in-200": ("tiktok", "200 OK", b'{"code":50000,"message":"internal"}', "delivered"),
    "google-partial-in-200": (
        "google_ads", "200 OK",
        b'{"results":[{}],"partialFailureError":{"code":3,"details":[{"errors":[{"errorCode":{"conversionUploadError":'
        b'"TOO_RECENT_CONVERSION_ACTION"},"location":{"fieldPathElements":[{"fieldName":"conversions","index":0}]}}]}]}}',
        None,
    ),
    "google-cut-off-200": ("google_ads", "200 OK", b'{"results":[{', "delivered"),
    "meta-transient-400": ("meta_capi", "400 Bad Request", b'{"error":{"code":2,"is_transient":true}}', "delivered"),
    "meta-token-400": ("meta_capi", "400 Bad Request", b'{"error":{"code":190}}', "failed"),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_an_error_inside_an_answer_is_an_error(tmp_path, name):
    """Once; then the vendor is itself again."""
    kind, status, body, expected = ANSWERS[name]
    began = time.monotonic()
    with Simulators(only=(kind,)) as sims, Proxies() as proxies:
        proxy = Proxy(answering(status, JSON, body=body), int(sims[kind].url.rpartition(":")[2]))
        proxies.listen(proxy)
        policy = (
            HEAD + f'[destinations.one]\nkind = "{kind}"\nendpoint = "http://127.0.0.1:{proxy.port}"\n{KINDS[kind]}\n'
        )
        ids, found, _ = run(tmp_path, policy, [PURCHASE])
    last = found[ids[0], "one"][-1][0]
    figure("errors inside answers", cases=1, broken=0, seconds=time.monotonic() - began, name=name, ended=last)
    assert last == expected if expected else last in ("failed", "delivered")


@pytest.mark.parametrize("fault", ["hang", "reset_within", "garbage"])
def test_ga4_which_cannot_tell_a_repetition_is_not_asked_twice(tmp_path, fault):
    """The event may have arrived: it ends as unknown."""
    with Simulators(only=("ga4",)) as sims, Proxies() as proxies:
        proxy = Proxy(FAULTS[fault][0], int(sims.ga4.url.rpartition(":")[2]))
        proxies.listen(proxy)
        policy = (
            HEAD + f'[destinations.one]\nkind = "ga4"\nendpoint = "http://127.0.0.1:{proxy.port}"\n{KINDS["ga4"]}\n'
        )
        ids, found, _ = run(tmp_path, policy, [PURCHASE])
        assert found[ids[0], "one"][-1] == ("failed", "unknown") and len(sims.ga4.received) == 1
