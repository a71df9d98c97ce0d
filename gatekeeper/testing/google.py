"""Google Ads: `:uploadClickConversions`, `:uploadConversionAdjustments`, and the Data Manager API.

The Ads API answers per conversion: 200 with one result each, an empty one where it failed, and the reasons
in `partialFailureError`. What is wrong with the request as a whole fails all of it. The rules for one
conversion are in `google_conversion.py`, those of `/v1/events:ingest` in `google_data_manager.py`.
"""

from __future__ import annotations

import re
import secrets

from gatekeeper.model import Answer
from gatekeeper.testing import google_data_manager as data_manager
from gatekeeper.testing.fields import documented
from gatekeeper.testing.google_conversion import UPLOADS, check_adjustment, check_click
from gatekeeper.testing.received import Problem, Received
from gatekeeper.testing.vendor import NOT_DOCUMENTED, Object, Report, errors, is_text, objects, reply

KIND = "google_ads"

AUTH = "developers.google.com/google-ads/api/rest/auth"

MAX_CONVERSIONS = 2000

_PATH = re.compile(r"/(v\d+)/customers/(\d+):(uploadClickConversions|uploadConversionAdjustments)")
_LISTS = {"uploadClickConversions": "conversions", "uploadConversionAdjustments": "conversionAdjustments"}
_BODY = {name: documented("google_ads", f"{name}_body") for name in _LISTS.values()}
_RESULT = {name: documented("google_ads", f"{name}_result") for name in _LISTS.values()}
_ELEMENT = re.compile(r"\w+\[(\d+)\]")
_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


def check(received: Received) -> tuple[Problem, ...]:
    """The documented rules of the endpoint that was called."""
    report = Report(UPLOADS)
    route = _PATH.fullmatch(received.path)
    if route is None and received.path != data_manager.PATH:
        report.error("path", "not an endpoint of Google Ads or Data Manager")
        return tuple(report.problems)
    if received.method != "POST":
        report.error("method", "POST is needed")
    if not (received.header("authorization") or "").startswith("Bearer "):
        report.error("header:Authorization", "a bearer token is needed", AUTH)
    if route is not None and not is_text(received.header("developer-token")):
        report.error("header:developer-token", "developer-token is needed", AUTH)
    body = received.json
    if not isinstance(body, dict):
        report.error("body", "not a JSON object")
    elif route is None:
        data_manager.check_body(body, report)
    else:
        _check_upload(body, route[2], _LISTS[route[3]], received.at, report)
    return tuple(report.problems)


def events(received: Received) -> tuple[Object, ...]:
    """`conversions`, `conversionAdjustments`, or Data Manager's `events`."""
    route, body = _PATH.fullmatch(received.path), received.json
    if not isinstance(body, dict) or (route is None and received.path != data_manager.PATH):
        return ()
    return tuple(event for _, event in objects(body.get(_LISTS[route[3]] if route else "events"), ""))


def answer(received: Received, problems: tuple[Problem, ...]) -> Answer:
    """200 with results, or Google's error object for the first problem of the request as a whole."""
    route = _PATH.fullmatch(received.path)
    refused = errors(problems)
    partial = {problem: index for problem in refused if route and (index := _conversion(problem)) is not None}
    for problem in refused:
        if problem.path == "path":
            return _error(404, "NOT_FOUND", problem)
        if problem.path == "method":
            return _error(405, "UNIMPLEMENTED", problem)
        if problem.path.startswith("header:"):
            return _error(401, "UNAUTHENTICATED", problem)
        if problem not in partial:
            return _error(400, "INVALID_ARGUMENT", problem)
    if route is None:
        return reply(200, {"requestId": secrets.token_hex(16)})
    failed, echoed = set(partial.values()), _RESULT[_LISTS[route[3]]]
    results = [
        {} if index in failed else {name: event[name] for name in event if name in echoed}
        for index, event in enumerate(events(received))
    ]
    body: Object = {"results": results}
    if partial:
        body["partialFailureError"] = _partial_failure(route[1], list(partial))
    return reply(200, body)


def _check_upload(body: Object, customer: str, listed_as: str, now: float, report: Report) -> None:
    report.unknown_keys(body, _BODY[listed_as], "")
    if body.get("partialFailure") is not True:
        report.error("partialFailure", "partialFailure is needed: true")
    listed = body.get(listed_as)
    if not isinstance(listed, list) or not listed:
        report.error(listed_as, f"{listed_as} is needed: a list of objects")
        return
    if len(listed) > MAX_CONVERSIONS:
        report.error(listed_as, f"more than {MAX_CONVERSIONS} conversions")
    for index, conversion in enumerate(listed):
        path = f"{listed_as}[{index}]"
        if not isinstance(conversion, dict):
            report.error(listed_as, "an element that is not an object")
        elif listed_as == "conversions":
            check_click(conversion, path, customer, now, report)
        else:
            check_adjustment(conversion, path, customer, now, report)


def _conversion(problem: Problem) -> int | None:
    """The index of the one conversion that fails for it, or None where the whole request does."""
    element = _ELEMENT.match(problem.path)
    if element is None or problem.rule == NOT_DOCUMENTED:  # an unknown field cannot be parsed at all
        return None
    return int(element[1])


def _partial_failure(version: str, problems: list[Problem]) -> Object:
    """A google.rpc.Status with one GoogleAdsError per problem."""
    failures = [
        {
            "errorCode": {"fieldError": "REQUIRED" if "is needed" in problem.rule else "INVALID_VALUE"},
            "message": problem.rule,
            "location": {"fieldPathElements": _elements(problem.path)},
        }
        for problem in problems
    ]
    return {
        "code": 3,
        "message": f"{problems[0].rule}, at {problems[0].path}",
        "details": [
            {
                "@type": f"type.googleapis.com/google.ads.googleads.{version}.errors.GoogleAdsFailure",
                "errors": failures,
                "requestId": secrets.token_urlsafe(16),
            }
        ],
    }


def _elements(path: str) -> list[Object]:
    """`conversions[0].gclid` as Google's list of field names with indices."""
    found: list[Object] = []
    for name, index in _STEP.findall(path):
        found.append({"fieldName": name, "index": int(index)} if index else {"fieldName": name})
    return found


def _error(status: int, code: str, problem: Problem) -> Answer:
    """Google's error object (google.rpc.Status as JSON)."""
    violation = {"field": problem.path, "description": problem.rule}
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    error: Object = {"code": status, "message": f"{problem.path}: {problem.rule}", "status": code}
    if status == 400:
        error["details"] = [detail]
    return reply(status, {"error": error})
