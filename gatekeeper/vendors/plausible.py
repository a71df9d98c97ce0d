"""Plausible's events API.

    POST <origin>/api/event     {"name", "url", "domain", …} or the script's short keys; often as text/plain

Success is 202 `ok`. Plausible tells visitors apart by address and User-Agent: the address is never passed on, the
User-Agent where the policy allows the field. Source: see plausible.toml.
"""

from __future__ import annotations

import re
from typing import Final

from gatekeeper.vendors.formats import table
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.json_batch import JsonBatch, came_hashed
from gatekeeper.vendors.formats.parts import Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Reply, text_answer

DIALECT: Final = Format(
    KIND="first_party",
    NAME="plausible /api/event",
    ACCOUNT=None,
    table=table.load(__package__, "plausible.toml"),
    route=Route(re.compile(r"/api/event/?")),
    body=JsonBatch(),
    naming=Naming(first_of("name", "n")),
    needs=Needs(
        all_of=(
            ("name", "n"),
            ("url", "u"),
            ("domain", "d"),
        )
    ),
    hashes=came_hashed,
    reply=Reply(lambda native: text_answer(b"ok", 202)),
)
