"""Persons in a real gate: store, log and keys on the disk; nothing answers where it delivers to."""

from __future__ import annotations

import contextlib
import os
import time

import orjson

from gatekeeper import runtime
from gatekeeper.gate import incoming
from gatekeeper.model import Caller
from gatekeeper.rights.identifiers import sought
from tests.builders import own_cookie

POLICY = """
[policy]
version = "1"
controller = "Shop GmbH"

[jurisdiction]
default = "gdpr"

[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:9/events"

[destinations.ads]
kind = "http_json"
purpose = "marketing"
endpoint = "http://127.0.0.1:9/in"
fields = ["page_url", "order_value", "email", "phone", "external_id", "fbp", "fbclid"]
"""
YES = {"necessary": True, "analytics": True, "marketing": True}


@contextlib.contextmanager
def running(folder, text=POLICY):
    """A gate of a policy in `folder`."""
    os.environ["GATEKEEPER_SIGNING_KEYS"] = f"s1:{(b's' * 32).hex()}"  # with which `own_cookie` signs
    path = folder / "gatekeeper.toml"
    if not path.exists():
        path.write_text(text)
    made = runtime.Runtime(path)
    try:
        yield made
    finally:
        made.close(0.0)
        del os.environ["GATEKEEPER_SIGNING_KEYS"]


def cookie(*granted, subject="v_1", at=None):
    """The headers of a browser whose cookie of ours grants some purposes."""
    return ((b"cookie", own_cookie(*granted, subject=subject, at=time.time() - 60 if at is None else at).encode()),)


def send(gate, data, *, headers=(), consent=YES, **more):
    """Post one event, and wait until it is kept; the names of the destinations that it goes to."""
    body = {"event": "purchase", "data": data} | ({"consent": consent} if consent else {}) | more
    (posted,) = incoming.parse(orjson.dumps(body))
    caller = Caller(headers=headers)
    (made,) = gate.arrivals([posted], caller)
    gate.intake.accept([made]).result(10)
    return {job.destination for job in made.jobs}


def who(gate, **given):
    """A person by identifiers."""
    return sought(gate.keys, given.items(), gate.policy.catalogue.identifying)
