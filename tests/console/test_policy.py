"""The pages of the policy: its tables, an event explained, the log decided by another policy, reports."""

import json
import re

import pytest

from gatekeeper.reports import made
from gatekeeper.reports.formats import FORMATS, MEDIA
from tests.builders import own_cookie
from tests.console.visiting import Forms, Visitor, make_app

OTHER = """
[policy]
version = "other"
controller = "Shop GmbH"

[jurisdiction]
default = "gdpr"

[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:9/events"
fields = ["page_url", "order_value"]
"""


def test_the_file_is_shown_as_tables(app, dpo):
    """Each destination with its fields, each table with its keys as they are in force; and the warnings."""
    html = dpo.get("policy").text
    policy = app.runtime.policy
    for name, to in policy.destinations.items():
        assert f'<th scope="row">{name}</th>' in html and to.kind.title in html
        assert ", ".join(sorted(to.fields)) in html
    for table in ("policy", "consent", "audit", "delivery", "server", "limits"):
        assert f"<code>[{table}]</code>" in html, table
    assert "Warnings" in html and policy.hash[:12] in html


def test_no_secret_is_in_it(tmp_path):
    """Neither a token nor where one stands."""
    app = make_app(tmp_path)
    try:
        html = Visitor(app).log_in().get("policy").text
        assert not [word for word in ("dpo-5f0c", "reader-81d2", "metrics-2f9b") if word in html]
    finally:
        app.runtime.close(0.0)


def test_a_policy_without_destinations_says_so(tmp_path):
    """Nothing is sent anywhere."""
    app = make_app(tmp_path, destinations={})
    try:
        assert "nothing is sent anywhere" in Visitor(app).log_in().get("policy").text
    finally:
        app.runtime.close(0.0)


EVENT = json.dumps(
    {"event": "purchase", "data": {"order_value": 9, "email": "canary@example.com", "session_id": "s-1"}}
)


def explain(visitor, **fields):
    """The form of an event, filled in and sent; a box is ticked where it is given."""
    token = visitor.form("policy/explain")["form_token"]
    usual = {"form_token": token, "event": EVENT, "cookie": "", "country": "", "law": ""}
    return visitor.ask("POST", "policy/explain", usual | fields)


def test_an_event_is_explained_rule_by_rule(known):
    """Without a word of the visitor: denied where the law is opt-in; with a cookie of ours: sent, and which fields."""
    denied = explain(known, country="DE").text
    assert "under gdpr" in denied and "blocked" in denied and "no_analytics_consent" in denied
    assert "would be sent" in explain(known, country="US-TX").text


def test_the_signal_and_the_law_are_heard(known):
    """`Sec-GPC: 1` is in the trail; one law alone is that law's."""
    assert "gpc" in explain(known, country="US-CA", gpc="1").text.lower()
    assert "under ccpa" in explain(known, law="ccpa").text


def test_a_cookie_is_read_as_the_gate_reads_it(app, dpo):
    """Of our own one without a good signature nothing is believed."""
    html = explain(dpo, cookie=f"{own_cookie('analytics')}x", country="DE").text
    assert "own" in html and "blocked" in html


def test_explaining_records_and_sends_nothing(app, dpo):
    """No decision line, no delivery, and no value of the form in the log."""
    app.runtime.store.books.try_again().result(10)  # it has begun
    before = app.runtime.store.books.count()
    explain(dpo, country="US-TX", cookie="id=canary")
    text = b"".join(path.read_bytes() for path in app.runtime.policy.audit_folder.glob("*.jsonl"))
    assert b"canary" not in text and b'"kind":"decision"' not in text
    assert app.runtime.store.books.count() == before


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"event": "{"}, "was not accepted", id="no-json"),
        pytest.param({"event": '{"event": 5}'}, "was not accepted", id="no-event"),
        pytest.param({"country": "XX"}, "is not a country", id="no-country"),
        pytest.param({"country": "US-ABCD"}, "does not end in a region", id="no-region"),
        pytest.param({"law": "lex"}, "is not the id of a law", id="no-law"),
        pytest.param({"country": "DE", "law": "gdpr"}, "for one law alone", id="both"),
    ],
)
def test_what_cannot_be_explained_is_said(known, fields, words):
    """422 with a sentence."""
    answer = explain(known, **fields)
    assert answer.status_code == 422 and words in answer.text


def compare(visitor, data, **fields):
    """Upload another policy."""
    token = next(fields for where, fields in Forms(visitor.get("policy").text).found if where.endswith("policy/replay"))
    files = {"policy": ("next.toml", data, "application/toml")}
    given = {"form_token": token["form_token"], "period": "day", "laws": "recorded"} | fields
    return visitor.ask("POST", "policy/replay", given, files=files)


def post(app, **consent):
    """An event into the log."""
    event = {"event": "purchase", "consent": consent, "data": {"order_value": 9, "session_id": "s-1"}}
    answer = Visitor(app).ask(
        "POST", "/gk/collect", raw=json.dumps(event), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 202
    app.runtime.write()


def test_the_log_is_decided_by_another_policy(app, dpo):
    """What it would strip is drawn and listed with its example; what is alike is counted as unchanged."""
    post(app, analytics=True)
    html = compare(dpo, OTHER.encode()).text
    assert "1 event in 1 line" in html and '<svg class="plot"' in html
    assert "What is otherwise" in html and re.search(r"audit/records/req_\w+\"", html)
    assert "Nothing more is sent than before" in html and "destinations.own.fields" in html


def test_a_policy_that_sends_more_is_called_that(tmp_path):
    """In a note that is announced, and in the row."""
    own = {"kind": "first_party", "endpoint": "http://127.0.0.1:9/events", "fields": ["page_url"]}
    app = make_app(tmp_path, destinations={"own": own})
    try:
        post(app, analytics=True)
        html = compare(Visitor(app).log_in(), OTHER.encode()).text
        assert 'role="alert">More is sent than before' in html and "other fields: more" in html
        assert "+order_value" in html
    finally:
        app.runtime.close(0.0)


def test_an_empty_log_is_told(dpo):
    """No plot of nothing."""
    html = compare(dpo, OTHER.encode()).text
    assert "There is no decision of that time" in html


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "choose a file", id="empty"),
        pytest.param(b"\xff\xfe", "not UTF-8", id="no-text"),
        pytest.param(b"[policy", "not TOML", id="no-toml"),
        pytest.param(b"[policy]\nversion = 5", "policy:2: policy.version", id="no-policy"),
    ],
)
def test_a_file_that_is_no_policy_is_refused_with_its_faults(known, data, words):
    """With the line, as `gatekeeper check` says it."""
    answer = compare(known, data)
    assert answer.status_code == 422 and words in answer.text


def test_files_and_secrets_that_an_upload_names_are_not_read(known, tmp_path, monkeypatch):
    """Nobody can look at the machine through a policy that is handed in."""
    secret = tmp_path / "secret.txt"
    secret.write_text("canary-of-a-file\n")
    monkeypatch.setenv("CANARY", "weak")
    named = OTHER.replace('default = "gdpr"', f'default = "gdpr"\nanonymisers = ["{secret}"]')
    answer = compare(known, named.encode())
    assert answer.status_code == 422 and "names a file" in answer.text and "canary" not in answer.text
    weak = OTHER + '\n[server]\napi_keys = [{ env = "CANARY" }]\n'
    answer = compare(known, weak.encode())
    assert answer.status_code == 200 and "128 bits" not in answer.text


def test_a_period_that_there_is_not_is_refused(known):
    """The words of the form are closed."""
    assert compare(known, OTHER.encode(), period="decade").status_code == 422
    assert compare(known, OTHER.encode(), laws="of-the-jungle").status_code == 422


def test_a_bounded_replay_says_that_there_is_more(app, dpo, monkeypatch):
    """It never passes a part for the whole."""
    monkeypatch.setattr("gatekeeper.console.policy.MOST", 1)
    post(app)
    post(app, analytics=True)
    assert "There are more" in compare(dpo, OTHER.encode()).text


def test_reports_are_listed_and_downloaded(app, dpo):
    """Each in each format, as the admin API gives it."""
    html = dpo.get("documents").text
    assert all(f"documents/{name}?format={form}" in html for name in made.NAMES for form in FORMATS)
    for name in made.NAMES:
        answer = dpo.get(f"documents/{name}?format=json")
        assert answer.status_code == 200 and answer.headers["content-type"] == MEDIA["json"]
        assert f'filename="{name}.json"' in answer.headers["content-disposition"]
    assert "There was none yet" in html


@pytest.mark.parametrize(
    ("path", "status"),
    [("documents/canary", 404), ("documents/ropa?format=docx", 422), ("documents/privacy-notice?language=tlh", 422)],
)
def test_a_report_that_there_is_not_is_refused(known, path, status):
    """And its name is not repeated."""
    answer = known.get(path)
    assert answer.status_code == status and "canary" not in answer.text


def test_who_may_only_read_is_not_offered_a_replay(app):
    """It is a report."""
    html = Visitor(app).log_in("READER").get("policy").text
    assert "policy/replay" not in html and 'href="/gk/admin/documents"' not in html
