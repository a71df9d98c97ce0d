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

import orjson

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Kept, Native
from gatekeeper.vendors.formats import table
from gatekeeper.vendors.formats.json_batch import JsonBatch, first_of
from gatekeeper.vendors.formats.short_answers import json_answer

_FLAGS: Final = re.compile(r"/(?:flags|decide)/?")
_NO_FLAGS: Final = (
    b'{"flags":{},"featureFlags":{},"featureFlagPayloads":{},"errorsWhileComputingFlags":false,'
    b'"sessionRecording":false,"supportedCompression":["gzip","gzip-js"]}'
)


def _taken(native: Native) -> Answer:
    if _FLAGS.fullmatch(native.call.path):
        return json_answer(_NO_FLAGS)
    return json_answer(b'{"status":"Ok"}')


def _flags(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer | None:
    """The flags themselves: that answer is what the call was made for. `None` where it is no JSON object."""
    if answer.status != 200 or not _FLAGS.fullmatch(native.call.path):
        return None
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return json_answer(orjson.dumps(said)) if isinstance(said, dict) else None


def _place_key(data: Any, key: str) -> None:
    for one in data if isinstance(data, list) else (data,):
        one["api_key"] = key


DIALECT: Final = JsonBatch(
    NAME="posthog /batch/",
    table=table.load(__package__, "posthog.toml"),
    paths=re.compile(r"/(?:batch|capture|e|i/v0/e|track|engage|s|flags|decide)/?"),
    dropped=re.compile(r"/s/?"),
    batch="batch",
    lists=True,
    methods=frozenset({"GET", "POST"}),
    taken=_taken,
    needs=(("distinct_id", "properties.distinct_id", "$distinct_id"),),
    named=first_of("event"),
    default="feature_flags",
    place_key=_place_key,
    passed_on=_flags,
)
