"""The gate's own thread goes on with requests, over real connections, to the simulated vendors."""

import json
import time

import pytest

from gatekeeper.rights.drive import Driver, sending
from gatekeeper.rights.progress import Progress
from gatekeeper.testing import Simulators
from tests.rights import people
from tests.rights.vendors import DRIVEN, STRONG


def written(value):
    """A value as TOML writes it inside a line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {written(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


def policy(url):
    """Every vendor that is driven, at the simulator."""
    text = '[policy]\nversion = "1"\ncontroller = "Shop GmbH"\n'
    for name, table in DRIVEN.items():
        own = "speaks" not in table and table["kind"] in ("first_party", "http_json")
        changed = {**table, "erasure_endpoint": f"{url}/dsr" if own else url}
        text += f"\n[destinations.{name}]\n" + "".join(f"{key} = {written(one)}\n" for key, one in changed.items())
    return text


@pytest.fixture
def vendors():
    """All deletion interfaces on a port."""
    with Simulators(only=["deletions"]) as simulators:
        yield simulators.deletions


def test_the_thread_asks_every_vendor_as_it_documents_it(tmp_path, vendors):
    """Requests as they arrive over a socket have no fault, whatever their method."""
    with people.running(tmp_path, policy(vendors.url)) as runtime:
        erasures = runtime.erasing.erasures
        person = {
            "user_id": "u-1",
            "client_id": "0123456789abcdef",
            "email": "jane@example.com",
            "phone": "+491701234567",
        }
        identifiers = [{"type": kind, "value": value} for kind, value in person.items()]
        erasure = erasures.request(identifiers, by="ann", verified_by="login", law="gdpr")["id"]
        erasures.approve(erasure, by="bob")
        driver = Driver(erasures, every=0.05)
        driver.start()
        try:
            deadline = time.monotonic() + 30
            while erasures.show(erasure)["state"] != "asked" or len(vendors.received) < 12:
                assert time.monotonic() < deadline, erasures.show(erasure)
                time.sleep(0.05)
        finally:
            driver.close()
        found = {one["name"]: one["state"] for one in erasures.show(erasure)["destinations"]}
        assert [one.problems for one in vendors.received if one.problems] == []
        assert {found[name] for name in ("ga4", "rudderstack")} == {"accepted"} and found["meta"] == "audience_removed"
        assert {found[name] for name in found} <= {"accepted", "audience_removed", "asked", "confirmed"}
        signatures = {one.header("gatekeeper-signature") for one in vendors.received if one.path == "/dsr"}
        assert None not in signatures and len(STRONG) == 32


def test_two_processes_are_not_at_it_at_once(tmp_path, vendors):
    """The second is told so, and the thread leaves it to the first."""
    from gatekeeper.errors import RightsError
    from gatekeeper.installation.locks import Lock

    with people.running(tmp_path, policy(vendors.url)) as runtime:
        erasures = runtime.erasing.erasures
        erasure = erasures.request([{"type": "user_id", "value": "u"}], by="ann", verified_by="login")["id"]
        erasures.approve(erasure, by="bob")
        other = Lock(tmp_path / "var/erasures.jsonl.lock")
        assert other.take()
        with pytest.raises(RightsError, match="another process"):
            Progress(erasures, sending(lambda: runtime.policy)).run()
        Driver(erasures).look()
        assert erasures.show(erasure)["state"] == "approved"
        other.release()
        Driver(erasures).look()
        assert erasures.show(erasure)["state"] == "asked"
