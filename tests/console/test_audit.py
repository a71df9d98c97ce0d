"""Audit: questions, a record in words with its proof, verification with its progress."""

import json
import re
import time
from contextlib import nullcontext

import pytest

from gatekeeper.audit import read
from gatekeeper.console import verifying
from gatekeeper.rights.office import Office
from tests.console.visiting import Visitor
from tests.rights.people import cookie, send

EMAIL = "jane.doe@example.com"


@pytest.fixture
def asker(app):
    """Somebody who may read, of a gate that decided two events; one of them was blocked for marketing."""
    return seen(app)


@pytest.fixture(scope="module")
def reader(shared):
    """The same, of a gate that the tests leave as it is."""
    return seen(shared)


def seen(app):
    """Two events, and somebody who looks."""
    data = {"email": EMAIL, "user_id": "u1", "order_value": 12}
    send(app.runtime.gate, data, headers=cookie("analytics", "marketing"))
    send(app.runtime.gate, {"email": EMAIL, "order_value": 5}, consent={"necessary": True, "analytics": True})
    app.runtime.write()
    return Visitor(app).enter("READER")


def rows(html):
    """The rows of the answer's table, as texts."""
    body = re.search(r'aria-label="Deliveries".*?<tbody>(.*?)</tbody>', html, re.DOTALL)
    found = [] if body is None else re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL)
    return [re.sub(r"<[^>]+>|\s+", " ", one) for one in found]


def test_a_question_is_answered_with_the_newest_rows(reader):
    """By closed words; the same numbers as `audit query`."""
    html = reader.post("audit", destination="ads", status="blocked").text
    assert len(rows(html)) == 1 and "no_marketing_consent" in html
    html = reader.get("audit?destination=own&since=1d").text
    assert len(rows(html)) == 2 and "order_value" in html


def test_a_person_is_asked_for_in_the_body_alone(reader):
    """Found by the address; nothing of it is in the log, the title or an address of the page."""
    answer = reader.post("audit", email=EMAIL, destination="own")
    assert len(rows(answer.text)) == 2
    assert EMAIL not in re.search(r"<title>.*?</title>", answer.text)[0]
    assert all(EMAIL not in one for one in re.findall(r'(?:href|action|src)="([^"]*)"', answer.text))
    act = reader.acts()[-1]
    assert act["action"] == "audit/query" and act["identifiers"] == ["email"] and EMAIL not in json.dumps(reader.acts())
    assert reader.get(f"audit?email={EMAIL}").status_code == 422
    assert reader.get("audit?event=purchase").status_code == 422


@pytest.mark.parametrize(
    ("word", "value", "meant"),
    [
        ("destination", "onw", "did you mean &#34;own&#34;?"), ("reason", "gpc_optout", "gpc_opt_out"),
        ("sent", "order_valu", "order_value"), ("since", "tomorrow", "is not a time"), ("subject", "jane", "pseudonym"),
    ],
)  # fmt: skip
def test_a_word_that_is_none_is_refused_with_the_nearest(reader, word, value, meant):
    """As the command does: a typo must not read as "never"."""
    answer = reader.post("audit", **{word: value})
    assert answer.status_code == 422 and meant in answer.text and rows(answer.text) == []


def test_rows_come_as_a_file_too(reader):
    """A head and a row each; a name that a spreadsheet would take for a formula is quoted."""
    answer = reader.post("audit", destination="own", **{"as": "csv"})
    assert answer.headers["content-type"].startswith("text/csv") and len(answer.text.splitlines()) == 3
    assert EMAIL not in answer.text


def test_a_record_is_told_in_words_with_its_proof(asker):
    """Trail, deliveries and signals; the chain up to the signature that follows."""
    folder = asker.app.runtime.policy.audit_folder
    first = next(one for one in read.records(folder) if one["kind"] == "decision")
    html = asker.get(f"audit/records/{first['request_id']}").text
    assert "Decided at" in html and "own was to get" in html and EMAIL not in html
    assert "unbroken" in html and "none follows yet" in html
    asker.app.runtime.close(0.0)  # the stream ends with a signature
    html = asker.get(f"audit/records/{first['request_id']}").text
    assert '<span class="good">good</span>, by the key' in html


def test_a_record_that_was_altered_is_not_proven(asker):
    """One digit of one line: the chain breaks there, and the page says so."""
    folder = asker.app.runtime.policy.audit_folder
    record = next(one for one in read.records(folder) if one["kind"] == "decision")
    (path,) = [path for path in folder.glob("*.jsonl") if record["request_id"] in path.read_text()]
    path.write_text(path.read_text().replace('"purchase"', '"purchasf"', 1))
    html = asker.get(f"audit/records/{record['request_id']}").text
    assert "was altered" in html and '<span class="good">good</span>' not in html


def test_a_record_of_another_machines_log_is_told_without_a_proof(asker, monkeypatch, tmp_path):
    """Its chain is not here: `audit verify` proves the whole of that log."""
    folder = asker.app.runtime.policy.audit_folder
    record = next(one for one in read.records(folder) if one["kind"] == "decision")
    (path,) = [path for path in folder.glob("*.jsonl") if record["request_id"] in path.read_text()]
    name, there = "req_" + "0" * 26, "20261124T080000.000000Z-1-00000009"
    text = path.read_text().replace(record["request_id"], name).replace(record["stream"], there)
    (tmp_path / f"{there}.000001.jsonl").write_text(text)
    monkeypatch.setattr(Office, "others", property(lambda office: nullcontext([tmp_path])))
    html = asker.get(f"audit/records/{name}").text
    assert "Decided at" in html and "stands in another machine" in html and "<dt>Chain" not in html
    assert "<dt>Chain" in asker.get(f"audit/records/{record['request_id']}").text


@pytest.mark.parametrize(
    "name", ["req_00000000000000000000000000", "con_000000000000000000000000", "x", "..%2f..%2fetc"]
)
def test_a_record_that_is_not_there_is_not_found(reader, name):
    """404, whatever was asked for."""
    assert reader.get(f"audit/records/{name}").status_code in (400, 404)


def wait(policy):
    """Until the verification has ended."""
    end = time.monotonic() + 20
    while (found := verifying.state(policy)) is None or found.ended is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def test_the_log_is_verified_beside_everything_else(asker):
    """Begun by a form, found by every worker; what was changed is said."""
    policy = asker.app.runtime.policy
    assert asker.post("audit/verification").headers["location"] == "/gk/admin/audit/verification"
    assert wait(policy).report["sound"] is True
    html = asker.get("audit/verification").text
    assert "Nothing was changed" in html and "begun by reader" in html
    path = max(policy.audit_folder.glob("*.jsonl"), key=lambda one: one.stat().st_size)
    path.write_text(path.read_text().replace('"purchase"', '"purchasf"', 1))
    asker.post("audit/verification")
    assert wait(policy).report["sound"] is False
    assert "This is not the log as it was written" in asker.get("audit/verification").text


def test_one_verification_runs_at_a_time(asker):
    """Another one that is asked for meanwhile is the one that runs; one whose process ended is said to have."""
    policy = asker.app.runtime.policy
    lock = verifying.Lock(verifying.place(policy) / ".lock")
    assert lock.take()
    asker.post("audit/verification")
    assert verifying.state(policy) is None
    (verifying.place(policy) / verifying.FILE).write_text('{"began": 1.0, "by": "dpo", "done": 5, "of": 10}')
    assert verifying.state(policy).percent == 50
    assert "50 %" in asker.get("audit/verification").text
    lock.release()
    assert "has ended" in verifying.state(policy).failed
