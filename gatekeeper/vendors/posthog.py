"""PostHog's capture endpoints.

    POST <origin>/batch/ /capture/ /e/ /i/v0/e/ /track/ /engage/     one event, a list, or {"batch": […]}
    POST <origin>/flags/ /decide/                                   feature flags of one person
    POST <origin>/s/                                                session recordings: never sent

JSON, gzip without a Content-Encoding (`compression=gzip-js`), or a form with base64. posthog-python takes nothing but
status 200 for success. Source: see posthog.toml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Kept, Native
from gatekeeper.vendors.formats import table
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.json_batch import JsonBatch, came_hashed
from gatekeeper.vendors.formats.parts import GET_OR_POST, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Reply, json_answer, parsed

_FLAGS: Final = re.compile(r"/(?:flags|decide)/?")
_NO_FLAGS: Final = {
    "flags": {}, "featureFlags": {}, "featureFlagPayloads": {}, "errorsWhileComputingFlags": False,
    "sessionRecording": False, "supportedCompression": ["gzip", "gzip-js"],
}  # fmt: skip


def _taken(native: Native) -> Answer:
    if _FLAGS.fullmatch(native.call.path):
        return json_answer(_NO_FLAGS)
    return json_answer({"status": "Ok"})


def _flags(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer | None:
    """The flags themselves: that answer is what the call was made for. `None` where it is no JSON object."""
    if answer.status != 200 or not _FLAGS.fullmatch(native.call.path):
        return None
    said = parsed(answer)
    return None if said is None else json_answer(said)


def _place_key(data: Any, key: str) -> None:
    for one in data if isinstance(data, list) else (data,):
        one["api_key"] = key


DIALECT: Final = Format(
    KIND="first_party",
    NAME="posthog /batch/",
    ACCOUNT=None,
    table=table.load(__package__, "posthog.toml"),
    route=Route(re.compile(r"/(?:batch|capture|e|i/v0/e|track|engage|s|flags|decide)/?"), methods=GET_OR_POST),
    body=JsonBatch(key="batch", lists=True, place_key=_place_key, dropped=re.compile(r"/s/?")),
    naming=Naming(first_of("event"), default="feature_flags"),
    needs=Needs(all_of=(("distinct_id", "properties.distinct_id", "$distinct_id"),)),
    hashes=came_hashed,
    reply=Reply(_taken, _flags),
)
