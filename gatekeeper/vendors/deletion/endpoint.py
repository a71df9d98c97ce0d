"""Deletion at the operator's own endpoints, in the shape of OpenDSR. Pure. `first_party` and `http_json` share it.

    POST <erasure_endpoint>                         {"subject_request_id": "er_…", "subject_request_type": "erasure", …}
    GET  <erasure_endpoint>/<subject_request_id>    {"subject_request_id": …, "request_status": "completed"}

Each is signed: `Gatekeeper-Signature: t=<Unix seconds>,v1=<HMAC-SHA256 of "<t>.<body>">`, for a GET over the path in
place of the body. Statuses are `pending`, `in_progress`, `completed`, `cancelled`. Instead of being asked, an
endpoint may post the same object to the callback address, signed the same way.
"""

from __future__ import annotations

import hmac
import re
from typing import Any, Final
from urllib.parse import quote, urlsplit

import orjson

from gatekeeper.model import Outgoing
from gatekeeper.vendors.deletion import (
    LOOK,
    NO_IDENTIFIER,
    NOT_CONFIGURED,
    Deletion,
    Ids,
    Impossible,
    Stage,
    Step,
    Told,
    another,
    secret,
    setting,
    unreadable,
)
from gatekeeper.vendors.kind import DAY, Destination

HEADER: Final = "Gatekeeper-Signature"
TOLERANCE: Final = 300.0  # seconds that a signature's time may differ
_SIGNED: Final = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
# Kind of identifier -> its name in OpenDSR, or a name in its manner.
_NAMES: Final = {
    "user_id": "controller_customer_id", "client_id": "client_id", "consent": "consent_id", "session_id": "session_id",
    "order_id": "order_id", "cart_id": "cart_id", "browser_id": "browser_id", "click_id": "click_id",
}  # fmt: skip
_HASHED: Final = ("email", "phone", "external_id")


def forget(ids: Ids, to: Destination) -> tuple[Step, ...] | Impossible:
    """One request with everything that is known."""
    if not to.erasure_endpoint:
        return Impossible(NOT_CONFIGURED)
    who = [
        {"identity_type": name, "identity_format": "raw", "identity_value": value}
        for kind, name in _NAMES.items()
        for value in ids.of(kind)
    ]
    who += [
        {"identity_type": kind, "identity_format": "sha256", "identity_value": value}
        for kind in _HASHED
        for value in ids.hashed(kind)
    ]
    if not who:
        return Impossible(NO_IDENTIFIER)
    return (Step("request", {"id": ids.erasure, "regulation": ids.law, "identities": who}),)


def ask(step: Step, to: Destination, at: float) -> Outgoing:
    """The request, and the one that asks how far it is."""
    if step.name == "status":
        url = f"{to.erasure_endpoint}/{quote(step.data['id'], safe='')}"
        signed = signature(secret(to, "secret"), urlsplit(url).path.encode(), at)
        return Outgoing("GET", url, (("Accept", "application/json"), *to.headers, (HEADER, signed)), b"")
    body = {
        "api_version": "2.0",
        "subject_request_id": step.data["id"],
        "subject_request_type": "erasure",
        "regulation": step.data["regulation"],
        "subject_identities": step.data["identities"],
    }
    callback = setting(to, "callback")
    if callback:
        body["status_callback_urls"] = [f"{callback}/{step.data['id']}/{to.name}"]
    raw = orjson.dumps(body)
    headers = (("Content-Type", "application/json"), *to.headers, (HEADER, signature(secret(to, "secret"), raw, at)))
    return Outgoing("POST", to.erasure_endpoint or "", headers, raw)


def read(step: Step, said: Any) -> Told:
    """Confirmed when the endpoint says `completed` of this very request."""
    if said is None and step.name == "request":
        return Told(Stage.PENDING, (Step("status", {"id": step.data["id"]}),), wait=LOOK)
    if not isinstance(said, dict):
        return unreadable()
    return status(step.data["id"], said)


def status(erasure: str, said: dict[str, object]) -> Told:
    """What a status object says of a request, wherever it came from."""
    about = said.get("subject_request_id")
    if about is not None and about != erasure:
        return another()
    word = said.get("request_status", "pending")
    if word == "completed" and about == erasure:
        return Told(Stage.CONFIRMED, reference=erasure)
    if word == "cancelled":
        return Told(Stage.REFUSED, wait=DAY, why="cancelled")
    if word in ("pending", "in_progress"):
        return Told(Stage.PENDING, (Step("status", {"id": erasure}),), wait=LOOK)
    return unreadable()


def signature(key: str, message: bytes, at: float) -> str:
    """The header of a message at a time."""
    mac = hmac.digest(key.encode(), b"%d." % int(at) + message, "sha256")
    return f"t={int(at)},v1={mac.hex()}"


def signed(key: str, message: bytes, header: str, at: float) -> bool:
    """Whether a message came with this header from who has the key, within some minutes."""
    found = _SIGNED.fullmatch(header)
    if not key or found is None or abs(at - int(found[1])) > TOLERANCE:
        return False
    return hmac.compare_digest(signature(key, message, float(found[1])), header)


DELETION: Final = Deletion(forget, ask, read, needs=("secret",))
