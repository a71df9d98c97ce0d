"""The contract of `/gk/consent` as OpenAPI 3.1, made of the types that check requests and write answers. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gatekeeper._version import __version__
from gatekeeper.shells.consent.bodies import Choosing, Problem, State, Taken, Withdrawn

PATH: Final = "/gk/consent"
_TYPES: Final = (State, Choosing, Taken, Withdrawn, Problem)
_PURPOSES: Final = ["analytics", "marketing"]
_TITLES: Final = {
    "400": "The body cannot be read.",
    "401": "The bearer key is not known.",
    "403": "Another site's page made the request, or it cannot be told which page did.",
    "405": "The method is not one of this endpoint.",
    "408": "The body did not arrive in time.",
    "409": "The grant was not taken: `code` says why, `state` holds what to show now. Refusals in it were taken.",
    "413": "The body is larger than 8 KiB.",
    "415": "The content type or encoding is not supported.",
    "422": "A field is not what belongs there: `field` names it.",
    "429": "Too many grants; refusals are not limited.",
    "503": "The ledger cannot be written, or the withdrawal has not reached every process. Try again.",
}


def document() -> dict[str, Any]:
    """The HTTP contract of `/gk/consent` as an OpenAPI 3.1 document."""
    schemas, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    refs = dict(zip(_TYPES, schemas, strict=True))
    state, choosing, taken, withdrawn, problem = (refs[one] for one in _TYPES)

    def failing(*codes: str) -> dict[str, Any]:
        return {
            code: {"description": _TITLES[code], "content": {"application/problem+json": {"schema": problem}}}
            for code in codes
        }

    page = {"text/html": {"schema": {"type": "string"}}}
    led = {"description": "A form was taken; the page to go on to.", "headers": {"Location": _text()}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gatekeeper: consent",
            "version": __version__,
            "summary": "What a visitor is asked, an answer, a withdrawal.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            PATH: {
                "get": {
                    "operationId": "state",
                    "summary": "The state of the visitor, the notice, and a token to answer it with.",
                    "parameters": [_query("language", "Language of the notice; the browser's own if absent.")],
                    "responses": {"200": _ok("The state; as HTML the preferences page.", state, page)}
                    | failing("401", "403"),
                },
                "post": {
                    "operationId": "choose",
                    "summary": "A choice. A grant needs the token and the hash of the words that were shown.",
                    "security": [{}, {"key": []}],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {"schema": choosing},
                            "application/x-www-form-urlencoded": {"schema": _form()},
                        },
                    },
                    "responses": {
                        "200": _ok("The same choice as before, with its receipt.", taken, {}),
                        "201": _ok("The choice was recorded.", taken, {}),
                        "303": led,
                    }
                    | failing("400", "401", "403", "408", "409", "413", "415", "422", "429", "503"),
                },
                "delete": {
                    "operationId": "withdraw",
                    "summary": "A withdrawal, answered when nothing that needs it begins any more.",
                    "security": [{}, {"key": []}],
                    "parameters": [
                        {
                            "name": "purpose",
                            "in": "query",
                            "description": "What is taken back; everything if absent.",
                            "schema": {"type": "array", "items": {"enum": _PURPOSES}},
                        },
                        _query("client_id", "Of events before: what waits under it ends."),
                        _query("session_id", "Of events before: what waits under it ends."),
                        _query("subject", "Whose, of callers with a key."),
                    ],
                    "responses": {"200": _ok("Taken back.", withdrawn, {})}
                    | failing("400", "401", "403", "422", "503"),
                },
            }
        },
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "One of `server.api_keys`."}
            },
        },
    }


def _ok(description: str, schema: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}, **more}}


def _text() -> dict[str, Any]:
    return {"schema": {"type": "string"}}


def _query(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 256}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _form() -> dict[str, Any]:
    """The fields of a form: those of JSON, flat."""
    text = {"type": "string"}
    words = {purpose: {"enum": ["true", "false"]} for purpose in _PURPOSES}
    return {
        "type": "object",
        "properties": {
            **words,
            "method": {**text, "description": "accept_all, reject_all and withdraw answer every purpose."},
            "token": text,
            "rendered": text,
            "surface": text,
            "next": {**text, "description": "A path of the site to go on to."},
        },
    }
