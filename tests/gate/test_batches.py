"""A batch of Graph's calls, planned: what is judged, what is blocked, and under which name."""

from __future__ import annotations

import gzip
from urllib.parse import parse_qsl, urlencode

import orjson
import pytest
from msgspec import structs

from gatekeeper.gate.batches import holds_tracking, plan_batch, plan_request
from gatekeeper.gate.carry import decision_lines, finish_call
from gatekeeper.model import Answer, Caller
from gatekeeper.scrub.meter import Heavy
from tests.builders import DESTINATIONS, NOW, make_gate, make_policy, own_cookie
from tests.native.kit import request

GATE = make_gate(make_policy(destinations={"meta": DESTINATIONS["meta_capi"]}))
TO = GATE.policy.destinations["meta"]
GRANTED = Caller(headers=((b"cookie", own_cookie("analytics", "marketing", at=NOW - 9_999).encode()),))
FORM = "application/x-www-form-urlencoded"
EVENT = {
    "event_name": "Purchase", "event_time": int(NOW), "action_source": "website", "event_source_url": "https://shop.example/",
    "user_data": {"client_user_agent": "Mozilla/5.0", "client_ip_address": "203.0.113.9"},
    "custom_data": {"value": 7, "currency": "EUR"},
}  # fmt: skip
READING = {"method": "GET", "relative_url": "v26.0/me?fields=name"}


def posting(account="123456789", **more):
    """A call of a batch that posts one event."""
    body = urlencode({"data": orjson.dumps([EVENT]).decode()})
    return {"method": "POST", "relative_url": f"v26.0/{account}/events", "body": body} | more


def batch(*calls, coding=None, path="/v26.0/", **beside):
    """A request with a batch of these calls."""
    body = urlencode({"batch": orjson.dumps(calls).decode(), "access_token": "T", **beside}).encode()
    given = request(path, gzip.compress(body) if coding else body, content_type=FORM)
    return structs.replace(given, headers=(*given.headers, (b"content-encoding", coding))) if coding else given


def planned(*calls, caller=GRANTED, brief=False, **more):
    """What would happen to it at the destination."""
    return plan_request(GATE, TO, batch(*calls, **more), caller, brief=brief)


def sent(plan):
    """The calls that leave."""
    (listed,) = [value for name, value in parse_qsl(plan.outgoing.body.decode()) if name == "batch"]
    return orjson.loads(listed)


def test_each_call_of_a_batch_is_judged_and_what_is_permitted_leaves_as_one() -> None:
    """A plan for each, with a line for each; the destination is the one that was chosen."""
    plan = planned(posting(), posting())
    assert (plan.to, plan.reason, len(plan.plans), len(sent(plan))) == (TO, None, 2, 2)
    assert [one.decisions[0].destination for one in plan.plans] == ["meta", "meta"]
    assert len(decision_lines(GATE, plan)) == 2
    assert all(one is not None for one in plan.kept) and plan.decided == GATE.generation()


@pytest.mark.parametrize("coding", [b"gzip", b"GZIP"])
def test_a_batch_may_be_packed(coding: bytes) -> None:
    """Its Content-Encoding is undone before it is read, here and where no gate judges it."""
    plan = planned(posting(), coding=coding)
    assert (plan.reason, len(sent(plan))) == (None, 1)
    assert holds_tracking(batch(posting(), coding=coding), 10_000)
    assert not holds_tracking(batch(READING, coding=coding), 10_000)


@pytest.mark.parametrize(
    ("refused", "reason"),
    [([posting("999")], "other_account"), ([posting(), posting("999")], None), ([posting("999"), posting()], None)],
)
def test_a_call_for_another_account_does_not_leave(refused, reason) -> None:
    """The others do; the reason is told where nothing is left."""
    plan = planned(*refused)
    assert plan.reason == reason
    assert [one.decisions[0].reason for one in plan.plans].count("other_account") == 1
    assert (None if plan.outgoing is None else len(sent(plan))) == (None if reason else 1)


def test_where_a_visitor_refuses_nothing_of_a_batch_leaves() -> None:
    """And the answer is what Graph would say of each."""
    refusing = Caller(headers=((b"cookie", own_cookie().encode()),))
    plan = planned(posting(), posting(), caller=refusing)
    assert plan.outgoing is None and plan.reason in ("no_marketing_consent", "consent_withdrawn")
    answers = orjson.loads(plan.answer.body)
    assert [one["code"] for one in answers] == [200, 200]
    assert [orjson.loads(one["body"])["events_received"] for one in answers] == [1, 1]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (request("/v26.0/", b"batch=x", content_type=FORM), "meta"),
        (request("/v26.0/", b"batch=[]", content_type=FORM), "meta"),
        (request("/v26.0/", b"batch=[]&batch=[]", content_type=FORM), "meta"),
    ],
    ids=["no-list", "empty", "twice"],
)
def test_a_batch_that_cannot_be_read_is_blocked_under_its_destinations_name(call, name) -> None:
    """With an empty list as the answer, which no SDK takes for a call that was made."""
    plan = plan_request(GATE, TO, call, GRANTED)
    assert (plan.outgoing, plan.reason, plan.answer.body) == (None, "call_unreadable", b"[]")
    assert [one.decisions[0].destination for one in plan.plans] == [name]
    assert holds_tracking(call, 10_000)


@pytest.mark.parametrize("path", ["/v26.0/", "/", "/v26.0/123456789/events"])
def test_a_request_without_a_batch_is_a_call(path: str) -> None:
    """At the root it is in no format; at the account's address it is judged as ever."""
    body = urlencode({"data": orjson.dumps([EVENT]).decode()})
    plan = plan_request(GATE, TO, request(path, body, content_type=FORM), GRANTED)
    assert plan.reason == (None if path.endswith("/events") else "call_unreadable")
    assert not holds_tracking(request(path, body, content_type=FORM), 10_000)


def test_only_a_brief_look_may_be_too_heavy() -> None:
    """What takes longer than an event loop may be kept for is decided beside it."""
    large = [posting() for _ in range(30)]
    assert planned(*large).reason is None
    with pytest.raises(Heavy):
        planned(*large, brief=True)
    assert plan_batch(GATE, batch(*large), GRANTED, "m", choose=lambda _: TO, passes=False).reason is None


def passing(*calls, choose=lambda call: TO, base="https://graph.facebook.com"):
    """A batch that the app sends to Graph itself."""
    return plan_batch(GATE, batch(*calls), GRANTED, "graph", choose=choose, passes=True, base=base)


def test_calls_that_are_no_tracking_go_on_as_they_came() -> None:
    """A batch of them alone is not judged at all."""
    assert passing(READING) is None
    plan = passing(READING, posting())
    first, second = sent(plan)
    assert first == READING and second["relative_url"].endswith("/123456789/events")
    assert (len(plan.plans), plan.outgoing.url.startswith("https://graph.facebook.com/v26.0/")) == (1, True)


def test_a_call_for_nobodys_destination_is_blocked_and_the_others_go_on() -> None:
    """Under the name that the audit has for it."""
    plan = passing(READING, posting(), choose=lambda call: None, base="https://graph.example")
    assert sent(plan) == [READING] and plan.outgoing.url.startswith("https://graph.example/")
    assert [(one.decisions[0].destination, one.decisions[0].reason) for one in plan.plans] == [
        ("graph", "unlisted_destination")
    ]
    told = finish_call(GATE, plan, Answer(200, (), orjson.dumps([{"code": 200, "headers": [], "body": "{}"}])))
    answers = orjson.loads(told.body)
    assert [one["code"] for one in answers] == [200, 200]
    assert orjson.loads(answers[1]["body"])["events_received"] == 0


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (Answer(200, (), orjson.dumps([{"code": 200, "body": '{"events_received":1}'}])), "delivered", None),
        (Answer(200, (), b"[null]"), "failed", "unknown"),
        (Answer(200, (), b"{}"), "failed", "unknown"),
        (Answer(500, (), b"oops"), "failed", "http_500"),
        (Answer(200, (), orjson.dumps([{"code": 500, "body": "x"}])), "failed", "http_500"),
    ],
    ids=["taken", "not-done", "another-answer", "failed", "one-failed"],
)
def test_what_became_of_each_call_is_recorded(answer, status, reason) -> None:
    """By Graph's answer to it; what cannot be told is unknown."""
    lines: list = []
    plan = planned(posting())
    finish_call(GATE, plan, answer, None, lines.extend)
    (line,) = [orjson.loads(one.core) for one in lines]
    assert (line["destination"], line["status"], line.get("reason")) == ("meta", status, reason)
    assert line["request_ids"] == [plan.plans[0].request_id]
