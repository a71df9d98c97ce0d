"""`gatekeeper openapi`."""

from __future__ import annotations

from typing import Any

import orjson

from gatekeeper.shells.admin import openapi as admin
from gatekeeper.shells.consent import openapi as consent


def document() -> dict[str, Any]:
    """The contract of `/gk/consent` and of `/gk/admin/…`."""
    made = consent.document()
    paths, schemas = admin.paths()
    made["info"]["title"] = "Gatekeeper: consent and rights"
    made["paths"] |= paths
    taken = made["components"]["schemas"]
    made["components"]["schemas"] = schemas | taken
    made["components"]["securitySchemes"] |= admin.SECURITY
    return made


def text() -> str:
    """The document as it stands in docs/openapi.json."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2).decode() + "\n"
