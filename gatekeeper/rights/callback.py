"""An endpoint of the operator reports how far a deletion is: `POST <prefix>/erased/<id>/<destination>`.

It signs as it is asked (`vendors/deletion/endpoint.py`). What is said about another request, or by another key,
changes nothing.
"""

from __future__ import annotations

from typing import Any

import orjson

from gatekeeper.errors import RightsError
from gatekeeper.rights.asking import told
from gatekeeper.rights.case import read
from gatekeeper.rights.erasures import Erasures
from gatekeeper.rights.shown import shown
from gatekeeper.rights.states import Part, State
from gatekeeper.vendors import deletion_of
from gatekeeper.vendors.deletion import Stage, endpoint


def called_back(erasures: Erasures, erasure: str, destination: str, body: bytes, signature: str) -> dict[str, Any]:
    """The request after an endpoint's word. RightsError: 401 for another signature, 404, 409, 422.

    Without the key a caller does not learn which requests there are.
    """
    ports = erasures.ports
    to = ports.policy().destinations.get(destination)
    found = None if to is None else to.secrets.get("erasure.secret")
    if to is None or found is None or deletion_of(to) is not endpoint.DELETION:
        raise RightsError(401, "the signature is not known")
    if not endpoint.signed(found.value, body, signature, ports.clock()):
        raise RightsError(401, "the signature is not known")
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict) or said.get("subject_request_id") != erasure:
        raise RightsError(422, "is not about this request", field="subject_request_id")
    kept = ports.store.erasures.get(erasure)
    if kept is None:
        raise RightsError(404, "there is no such request")
    case = read(kept)
    one = case.recipient(destination)
    if case.state is not State.ASKED or one is None or one.state not in (Part.ASKED, Part.FAILED):
        raise RightsError(409, f"is {case.state}: nothing is expected of {destination}")
    secret, status = erasures.requests.secret(kept), endpoint.status(erasure, said)
    if status.stage is Stage.PENDING:
        return {"erasure": erasure, "state": one.state.value}
    case, secret = told(case, secret, destination, status, assumed_after=None, at=ports.clock())
    return shown(erasures.requests.progressed(kept, case, secret)[1], ports.clock())
