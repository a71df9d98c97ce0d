"""Plausible's events API.

    POST <origin>/api/event     {"name", "url", "domain", …} or the script's short keys; often as text/plain

Success is 202 `ok`. Plausible tells visitors apart by address and User-Agent: the address is never passed on, the
User-Agent where the policy allows the field. Source: see plausible.toml.
"""

from __future__ import annotations

import re
from typing import Final

from gatekeeper.vendors.formats import table
from gatekeeper.vendors.formats.json_batch import JsonBatch, first_of
from gatekeeper.vendors.formats.short_answers import text_answer

DIALECT: Final = JsonBatch(
    NAME="plausible /api/event",
    table=table.load(__package__, "plausible.toml"),
    paths=re.compile(r"/api/event/?"),
    taken=lambda native: text_answer(b"ok", 202),
    needs=(("name", "n"), ("url", "u"), ("domain", "d")),
    named=first_of("name", "n"),
)
