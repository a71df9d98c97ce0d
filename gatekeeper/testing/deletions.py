"""The deletion interfaces of all vendors on one port: Google, Meta, Amplitude, Mixpanel, PostHog, Matomo and others.

Each checks a request as its vendor documents it and answers 400 to what the vendor would refuse. A filter that is
empty is refused everywhere, also where the vendor itself would delete everybody. What was asked is remembered: the
first look says that a job is under way, later ones that it is done. `unknown` are identifiers that no vendor knows,
`never` those whose job never ends. The sources are those of `gatekeeper/vendors/deletion/`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import orjson

from gatekeeper.model import Answer
from gatekeeper.testing.received import Problem, Received
from gatekeeper.testing.vendor import HASH, Object, Report, is_text, reply

KIND: Final = "deletions"
UNKNOWN: Final = "unknown"
NEVER: Final = "never"
DAY: Final = "2026-12-10"
_UUID: Final = "0188a0de-0000-4000-8000-00000000cafe"


class Deletions:
    """One such port; see `gatekeeper.testing.vendor.Vendor`."""

    KIND = KIND

    def __init__(self) -> None:
        self.asked: dict[str, dict[str, Any]] = {}  # a job's number -> what it is about
        self.looks: dict[str, int] = {}
        self.gone: set[str] = set()

    def check(self, received: Received) -> tuple[Problem, ...]:
        """The documented rules of the interface that was called."""
        found = _route(received)
        report = Report("vendors' documentation of deletion")
        if found is None:
            report.error("path", "not a deletion interface")
        else:
            found[0](received, report)
        return tuple(report.problems)

    def events(self, received: Received) -> tuple[Object, ...]:
        """The body, as one object."""
        body = received.json
        return (body,) if isinstance(body, dict) else ()

    def answer(self, received: Received, problems: tuple[Problem, ...]) -> Answer:
        """The vendor's own answer."""
        found = _route(received)
        if found is None:
            return Answer(404)
        if problems:
            return reply(400, {"error": [problem.rule for problem in problems]})
        return found[1](self, received)

    def ended(self, number: str) -> bool:
        """Whether a job is done: at the second look, unless it never is."""
        self.looks[number] = self.looks.get(number, 0) + 1
        return self.looks[number] > 1 and NEVER not in str(self.asked.get(number))


def fresh() -> Deletions:
    """Another port, which remembers nothing."""
    return Deletions()


def check(received: Received) -> tuple[Problem, ...]:
    """The documented rules of the interface that was called."""
    return Deletions().check(received)


def events(received: Received) -> tuple[Object, ...]:
    """The body, as one object."""
    return Deletions().events(received)


def answer(received: Received, problems: tuple[Problem, ...]) -> Answer:
    """The vendor's own answer, of a port that remembers nothing."""
    return Deletions().answer(received, problems)


Check = Callable[[Received, Report], None]
Reply = Callable[[Deletions, Received], Answer]


def _bearer(received: Received, report: Report) -> None:
    if not re.fullmatch(r"Bearer \S+", received.header("authorization") or ""):
        report.error("header:authorization", "a bearer token is needed")


def _body(received: Received, report: Report, keys: frozenset[str]) -> dict[str, Any]:
    body = received.json
    if not isinstance(body, dict):
        report.error("body", "JSON is needed")
        return {}
    report.unknown_keys(body, keys, "")
    return body


def _list(value: object, path: str, report: Report, most: int) -> None:
    if not isinstance(value, list) or not value or not all(is_text(one) for one in value):
        report.error(path, "an empty filter: it would be everybody's")
    elif len(value) > most:
        report.error(path, f"more than {most}")


def _google(received: Received, report: Report) -> None:
    _bearer(received, report)
    body = _body(received, report, frozenset({"kind", "id", "propertyId", "webPropertyId", "firebaseProjectId"}))
    who = body.get("id")
    if body.get("kind") != "analytics#userDeletionRequest":
        report.error("kind", "is analytics#userDeletionRequest")
    if not isinstance(who, dict) or who.get("type") not in ("CLIENT_ID", "USER_ID", "APP_INSTANCE_ID"):
        report.error("id.type", "is one of CLIENT_ID, USER_ID, APP_INSTANCE_ID")
    elif not is_text(who.get("userId")):
        report.error("id.userId", "an empty filter: it would be everybody's")
    if not str(body.get("propertyId", "")).isdigit():
        report.error("propertyId", "the numeric property is needed")


def _google_answer(vendor: Deletions, received: Received) -> Answer:
    return reply(200, {**_object(received), "deletionRequestTime": "2026-11-30T10:00:00.000Z"})


def _meta(received: Received, report: Report) -> None:
    _bearer(received, report)
    payload = _body(received, report, frozenset({"payload"})).get("payload")
    rows = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(rows, list) or not rows:
        report.error("payload.data", "an empty filter: it would be everybody's")
    elif not all(isinstance(row, list) and len(row) == 1 and HASH.fullmatch(str(row[0])) for row in rows):
        report.error("payload.data", "rows of one SHA-256 are needed")
    if not isinstance(payload, dict) or payload.get("schema") not in (["EMAIL"], ["PHONE"], ["EXTERN_ID"]):
        report.error("payload.schema", "is one of EMAIL, PHONE, EXTERN_ID")


def _meta_answer(vendor: Deletions, received: Received) -> Answer:
    rows = _object(received)["payload"]["data"]
    audience = received.path.split("/")[2]
    return reply(
        200, {"audience_id": audience, "session_id": "77", "num_received": len(rows), "num_invalid_entries": 0}
    )


def _audience(received: Received, report: Report) -> None:
    _bearer(received, report)
    body = _body(received, report, frozenset({"destinations", "audienceMembers", "encoding", "validateOnly"}))
    members = body.get("audienceMembers")
    if body.get("encoding") != "HEX":
        report.error("encoding", "is needed for user data")
    if not isinstance(body.get("destinations"), list) or not body["destinations"]:
        report.error("destinations", "an audience is needed")
    if not isinstance(members, list) or not members or not all(_identified(one) for one in members):
        report.error("audienceMembers", "an empty filter: it would be everybody's")


def _identified(member: object) -> bool:
    data = member.get("userData") if isinstance(member, dict) else None
    found = data.get("userIdentifiers") if isinstance(data, dict) else None
    return (
        isinstance(found, list)
        and bool(found)
        and all(
            isinstance(one, dict) and one and all(HASH.fullmatch(str(value)) for value in one.values()) for one in found
        )
    )


def _audience_answer(vendor: Deletions, received: Received) -> Answer:
    vendor.asked["req-1"] = _object(received)
    return reply(200, {"requestId": "req-1"})


def _audience_status(vendor: Deletions, received: Received) -> Answer:
    number = received.query.get("requestId", [""])[0]
    if number not in vendor.asked:
        return reply(404, {})
    word = "SUCCESS" if vendor.ended(number) else "PROCESSING"
    return reply(200, {"requestStatusPerDestination": [{"requestStatus": word}]})


def _amplitude(received: Received, report: Report) -> None:
    if not re.fullmatch(r"Basic [A-Za-z0-9+/]+=*", received.header("authorization") or ""):
        report.error("header:authorization", "the key and the secret are needed")
    if received.method == "GET":
        for key in ("start_day", "end_day"):
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", received.query.get(key, [""])[0]):
                report.error(key, "is a day")
        return
    keys = frozenset({"user_ids", "amplitude_ids", "requester", "ignore_invalid_id", "delete_from_org"})
    body = _body(received, report, keys)
    _list(body.get("user_ids"), "user_ids", report, 100)
    if body.get("delete_from_org"):
        report.error("delete_from_org", "is not for one project")


def _amplitude_answer(vendor: Deletions, received: Received) -> Answer:
    if received.method == "GET":
        jobs = [
            {"day": DAY, "status": "done" if vendor.ended(name) else "staging", "amplitude_ids": job["rows"]}
            for name, job in vendor.asked.items()
            if name.startswith("amplitude:")
        ]
        return reply(200, jobs)
    body = _object(received)
    rows = [
        {"amplitude_id": 1000 + n, "requester": body["requester"], "requested_on_day": "2026-11-30"}
        for n, user in enumerate(body["user_ids"])
        if UNKNOWN not in user
    ]
    vendor.asked[f"amplitude:{body['requester']}"] = {"rows": rows, "users": body["user_ids"]}
    return reply(200, {"day": DAY, "status": "staging", "amplitude_ids": rows})


def _mixpanel(received: Received, report: Report) -> None:
    _bearer(received, report)
    if not received.query.get("token", [""])[0]:
        report.error("token", "the project's token is needed")
    if received.method == "GET":
        return
    body = _body(received, report, frozenset({"distinct_ids", "compliance_type"}))
    _list(body.get("distinct_ids"), "distinct_ids", report, 2000)
    if body.get("compliance_type") not in ("GDPR", "CCPA"):
        report.error("compliance_type", "is GDPR or CCPA")


def _mixpanel_answer(vendor: Deletions, received: Received) -> Answer:
    if received.method == "POST":
        vendor.asked["1583958896131033662"] = _object(received)
        return reply(200, {"status": "ok", "results": {"task_id": "1583958896131033662"}})
    number = received.path.rpartition("/")[2]
    if number not in vendor.asked:
        return reply(200, {"status": "ok", "results": {"status": "NOT_FOUND"}})
    word = "SUCCESS" if vendor.ended(number) else "PENDING"
    return reply(200, {"status": "ok", "results": {"status": word}})


def _posthog(received: Received, report: Report) -> None:
    _bearer(received, report)
    if received.method == "GET" and not is_text(received.query.get("distinct_id", [""])[0]):
        report.error("distinct_id", "an empty filter: it would be everybody's")
    if received.method == "DELETE" and not re.fullmatch(r".*/persons/[0-9a-f-]{36}/", received.path):
        report.error("path", "a person's UUID is needed")


def _posthog_answer(vendor: Deletions, received: Received) -> Answer:
    if received.method == "DELETE":
        vendor.gone.add(_UUID)
        return Answer(204)
    who = received.query["distinct_id"][0]
    there = UNKNOWN not in who and (_UUID not in vendor.gone or NEVER in who)
    rows = [{"id": _UUID, "uuid": _UUID, "distinct_ids": [who]}] if there else []
    return reply(200, {"next": None, "results": rows})


def _matomo(received: Received, report: Report) -> None:
    form = _form(received)
    if received.method != "POST" or not form.get("token_auth"):
        report.error("token_auth", "is needed, in a POST")
    method = form.get("method")
    if method == "PrivacyManager.findDataSubjects":
        if not re.fullmatch(r"(userId|visitorId)==.+", form.get("segment", "")):
            report.error("segment", "an empty filter: it would be everybody's")
        if not form.get("idSite", "").isdigit():
            report.error("idSite", "is needed")
    elif method == "PrivacyManager.deleteDataSubjects":
        if not all(form.get(f"visits[0][{key}]", "").isdigit() for key in ("idsite", "idvisit")):
            report.error("visits", "an empty filter: it would be everybody's")
    else:
        report.error("method", "is not a method of PrivacyManager")


def _matomo_answer(vendor: Deletions, received: Received) -> Answer:
    form = _form(received)
    if form["method"].endswith("deleteDataSubjects"):
        vendor.gone.add("4759")
        return reply(200, {"log_visit": 1})
    by, _, who = form["segment"].partition("==")
    who = unquote(who)
    there = UNKNOWN not in who and ("4759" not in vendor.gone or NEVER in who)
    return Answer(
        200,
        (("Content-Type", "application/json"),),
        orjson.dumps([{"idSite": 1, "idVisit": 4759, by: who}] if there else []),
    )


def _regulation(received: Received, report: Report) -> None:
    _bearer(received, report)
    if received.method == "GET":
        return
    body = _body(received, report, frozenset({"regulationType", "subjectType", "subjectIds"}))
    _list(body.get("subjectIds"), "subjectIds", report, 5000)
    if (body.get("regulationType"), body.get("subjectType")) != ("SUPPRESS_WITH_DELETE", "USER_ID"):
        report.error("regulationType", "is not one that deletes users")


def _regulation_answer(vendor: Deletions, received: Received) -> Answer:
    if received.method == "POST":
        vendor.asked["reg-1"] = _object(received)
        return reply(200, {"data": {"regulateId": "reg-1"}})
    number = received.path.rpartition("/")[2]
    if number not in vendor.asked:
        return reply(404, {})
    word = "FINISHED" if vendor.ended(number) else "RUNNING"
    return reply(200, {"data": {"regulation": {"id": number, "workspaceId": "w", "overallStatus": word}}})


def _rudderstack(received: Received, report: Report) -> None:
    _bearer(received, report)
    body = _body(received, report, frozenset({"regulationType", "destinationIds", "users"}))
    users = body.get("users")
    if body.get("regulationType") != "suppress_with_delete":
        report.error("regulationType", "is suppress_with_delete")
    _list(body.get("destinationIds"), "destinationIds", report, 1000)
    if not isinstance(users, list) or not users or not all(is_text(one.get("userId")) for one in users):
        report.error("users", "an empty filter: it would be everybody's")


def _rudderstack_answer(vendor: Deletions, received: Received) -> Answer:
    made = [
        {"id": f"reg-{n}", "canceled": False, "regulationType": "suppress_with_delete", "attributes": user}
        for n, user in enumerate(_object(received)["users"])
    ]
    return Answer(201, (("Content-Type", "application/json"),), orjson.dumps(made))


def _dsr(received: Received, report: Report) -> None:
    if not re.fullmatch(r"t=\d+,v1=[0-9a-f]{64}", received.header("gatekeeper-signature") or ""):
        report.error("header:gatekeeper-signature", "is needed")
    if received.method == "GET":
        return
    body = received.json
    who = body.get("subject_identities") if isinstance(body, dict) else None
    if not isinstance(who, list) or not who:
        report.error("subject_identities", "an empty filter: it would be everybody's")
    elif not all(isinstance(one, dict) and is_text(one.get("identity_value")) for one in who):
        report.error("subject_identities", "each has a value")
    if not isinstance(body, dict) or body.get("subject_request_type") != "erasure":
        report.error("subject_request_type", "is erasure")


def _dsr_answer(vendor: Deletions, received: Received) -> Answer:
    if received.method == "POST":
        body = _object(received)
        vendor.asked[body["subject_request_id"]] = body
        return reply(202, {"subject_request_id": body["subject_request_id"]})
    number = received.path.rpartition("/")[2]
    if number not in vendor.asked:
        return reply(404, {})
    word = "completed" if vendor.ended(number) else "in_progress"
    return reply(200, {"subject_request_id": number, "request_status": word})


def _object(received: Received) -> dict[str, Any]:
    found = received.json
    return found if isinstance(found, dict) else {}


def _form(received: Received) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs((received.decoded or b"").decode("latin-1")).items()}


_ROUTES: Final[Mapping[str, tuple[Check, Reply]]] = {
    r"POST /analytics/v3/userDeletion/userDeletionRequests:upsert": (_google, _google_answer),
    r"DELETE /v[0-9.]+/[0-9]+/users": (_meta, _meta_answer),
    r"POST /v1/audienceMembers:remove": (_audience, _audience_answer),
    r"GET /v1/requestStatus:retrieve": (_bearer, _audience_status),
    r"(GET|POST) /api/2/deletions/users": (_amplitude, _amplitude_answer),
    r"POST /api/app/data-deletions/v3.0/": (_mixpanel, _mixpanel_answer),
    r"GET /api/app/data-deletions/v3.0/[0-9]+": (_mixpanel, _mixpanel_answer),
    r"(GET|DELETE) /api/projects/[0-9]+/persons/.*": (_posthog, _posthog_answer),
    r"POST /index.php": (_matomo, _matomo_answer),
    r"(POST|GET) /regulations(/[a-zA-Z0-9-]+)?": (_regulation, _regulation_answer),
    r"POST /v2/regulations": (_rudderstack, _rudderstack_answer),
    r"(POST|GET) /dsr(/.+)?": (_dsr, _dsr_answer),
}


def _route(received: Received) -> tuple[Check, Reply] | None:
    asked = f"{received.method} {received.path}"
    return next((route for pattern, route in _ROUTES.items() if re.fullmatch(pattern, asked)), None)
