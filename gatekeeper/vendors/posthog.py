"""PostHog's capture endpoints.

    POST <origin>/batch/ /capture/ /e/ /i/v0/e/ /track/ /engage/     one event, a list, or {"batch": […]}
    POST <origin>/flags/ /decide/                                   feature flags of one person
    POST <origin>/s/                                                session recordings: never sent
    GET  <origin>/flags/definitions, /api/feature_flag/local_evaluation/, /api/surveys/, /array/<key>/config
                                                                    configuration: answered with none

JSON, gzip without a Content-Encoding (`compression=gzip-js`), or a form with base64. posthog-python takes nothing but
status 200 for success. An event without a name fails the whole request there (PostHog#35684), so none is sent.
Source: see posthog.toml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import Kept, Leaf, Native
from gatekeeper.vendors.formats import table, unsent
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.json_batch import JsonBatch, came_hashed
from gatekeeper.vendors.formats.parts import GET_OR_POST, NAMELESS, Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Reply, json_answer, parsed
from gatekeeper.vendors.kind import Shaping

_WHO: Final = ("distinct_id", "properties.distinct_id", "$distinct_id")
_FLAGS: Final = re.compile(r"/(?:flags|decide)/?")
_NO_FLAGS: Final = {
    "flags": {}, "featureFlags": {}, "featureFlagPayloads": {}, "errorsWhileComputingFlags": False,
    "sessionRecording": False, "supportedCompression": ["gzip", "gzip-js"],
}  # fmt: skip


# What posthog-js asks before anything else, and the definitions that servers evaluate flags by.
_CONFIG: Final = re.compile(r"/array/([A-Za-z0-9_-]{1,100})/config(\.js)?")
_DEFINITIONS: Final = re.compile(r"/flags/definitions/?|/api/feature_flag/local_evaluation/?")
_SURVEYS: Final = re.compile("/api/surveys/?")
_NO_CONFIG: Final = {
    "supportedCompression": ["gzip", "gzip-js"], "hasFeatureFlags": False, "sessionRecording": False, "surveys": False,
    "heatmaps": False, "captureDeadClicks": False, "capturePerformance": False, "autocaptureExceptions": False,
    "siteApps": [], "siteAppsJS": [], "toolbarParams": {}, "isAuthenticated": False,
}  # fmt: skip
_NO_DEFINITIONS: Final[dict[str, Any]] = {"flags": [], "group_type_mapping": {}, "cohorts": {}}


def _taken(native: Native) -> Answer:
    return json_answer({"status": "Ok"})


def _no_flags(native: Native) -> Answer:
    return json_answer(_NO_FLAGS)


def _configured(native: Native) -> Answer:
    path = native.call.path
    if _DEFINITIONS.fullmatch(path):
        return json_answer(_NO_DEFINITIONS)
    if _SURVEYS.fullmatch(path):
        return json_answer({"surveys": []})
    match = _CONFIG.fullmatch(path)
    if match is None or match[2] is None:
        return json_answer(_NO_CONFIG)
    key, config = orjson.dumps(match[1]), orjson.dumps({"config": _NO_CONFIG, "siteApps": []})
    script = b"(window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{})[" + key + b"]=" + config + b";"
    return Answer(200, (("Content-Type", "text/javascript"),), script)


def _flags(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer | None:
    """The flags themselves: that answer is what the call was made for. `None` where it is no JSON object."""
    if answer.status != 200:
        return None
    said = parsed(answer)
    return None if said is None else json_answer(said)


def _says_nothing(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """PostHog refuses an exception without its list."""
    if not any(leaf.name == "event" and leaf.value == "$exception" for leaf in leaves):
        return None
    told = any(leaf.name.startswith(("properties.$exception_list.", "properties.$exception_m")) for leaf in leaves)
    return None if told else "nothing is left of the exception"


def _place_key(data: Any, key: str) -> None:
    for one in data if isinstance(data, list) else (data,):
        one["api_key"] = key


DIALECT: Final = Format(
    KIND="first_party",
    NAME="posthog /batch/",
    ACCOUNT=None,
    table=table.load(__package__, "posthog.toml"),
    route=Route(re.compile(r"/(?:batch|capture|e|i/v0/e|track)/?"), methods=GET_OR_POST),
    body=JsonBatch(key="batch", lists=True, place_key=_place_key),
    naming=Naming(first_of("event")),
    needs=Needs(all_of=("event", _WHO), more=_says_nothing),
    hashes=came_hashed,
    reply=Reply(_taken),
)
PROFILES: Final = replace(
    DIALECT,
    NAME="posthog /engage/",
    route=Route(re.compile("/engage/?"), methods=GET_OR_POST),
    naming=Naming(first_of("event"), default="profile"),
    needs=Needs(all_of=(_WHO,)),
)
FLAGS: Final = replace(
    PROFILES,
    NAME="posthog /flags/",
    route=Route(_FLAGS, methods=GET_OR_POST),
    naming=Naming(first_of("event"), default="feature_flags"),
    reply=Reply(_no_flags, _flags),
)
RECORDINGS: Final = replace(
    DIALECT,
    NAME="posthog /s/",
    route=Route(re.compile("/s/?"), methods=GET_OR_POST),
    body=unsent.Unsent("recording"),
    naming=NAMELESS,
    needs=unsent.NEEDS,
)
CONFIGURATION: Final = replace(
    RECORDINGS,
    NAME="posthog /flags/definitions",
    route=Route(
        re.compile("|".join(one.pattern for one in (_CONFIG, _DEFINITIONS, _SURVEYS))), methods=frozenset({"GET"})
    ),
    body=unsent.Unsent("configuration"),
    reply=Reply(_configured),
)
