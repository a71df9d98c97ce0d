"""Umami's collection endpoint.

    POST <origin>/api/send     {"type": "event", "payload": {"website", "url", …}}

Success is 200 and JSON with a cache token and two ids; ours name no visitor. An `identify` without the person's id
and without properties says nothing. Source: see umami.toml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gatekeeper.vendors.dialect import Leaf
from gatekeeper.vendors.formats import table
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.json_batch import JsonBatch, came_hashed
from gatekeeper.vendors.formats.parts import Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Reply, json_answer
from gatekeeper.vendors.kind import Shaping

_NOBODY: Final = "00000000-0000-0000-0000-000000000000"


def _lacks(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    names = {leaf.name for leaf in leaves}
    identifies = any(leaf.name == "type" and leaf.value == "identify" for leaf in leaves)
    told = "payload.id" in names or any(name.startswith("payload.data.") for name in names)
    return "nothing is left of the person" if identifies and not told else None


DIALECT: Final = Format(
    KIND="first_party",
    NAME="umami /api/send",
    ACCOUNT=None,
    table=table.load(__package__, "umami.toml"),
    route=Route(re.compile(r"/api/send/?")),
    body=JsonBatch(),
    naming=Naming(first_of("payload.name"), default="page_view"),
    needs=Needs(
        all_of=(
            "type",
            "payload.website",
            ("payload.url", "payload.name", "payload.id"),
        ),
        more=_lacks,
    ),
    hashes=came_hashed,
    reply=Reply(lambda native: json_answer({"cache": "", "sessionId": _NOBODY, "visitId": _NOBODY})),
)
