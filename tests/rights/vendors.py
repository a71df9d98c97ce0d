"""Destinations whose vendors delete, and the simulated vendors without a socket."""

from __future__ import annotations

from urllib.parse import urlsplit

from gatekeeper.model import Answer
from gatekeeper.testing.deletions import Deletions
from gatekeeper.testing.received import Received
from gatekeeper.vendors import deletion_of
from gatekeeper.vendors.deletion import Ids, Impossible, Stage
from tests.builders import NOW, make_policy

BASE = "http://127.0.0.1:9"
STRONG = "5f0c3a9d71e24b685f0c3a9d71e24b6a"


def product(speaks, **erasure):
    """An analytics product that deletes."""
    return {
        "kind": "first_party", "speaks": speaks, "endpoint": f"https://{speaks}.example", "erasure_endpoint": BASE,
        "erasure": erasure,
    }  # fmt: skip


DRIVEN = {
    "ga4": {
        "kind": "ga4", "measurement_id": "G-TEST", "api_secret": "S", "erasure_endpoint": BASE,
        "fields": ["page_url", "client_id", "user_id", "session_id"],
        "erasure": {"token": "T", "property_id": "123"},
    },
    "meta": {
        "kind": "meta_capi", "pixel_id": "1", "access_token": "T", "erasure_endpoint": BASE,
        "erasure": {"token": "T", "audiences": ["777"]},
    },
    "google": {
        "kind": "google_ads", "customer_id": "123-456-7890", "conversion_action": "9", "access_token": "T",
        "route": "data_manager", "erasure_endpoint": BASE, "erasure": {"token": "T", "audiences": ["888"]},
    },
    "amplitude": product("amplitude", key="K", secret=STRONG),
    "mixpanel": product("mixpanel", token="T", project_token="P"),
    "posthog": product("posthog", token="T", project_id="12"),
    "matomo": product("matomo", token="T", site_id="1"),
    "segment": product("segment", token="T"),
    "rudderstack": product("rudderstack", token="T", destination_ids=["d1"]),
    "own": {
        "kind": "first_party", "endpoint": "http://127.0.0.1:9/events", "erasure_endpoint": f"{BASE}/dsr",
        "erasure": {"secret": STRONG},
    },
    "warehouse": {
        "kind": "http_json", "purpose": "marketing", "endpoint": "http://127.0.0.1:9/in",
        "erasure_endpoint": f"{BASE}/dsr", "erasure": {"secret": STRONG},
    },
}  # fmt: skip
ENDS = {"ga4": Stage.ACCEPTED, "rudderstack": Stage.ACCEPTED, "meta": Stage.REMOVED, "google": Stage.REMOVED}
PERSON = {
    "user_id": ("u-1",), "client_id": ("0123456789abcdef",), "email": ("Jane.Doe@example.com",),
    "phone": ("+491701234567",), "external_id": ("C 17",),
}  # fmt: skip


def destinations():
    """Every destination that is driven, compiled."""
    return make_policy(destinations=DRIVEN).destinations


def ids(erasure="er_1", law="gdpr", **values):
    """A person's identifiers; `PERSON` where none is given."""
    return Ids(erasure, law, values or PERSON)


def received(outgoing):
    """What a vendor gets of a request."""
    parts = urlsplit(outgoing.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = (("Host", parts.netloc), *outgoing.headers)
    return Received.read(outgoing.method, target, headers, outgoing.body, b"", NOW)


def answered(vendor, outgoing):
    """The vendor's answer, and what it objects to."""
    got = received(outgoing)
    problems = vendor.check(got)
    return vendor.answer(got, problems), problems


def driven(to, who, vendor=None, looks=10, answer=None):
    """What the steps of a deletion end in, with every request; `answer` stands in for the vendor's."""
    vendor, how = vendor or Deletions(STRONG), deletion_of(to)
    steps = how.forget(who, to)
    if isinstance(steps, Impossible):
        return steps, []
    waiting, told, sent = list(steps), [], []
    for _ in range(looks):
        if not waiting:
            break
        step = waiting.pop(0)
        outgoing = how.ask(step, to, NOW)
        sent.append(outgoing)
        got, problems = (Answer(*answer), ()) if answer else answered(vendor, outgoing)
        assert problems == (), (to.name, problems)
        said = how.forgotten(step, got)
        told.append(said)
        if said.stage is Stage.PENDING:
            waiting = [*said.steps, *waiting]
    return told, sent
