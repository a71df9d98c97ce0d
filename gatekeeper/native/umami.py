"""Umami's collection endpoint.

    POST <origin>/api/send     {"type": "event", "payload": {"website", "url", …}}

Success is 200 and JSON with a cache token and two ids; ours names nobody. An `identify` is nothing but properties of a
person and is dropped. Source: see umami.toml.
"""

from __future__ import annotations

import re
from typing import Final

from gatekeeper.native import table
from gatekeeper.native.json_batch import JsonBatch, first_of
from gatekeeper.native.short_answers import json_answer

_NOBODY: Final = "00000000-0000-0000-0000-000000000000"

DIALECT: Final = JsonBatch(
    NAME="umami /api/send",
    table=table.load("umami.toml"),
    paths=re.compile(r"/api/send/?"),
    taken=lambda native: json_answer(f'{{"cache":"","sessionId":"{_NOBODY}","visitId":"{_NOBODY}"}}'.encode()),
    needs=(("type",), ("payload.website",), ("payload.url", "payload.name")),
    named=first_of("payload.name"),
    default="page_view",
)
