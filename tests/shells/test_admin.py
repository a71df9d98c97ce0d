"""The admin API: scopes, bodies, one line before each act; over the app's own ASGI, on a real store, log and keys."""

import asyncio
import contextlib
import json
import time
from concurrent.futures import Future

import httpx
import pytest

import gatekeeper
from gatekeeper.audit import read, segments
from gatekeeper.errors import AuditError
from gatekeeper.policy.load import parse_policy
from gatekeeper.shells.admin import admitted, copies
from gatekeeper.shells.admin.acts import ACTS
from tests.builders import policy_data
from tests.rights.people import cookie, send
from tests.running import shop

TOKENS = {
    "DPO": "dpo-5f0c1b7e9d3a48c2a6e1",
    "READER": "reader-81d2c47b9e5f30a64c",
    "METRICS": "metrics-2f9b84c1d7e6035a",
}
EMAIL = "jane.doe@example.com"
JANE = {"identifiers": [{"type": "email", "value": EMAIL}]}


def make_app(folder, **server):
    admins = [
        {"name": "dpo", "token": {"env": "DPO"}, "may": ["read", "suppress", "erase", "approve", "report"]},
        {"name": "reader", "token": {"env": "READER"}, "may": ["read"]},
    ]
    tables = policy_data(
        audit={"path": str(folder / "audit")}, keys={"path": str(folder / "keys")},
        storage={"url": f"sqlite:///{folder}/gatekeeper.db"},
        destinations={"own": {"kind": "first_party", "endpoint": "http://127.0.0.1:9/events"}},
        server={"admin_token": {"env": "METRICS"}, "admins": admins} | server,
    )  # fmt: skip
    return gatekeeper.GatekeeperMiddleware(shop(), config=parse_policy(tables, environ=TOKENS))


class Desk:
    """Requests to the API, and the log."""

    def __init__(self, app) -> None:
        self.app = app
        self.runtime = app.runtime

    def ask(self, method, path, body=None, who="DPO", headers=None, raw=None, query=""):
        """One request, answered."""

        async def go():
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                given = {} if who is None else {"authorization": f"Bearer {TOKENS.get(who, who)}"}
                content = raw if raw is not None else (None if body is None else json.dumps(body).encode())
                return await client.request(
                    method, f"/gk/admin/{path}{query}", content=content, headers=given | (headers or {})
                )

        return asyncio.run(go())

    def acts(self):
        """The admin lines of the log."""
        folder = self.runtime.policy.audit_folder
        found = [json.loads(raw) for one in read.files(folder) for raw in segments.lines(one)]
        return [one for one in found if one["kind"] == "admin"]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """The API of a gate that has seen one person."""
    monkeypatch.setenv("GATEKEEPER_SIGNING_KEYS", f"s1:{(b's' * 32).hex()}")
    monkeypatch.setattr(admitted, "RATE", 1e9)  # a token may ask as often as tests do
    app = make_app(tmp_path)
    desk = Desk(app)
    send(app.runtime.gate, {"email": EMAIL, "user_id": "u1"}, headers=cookie("analytics", "marketing"))
    yield desk
    app.runtime.close(0.0)


def bodies(act):
    """A valid body for an act."""
    return {
        "POST suppressions": JANE | {"why": "objected"}, "DELETE suppressions": {"erasure": "sup_0123"},
        "POST erasures/{}/verify": {"how": "login"}, "POST erasures/{}/refuse": {"reason": "not_controller"},
        "POST erasures/{}/extend": {"reason": "complex"},
        "POST replay": {"since": "1d"},
        "POST erasures/{}/destinations/{}": {"state": "confirmed", "evidence": "ticket 7781"},
    }.get(f"{act.method} {act.path}", JANE if act.body else None)  # fmt: skip


def where(act):
    """A path of an act, of something that is not there."""
    if act.path == "reports/{}":
        return "reports/ropa"
    return act.path.replace("exports/{}", "exports/ex_" + "0" * 32).replace("{}", "er_unknown0", 1).replace("{}", "own")


EVERY = [pytest.param(act, id=f"{act.method}-{act.path}") for act in ACTS]


@pytest.mark.parametrize("act", EVERY)
def test_every_endpoint_wants_a_token_with_its_scope(desk, act):
    """None, an unknown one, one for something else; the refusal of a known one is in the log."""
    path = where(act)
    assert desk.ask(act.method, path, bodies(act), who=None).status_code == 401
    assert desk.ask(act.method, path, bodies(act), who="of-nobody-0123456789abcdef").status_code == 401
    assert desk.acts() == []
    answer = desk.ask(act.method, path, bodies(act), who="READER")
    assert (answer.status_code == 403) is (act.may != "read") and answer.headers["cache-control"] == "no-store"
    assert len(desk.acts()) == 1 and desk.acts()[0]["who"] == "reader"
    assert (desk.acts()[0]["result"] == "forbidden") is (act.may != "read")
    answer = desk.ask(act.method, path, bodies(act))
    assert answer.status_code in (*act.answers, 404), answer.text
    assert [one["who"] for one in desk.acts()] == ["reader", "dpo"]
    assert EMAIL not in json.dumps(desk.acts())


@pytest.mark.parametrize("act", EVERY)
def test_no_record_no_act(desk, act, monkeypatch):
    """A log that is full: 503, and nothing was done."""

    def full(batch, **more):
        done = Future()
        done.set_exception(AuditError("full"))
        return done

    monkeypatch.setattr(desk.runtime.gate.recorder, "append", full)
    answer = desk.ask(act.method, where(act), bodies(act))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert desk.runtime.store.suppressions.count() == {}
    assert not list((desk.runtime.policy.audit_folder.parent / copies.FOLDER).glob("*"))


def test_without_tokens_there_is_no_admin_api(tmp_path):
    """404, whatever is sent."""
    app = make_app(tmp_path, admins=[])
    try:
        assert Desk(app).ask("POST", "subjects/search", JANE).status_code == 404
    finally:
        app.runtime.close(0.0)


def test_a_person_is_found_suppressed_and_handed_their_copy(desk):
    """The same code as the commands."""
    found = desk.ask("POST", "subjects/search", JANE, who="METRICS").json()
    assert found["stores"]["audit_lines"] == 1 and found["destinations"][0]["destination"] == "own"
    assert found["linked"] and EMAIL not in json.dumps(found)
    ticked = desk.ask("POST", "subjects/search", JANE | {"link": [found["linked"][0]["id"]]})
    assert ticked.status_code == 200
    made = desk.ask("POST", "exports", JANE | {"format": "html"})
    assert made.status_code == 201
    fetched = desk.ask("GET", f"exports/{made.json()['id']}")
    assert fetched.headers["content-type"].startswith("text/html") and "Your data" in fetched.text
    assert desk.ask("GET", f"exports/{made.json()['id']}").status_code == 404  # once
    told = desk.ask("POST", "suppressions", JANE | {"why": "erased"})
    assert told.status_code == 201 and told.json()["heard"] == "heard"
    assert desk.ask("POST", "suppressions/check", JANE).json()["is_suppressed"]
    page = desk.ask("GET", "suppressions", query="?limit=1").json()
    assert page["counts"] == {"erased": 1} and page["next"] == page["entries"][0]["id"]
    assert desk.ask("GET", "suppressions", query=f"?after={page['next']}").json()["entries"] == []
    assert desk.ask("DELETE", "suppressions", {"erasure": told.json()["erasure"]}).json() == {"removed": 1}
    assert not desk.ask("POST", "suppressions/check", JANE).json()["is_suppressed"]


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        pytest.param("POST", "subjects/search", {"raw": b"{"}, 400, id="no-json"),
        pytest.param("POST", "subjects/search", {"body": {}}, 422, id="nobody"),
        pytest.param("POST", "subjects/search", {"body": {"identifiers": []}}, 422, id="empty"),
        pytest.param("POST", "subjects/search", {"body": JANE | {EMAIL: 1}}, 422, id="unknown-key"),
        pytest.param("POST", "subjects/search", {"body": {"identifiers": [{"type": "name", "value": EMAIL}]}}, 422,
                     id="unknown-type"),
        pytest.param("POST", "subjects/search", {"body": {"identifiers": [{"type": "client_id", "value": "1.2"}]}}, 422,
                     id="too-broad"),
        pytest.param("POST", "exports", {"body": {"identifiers": [{"type": "fbclid", "value": "x"}]}}, 422,
                     id="proves-nobody"),
        pytest.param("POST", "subjects/search", {"body": JANE, "query": f"?email={EMAIL}"}, 422, id="in-the-address"),
        pytest.param("POST", "suppressions", {"body": JANE | {"why": "bored"}}, 422, id="no-such-reason"),
        pytest.param("POST", "suppressions", {"body": JANE | {"why": "erased", "until": "soon"}}, 422, id="no-time"),
        pytest.param("DELETE", "suppressions", {"body": {}}, 422, id="remove-nothing"),
        pytest.param("GET", "suppressions", {"query": "?limit=0"}, 422, id="no-page"),
        pytest.param("GET", "suppressions", {"query": "?after=zz"}, 422, id="no-entry"),
        pytest.param("GET", "retention", {"body": JANE}, 422, id="a-body-for-nothing"),
        pytest.param("PUT", "suppressions", {"body": JANE}, 405, id="another-method"),
        pytest.param("GET", "nothing", {}, 404, id="no-such-endpoint"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_and_not_repeated(desk, method, path, more, status):
    """As problem+json that names the field, and never a value."""
    answer = desk.ask(method, path, **more)
    assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
    assert EMAIL not in answer.text and desk.runtime.store.suppressions.count() == {}


def test_an_erasure_is_asked_for_approved_and_seen(desk):
    """In its states; a wrong one is 409, and no answer says who it is."""
    dry = desk.ask("POST", "erasures", JANE, query="?dry_run=1")
    assert dry.status_code == 200 and desk.ask("GET", "erasures").json() == {"erasures": []}
    made = desk.ask("POST", "erasures", JANE | {"verified_by": "login", "received": "2026-11-30"})
    assert made.status_code == 201 and made.json()["id"].startswith("er_")
    one = f"erasures/{made.json()['id']}"
    assert desk.ask("GET", one).json()["id"] == made.json()["id"]
    assert desk.ask("GET", f"{one}/receipt").status_code == 409
    assert desk.ask("POST", f"{one}/refuse", {"reason": EMAIL}).status_code == 422
    approved = desk.ask("POST", f"{one}/approve")
    assert approved.status_code == 200 and desk.ask("POST", f"{one}/approve").status_code == 409
    listed = desk.ask("GET", "erasures", query="?state=approved")
    assert listed.status_code == 200 and EMAIL not in listed.text + approved.text
    assert desk.ask("GET", "erasures", query="?state=lost").status_code == 422
    assert desk.ask("GET", "erasures/er_unknown0").status_code == 404
    assert {act["erasure"] for act in desk.acts() if act["action"] == "erasures/approve"} == {made.json()["id"]}


NEXT = """[policy]
version = "next"
controller = "c"
[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:9/events"
[destinations.more]
kind = "first_party"
endpoint = "http://127.0.0.1:9/more"
"""


def test_the_log_is_decided_again_by_a_policy_that_is_sent(desk):
    """As the command does; nothing is otherwise by each line's own, and the line in the log comes first."""
    desk.runtime.write()
    own = desk.ask("POST", "replay", {"since": "1d"}).json()
    assert (own["lines"], own["changes"], own["more_is_sent"], own["open"]) == (1, [], False, False)
    told = desk.ask("POST", "replay", {"policy": NEXT, "laws": "recorded"}).json()
    assert told["more_is_sent"] and [one["destination"] for one in told["changes"]] == ["more"]
    assert [one["action"] for one in desk.acts()] == ["replay", "replay"]
    assert desk.runtime.policy.version != "next" and EMAIL not in json.dumps(told)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param({"policy": "not toml ["}, "policy: is not TOML", id="not-toml"),
        pytest.param({"policy": "[policy]\nversion = 1\n"}, "policy:2: ", id="not-a-policy"),
        pytest.param({"policy": NEXT + "[jurisdiction]\nanonymisers = ['/etc/hosts']\n"}, "names a file", id="a-file"),
        pytest.param({"policy": NEXT + "[audit.anchors]\nroots = '/etc/hosts'\n"}, "names a file", id="another-file"),
        pytest.param({"since": "yesterday"}, "since", id="not-a-time"),
        pytest.param({"on": "2027-02-30"}, "on", id="not-a-day"),
        pytest.param({"laws": "mine"}, "laws", id="not-a-choice"),
    ],
)
def test_a_replay_that_cannot_be_meant_is_refused(desk, body, says):
    """With what is wrong, before anything is read."""
    answer = desk.ask("POST", "replay", body)
    assert answer.status_code == 422 and says in answer.text and desk.acts() == []


def test_a_repetition_is_answered_as_the_first_was(desk):
    """By its Idempotency-Key; for another body it is refused."""
    key = {"idempotency-key": "k1"}
    first = desk.ask("POST", "suppressions", JANE | {"why": "erased"}, headers=key).json()
    assert desk.ask("POST", "suppressions", JANE | {"why": "erased"}, headers=key).json() == first
    assert desk.ask("POST", "suppressions", JANE | {"why": "objected"}, headers=key).status_code == 422
    assert desk.ask("POST", "suppressions", JANE | {"why": "erased"}).json() != first


def test_more_than_ten_a_second_are_too_many(desk, monkeypatch):
    """Of one token; another one is not concerned. The second lasts as long as the test."""
    monkeypatch.setattr(admitted, "RATE", 10.0)
    over = admitted.Rate.over
    monkeypatch.setattr(admitted.Rate, "over", lambda self, name, now: over(self, name, 0.0))
    assert [desk.ask("GET", "nothing").status_code for _ in range(12)] == [404] * 10 + [429] * 2
    assert desk.ask("GET", "nothing", who="READER").status_code == 404


def test_a_copy_that_nobody_fetches_is_gone_after_a_day(desk):
    """By the clock."""
    folder, now = desk.runtime.policy.audit_folder, time.time()
    name = copies.put(folder, b"x", "json", now)
    assert copies.expire(folder, now + copies.LASTS - 9) == 0 and copies.expire(folder, now + copies.LASTS + 9) == 1
    assert copies.take(folder, name, now) is None and copies.take(folder, "ex_../../etc/passwd", now) is None


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"name": "dpo", "token": "in-clear-0123456789abcdef", "may": ["read"]}, "written in clear"),
        ({"name": "dpo", "token": {"env": "DPO"}, "may": ["everything"]}, "everything"),
        ({"name": "dpo", "token": {"env": "DPO"}, "may": []}, "may"),
        ({"name": "Jane Doe", "token": {"env": "DPO"}, "may": ["read"]}, "is not a name"),
    ],
    ids=["in-clear", "no-such-scope", "nothing", "no-name"],
)
def test_a_token_that_cannot_be_meant_is_a_fault(tmp_path, table, says):
    """At the start, with its key."""
    with (
        pytest.raises(gatekeeper.ConfigError, match="admins") as refused,
        contextlib.closing(make_app(tmp_path, admins=[table]).runtime),
    ):
        pass
    assert says in str(refused.value)
