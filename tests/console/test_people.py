"""The pages of people: looking, the story, the copy, suppression, and a request from its entry to its end."""

import json
import re

import pytest
from markupsafe import escape

from gatekeeper.rights.erasures import Erasures
from gatekeeper.vendors.deletion import NOT_POSSIBLE
from tests.console.visiting import Forms, Visitor, make_app

EMAIL, USER = "jane.doe@example.com", "u-4711-canary"
PERSON = {"type1": "email", "value1": EMAIL, "type2": "user_id", "value2": USER}
FOUR = [
    {"name": name, "token": {"env": env}, "may": ["read", "suppress", "erase", "approve", "report", "deliver"]}
    for name, env in (("dpo", "DPO"), ("second", "READER"))
]


def post(app, **more):
    """A purchase of the person, permitted for everything."""
    event = {
        "event": "purchase", "consent": {"analytics": True, "marketing": True},
        "data": {"email": EMAIL, "user_id": USER, "session_id": "s-1", "order_value": 9.5} | more,
    }  # fmt: skip
    answer = Visitor(app).ask(
        "POST", "/gk/collect", raw=json.dumps(event), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 202, answer.text


def look(visitor, **fields):
    """The page of the person."""
    return visitor.post("people", "people/search", **PERSON | fields)


def forms(answer):
    """The forms of a page, by where they go."""
    return {where.removeprefix("/gk/admin/"): fields for where, fields in Forms(answer.text).found}


def send(visitor, answer, path, **fields):
    """Fill in a form of a page and send it."""
    return visitor.ask("POST", path, forms(answer)[path] | fields)


def test_without_a_request_the_page_says_so(dpo):
    """No request, nobody suppressed; the form is sent, never an address."""
    html = dpo.get("people").text
    assert "There is no request" in html and "Nobody is suppressed" in html
    assert '<form method="post" action="/gk/admin/people/search"' in html


def test_somebody_whom_nothing_names_is_told_as_that(known):
    """No story, no recipient; what can be done can be done all the same."""
    html = look(known).text
    for words in ("Nothing in any store", "No choice and no event", "No recipient, as far back as"):
        assert words in html


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"value1": "", "value2": ""}, "there is none", id="nobody"),
        pytest.param({"type1": "phone", "value1": "not-a-canary-number"}, "is not a valid", id="no-number"),
        pytest.param({"type1": "shoe_size", "value1": "42-canary"}, "is not a kind", id="no-kind"),
        pytest.param({"type1": "client_id", "value1": "c-canary", "value2": ""}, "too broad", id="too-broad"),
        pytest.param({"link-l_000000000000": "1"}, "is not among", id="no-such-tick"),
    ],
)
def test_what_cannot_be_looked_for_is_refused_without_its_value(known, fields, words):
    """422 with a sentence; no value comes back in it."""
    answer = look(known, **fields)
    assert answer.status_code == 422 and words in answer.text
    assert "canary" not in answer.text


def test_the_story_is_told_in_words(app, dpo):
    """What came, to whom it went with which fields; the identifiers are on the page, and in no address or title."""
    post(app)
    answer = look(dpo)
    html = answer.text
    assert "The event purchase came" in html and re.search(r"to [^;]+: waits to be sent with [^;]*order_value", html)
    assert EMAIL in html and "<title>A person" in html
    assert not re.findall(rf'(?:href|action)="[^"]*(?:{EMAIL}|{USER})', html)
    assert all("email" in fields.values() and EMAIL in fields.values() for where, fields in forms(answer).items()
               if where.startswith("people/"))  # fmt: skip


def test_nothing_personal_is_written_down(app, dpo, caplog):
    """The admin lines have kinds and counts; the process log has nothing."""
    post(app)
    found = look(dpo)
    send(dpo, found, "people/export", format="json")
    send(dpo, found, "people/suppress", why="objected")
    send(dpo, found, "people/erase", verified_by="login")
    told = json.dumps(dpo.acts()) + caplog.text
    assert "subjects/search" in told and "subjects/export" in told and "suppressions/add" in told
    assert EMAIL not in told and USER not in told


@pytest.mark.parametrize(("form", "media"), [("json", "application/json"), ("csv", "text/csv"), ("html", "text/html")])
def test_the_copy_is_a_file(app, dpo, form, media):
    """That of the admin API and of the command; its name says nothing of whom it is."""
    post(app)
    answer = send(dpo, look(dpo), "people/export", format=form)
    assert answer.headers["content-type"].startswith(media) and "purchase" in answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="copy.{form}"'
    assert send(dpo, look(dpo), "people/export", format="docx").status_code == 422


def test_a_copy_is_not_handed_out_for_a_browsers_id_alone(known):
    """Every script and link of a browser shows it."""
    answer = look(known, type1="browser_id", value1="fb.1.1700000000000.123", value2="")
    assert send(known, answer, "people/export").status_code == 422


def test_suppression_begins_and_ends(app, dpo):
    """What waited ends; the person's page says so; the entries go again."""
    post(app)
    answer = send(dpo, look(dpo), "people/suppress", why="opted_out")
    assert answer.status_code == 200 and re.search(r"waited and ended</dt><dd>[0-9]", answer.text)
    found = look(dpo)
    assert "Suppressed: opted out" in found.text
    assert "deleted" in send(dpo, found, "people/unsuppress").text
    assert "Suppressed:" not in look(dpo).text
    assert send(dpo, look(dpo), "people/suppress", why="because").status_code == 422


def test_a_linked_identifier_is_followed_where_it_is_ticked(app, dpo):
    """A line with another id beside it offers a tick; ticked, lines of that id alone are part of the story."""
    post(app, client_id="c-1")
    other = {"event": "page_view", "consent": {"analytics": True}, "data": {"client_id": "c-1", "page_url": "/x"}}
    Visitor(app).ask("POST", "/gk/collect", raw=json.dumps(other), headers={"content-type": "application/json"})
    found = look(dpo)
    ticks = re.findall(r'type="checkbox" name="(link-l_[0-9a-f]{12})"', found.text)
    assert ticks and "page_view" not in found.text
    assert "page_view" in look(dpo, **dict.fromkeys(ticks, "1")).text


def entered(visitor, **fields):
    """The page of a request that was entered for the person."""
    answer = send(visitor, look(visitor), "people/erase", **fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/gk/admin/")


def test_a_request_goes_from_state_to_state(app, dpo):
    """Received, shown to be the person, approved; each step is a line with the request's id, and offers the next."""
    post(app)
    page = entered(dpo)
    first = dpo.get(page)
    assert {one for one in forms(first) if one.startswith(page)} == {
        f"{page}/{act}" for act in ("verify", "refuse", "extend")
    }
    assert send(dpo, first, f"{page}/verify", how="passport seen").headers["location"].endswith(page)
    second = dpo.get(page)
    assert "passport seen" in second.text and f"{page}/approve" in forms(second)
    assert send(dpo, second, f"{page}/approve").status_code == 303
    third = dpo.get(page)
    assert f"{page}/approve" not in forms(third) and 'aria-current="step"' in third.text
    acts = [line for line in dpo.acts() if line.get("erasure") == page.rpartition("/")[2]]
    assert {"erasures/show", "erasures/verify", "erasures/approve"} <= {line["action"] for line in acts}
    listed = dpo.get("people").text
    assert page in listed and "approved" in listed


@pytest.mark.parametrize("reason", [*NOT_POSSIBLE, "never_received", "a_code_of_later"])
def test_a_recipient_is_shown_with_any_reason(app, dpo, monkeypatch, reason):
    """In words where there are some, else by its code."""
    post(app)
    page = entered(dpo)
    one = dict.fromkeys(
        ("kind", "since", "reference", "asked", "assumed_by", "why", "evidence", "by", "next", "failing")
    )
    one |= {"name": "ads", "state": "not_possible", "reason": reason, "removed": False}
    real = Erasures.show
    monkeypatch.setattr(Erasures, "show", lambda self, erasure: real(self, erasure) | {"destinations": [one]})
    shown = dpo.get(page)
    assert shown.status_code == 200, shown.text[:200]
    assert escape(NOT_POSSIBLE.get(reason, reason.replace("_", " "))) in shown.text


def test_a_step_that_cannot_follow_is_a_conflict(app, dpo):
    """409 in words, and nothing changes."""
    page = entered(dpo, verified_by="login")
    found = dpo.get(page)
    assert send(dpo, found, f"{page}/refuse", reason="exception_17_3_b").status_code == 303
    again = dpo.ask("POST", f"{page}/approve", {"form_token": forms(found)[f"{page}/approve"]["form_token"]})
    assert again.status_code == 409 and "that cannot follow" in again.text
    over = dpo.get(page)
    assert "A law obliges us" in over.text and not [one for one in forms(over) if one.startswith(page)]


@pytest.mark.parametrize(
    "path", ["people/erasures/er_unknown0", "people/erasures/jane@example.com", "people/erasures/er_unknown0/receipt"]
)
def test_a_request_that_there_is_not_is_not_found(known, path):
    """404, and the address is not repeated."""
    answer = known.get(path)
    assert answer.status_code == 404 and "jane" not in answer.text


def test_four_eyes(tmp_path):
    """Who enters a request is not offered to approve it, and may not; somebody else may."""
    app = make_app(tmp_path, admins=FOUR, rights={"four_eyes": True})
    try:
        one, other = Visitor(app).log_in(), Visitor(app).log_in("READER")
        page = entered(one, verified_by="login")
        mine = one.get(page)
        assert "a colleague has to approve it" in mine.text and f"{page}/approve" not in forms(mine)
        token = forms(mine)["logout"]["form_token"]
        refused = one.ask("POST", f"{page}/approve", {"form_token": token})
        assert refused.status_code == 403 and "four_eyes" in refused.text
        theirs = other.get(page)
        assert send(other, theirs, f"{page}/approve").status_code == 303
        assert "approved" in other.get("people").text
    finally:
        app.runtime.close(0.0)


def test_who_may_only_read_is_offered_nothing_else(app, dpo):
    """No form of a reader's page leads to a refusal."""
    post(app)
    page = entered(dpo, verified_by="login")
    reader = Visitor(app).log_in("READER")
    assert {one for one in forms(look(reader)) if one.startswith("people/")} == {"people/search", "people/export"}
    assert not [one for one in forms(reader.get(page)) if one.startswith("people/")]


def test_a_state_that_there_is_not_is_refused(dpo):
    """And a state without a request is said to be empty."""
    assert dpo.get("people?state=lost").status_code == 422
    assert "There is no request in this state" in dpo.get("people?state=closed").text
