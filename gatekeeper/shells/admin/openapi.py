"""The contract of `/gk/admin/…` as OpenAPI 3.1, made of the acts and the types that check their bodies. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from gatekeeper.shells.admin.acts import ACTS, Act
from gatekeeper.shells.admin.bodies import Refused

PREFIX: Final = "/gk/admin/"
_FAILING: Final = {
    400: "The body is not JSON.",
    401: "The bearer token is not known.",
    403: "The token may not do this, or another one must (four eyes).",
    404: "There is no such thing, or the policy has no admin token.",
    409: "The request is in a state in which this cannot be done.",
    413: "The body is too large.",
    422: "The body is not what belongs there: `field` names the part.",
    429: "More than ten requests a second.",
    503: "The audit log or the store cannot be written: nothing was done. Try again.",
}
_KEY: Final = {
    "name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 128},
    "description": "A repetition with the same key is answered as the first was, for a day, by the same process.",
}  # fmt: skip


def paths(acts: Sequence[Act] = ACTS) -> tuple[dict[str, Any], dict[str, Any]]:
    """The paths of the API, and the schemas that they refer to."""
    types = tuple(dict.fromkeys([act.body for act in acts if act.body is not None] + [Refused]))
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    refs = dict(zip(types, schemas, strict=True))
    found: dict[str, Any] = {}
    for act in acts:
        found.setdefault(_path(act), {})[act.method.lower()] = _operation(act, refs)
    return found, components


def _path(act: Act) -> str:
    names = iter(("id", "name"))
    return PREFIX + "/".join(f"{{{next(names)}}}" if part == "{}" else part for part in act.path.split("/"))


def _operation(act: Act, refs: dict[Any, Any]) -> dict[str, Any]:
    names = ("id", "name")[: act.path.count("{}")]
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
    ]
    parameters += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in act.parameters]
    if act.method != "GET":
        parameters.append(_KEY)
    problem = {"application/problem+json": {"schema": refs[Refused]}}
    told: dict[str, Any] = {
        "operationId": "_".join((act.method.lower(), *act.path.replace("{}", "one").replace("-", "_").split("/"))),
        "summary": act.summary,
        "description": f'The token needs `"{act.may}"` in its `may`.',
        "security": [{"admin": []}],
        "responses": {str(code): {"description": "Done."} for code in act.answers}
        | {str(code): {"description": why, "content": problem} for code, why in _FAILING.items()},
    }
    if parameters:
        told["parameters"] = parameters
    if act.body is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": refs[act.body]}}}
    return told


SECURITY: Final = {
    "admin": {"type": "http", "scheme": "bearer", "description": "The token of one of `[[server.admins]]`."}
}
