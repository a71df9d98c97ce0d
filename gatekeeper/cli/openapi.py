"""`gatekeeper openapi`."""

from __future__ import annotations

import orjson

from gatekeeper.shells.consent.openapi import document


def text() -> str:
    """The document as it stands in docs/openapi.json."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2).decode() + "\n"
