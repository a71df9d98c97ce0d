"""A person who left something behind is found by any identifier in it: lines, queued rows and dead letters."""

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.audit import lines, subjects
from gatekeeper.audit.query import pseudonyms
from gatekeeper.cli.filters import PEOPLE
from gatekeeper.errors import ConfigError
from gatekeeper.fields import CATALOGUE, IDENTIFIERS
from gatekeeper.gate import incoming
from gatekeeper.gate.calls import plan_call
from gatekeeper.model import Call, Caller, Personal
from gatekeeper.policy.load import parse_policy
from gatekeeper.storage.outbox import DEAD
from gatekeeper.vendors.formats.normalise import sha256
from tests.builders import EVERY_KIND, NOW, RING, make_gate, make_policy, own_cookie, plan, policy_data
from tests.sizes import sized
from tests.storage.builders import accept, books, claim_all, opened, settle, withdraw

WIDE = {
    "all_analytics": {"kind": "http_json", "purpose": "analytics", "endpoint": "http://127.0.0.1:9/a",
                      "fields": [row.name for row in CATALOGUE.by_key.values() if "analytics" in row.purposes
                                 and row.name not in ("event_id", "event_time")]},
    "all_marketing": {"kind": "http_json", "purpose": "marketing", "endpoint": "http://127.0.0.1:9/m",
                      "fields": [row.name for row in CATALOGUE.by_key.values() if "marketing" in row.purposes
                                 and row.name not in ("event_id", "event_time")]},
}  # fmt: skip
GATE = make_gate(make_policy(destinations=WIDE))
GRANTED = [("cookie", own_cookie("analytics", "marketing", subject="v_1"))]
VALUES = {"email": "jane.doe@example.com", "phone": "+4930901820", "external_id": "C-77 b",
          "fbc": "fb.1.1700000000000.AbC", "fbp": "fb.1.1700000000000.1098115397",
          "client_id": "GA1.1.123456789.1234567890"}  # fmt: skip
ROWS = [row for row in CATALOGUE.by_key.values() if row.identifies is not None]


def found_by(made, **given) -> bool:
    """Whether a search by these options finds the event."""
    return not pseudonyms(RING, given).isdisjoint(made.subjects)


def option(kind: str) -> str:
    """How a kind is asked for."""
    return subjects.KINDS[kind].option


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_left_is_found_by_each_identifier_in_it(row):
    """Every field of the catalogue that leads to a person, by the option of its kind."""
    value = VALUES.get(row.name, "Ab-12.x")
    made = plan({"event": "x", "data": {row.name: value}}, gate=GATE, headers=GRANTED)
    assert any(row.key in one.sent for one in made.shaped.values())
    assert found_by(made, **{option(row.identifies): value})
    assert not found_by(made, **{option(row.identifies): "+4930901821" if row.name == "phone" else "x@other.example"})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_refusal_does_not_enlarge_what_is_kept(row):
    """Where nothing leaves, an event is found by no more than before: user, client, consent id, e-mail."""
    made = plan({"event": "x", "data": {row.name: VALUES.get(row.name, "Ab-12.x")}}, gate=GATE)
    assert made.shaped == {}
    assert bool(made.subjects) is (row.identifies in subjects.ALWAYS)


def test_what_stays_here_of_an_event_that_leaves_is_no_subject():
    """A telephone number that no destination was sent is not kept in any form."""
    made = plan(
        {"event": "x", "data": {"phone": "+4930901820", "session_id": "s-1"}}, gate=make_gate(), headers=GRANTED[:1]
    )
    assert "phone_hash" in dict(made.decisions[0].stripped) and found_by(made, session_id="s-1")
    kept = [name for name, one in made.shaped.items() if "phone_hash" in one.sent]
    assert found_by(made, phone="+4930901820") is bool(kept)


def test_kinds_and_catalogue_have_the_same_identifiers():
    """A kind is in the table of kinds, among the options, and may be named by a policy's own field."""
    assert {row.identifies for row in ROWS} == set(IDENTIFIERS) == set(subjects.KINDS) - {"consent"}
    assert {kind.option for kind in subjects.KINDS.values()} < set(PEOPLE)
    assert set(subjects.KINDS) >= subjects.ALWAYS


SAME = [
    pytest.param("email", "email", "Jane.Doe@Gmail.com", "janedoe@gmail.com", id="gmail-dots"),
    pytest.param("email", "email", "janedoe+shop@gmail.com", "jane.doe@googlemail.com", id="gmail-plus-and-domain"),
    pytest.param("email", "email", "jane@example.com", " JANE@example.com ", id="case"),
    pytest.param("email", "email", "jane@example.com", sha256("jane@example.com"), id="asked-by-hash"),
    pytest.param("email", "email_hash", sha256("jane@example.com"), "jane@example.com", id="came-hashed"),
    pytest.param("email", "email_hash", sha256("janedoe@gmail.com"), "jane.doe@gmail.com", id="came-hashed-by-google"),
    pytest.param("email", "email", "j.d@gmail.com", sha256("j.d@gmail.com"), id="asked-by-hash-with-dots"),
    pytest.param("email", "email_hash", sha256("jane@example.com") + ".AbCdEfGh", "jane@example.com", id="appendix"),
    pytest.param("phone", "phone", "0049 30 901820", "+49 (30) 901820", id="phone-spelling"),
    pytest.param("phone", "phone_hash", sha256("4930901820"), "+4930901820", id="phone-hashed-by-meta"),
    pytest.param("phone", "phone_hash", sha256("+4930901820"), "+4930901820", id="phone-hashed-by-google"),
    pytest.param("external_id", "external_id", "C-77", "c-77 ", id="customer"),
    pytest.param("external_id", "external_id_hash", sha256("c-77"), "C-77", id="customer-hashed"),
    pytest.param("click_id", "fbc", "fb.1.1700000000000.AbC", "AbC", id="fbc-by-fbclid"),
    pytest.param("click_id", "fbclid", "AbC", "fb.1.1700000000000.AbC", id="fbclid-by-fbc"),
    pytest.param("client_id", "client_id", "GA1.1.12345.67890", "12345.67890", id="ga-cookie"),
]


@pytest.mark.parametrize(("asked", "field", "came", "by"), SAME)
def test_equal_spellings_are_one_identifier(asked, field, came, by):
    """However it came, and however it is asked for."""
    made = plan({"event": "x", "data": {field: came}}, gate=GATE, headers=GRANTED)
    assert made.shaped and found_by(made, **{asked: by})


def test_dots_mean_something_elsewhere():
    """Only Gmail looks past them."""
    made = plan({"event": "x", "data": {"email": "j.d@example.com"}}, gate=GATE, headers=GRANTED)
    assert not found_by(made, email="jd@example.com") and not found_by(made, email="jd@gmail.com")


def test_the_client_id_that_was_derived_for_ga4_is_a_subject():
    """It is what Google must be asked to delete by."""
    made = plan({"event": "x", "data": {"session_id": "s-1"}}, gate=make_gate(), headers=GRANTED)
    sent = orjson.loads(made.shaped["ga4"].head)["client_id"]
    assert sent == RING.derived_id("ga4", "s-1") and found_by(made, client_id=sent)
    refused = plan({"event": "x", "data": {"session_id": "s-1"}}, gate=make_gate())
    assert not found_by(refused, client_id=sent)


def test_an_id_of_a_consent_platform_is_found_by_consent_id():
    """Also of a visitor who refused: that the refusal was heard must be provable to them."""
    cookie = (
        "cookieyes-consent=consentid:SyntheticId0001,consent:no,action:yes,necessary:yes,analytics:no,advertisement:no"
    )
    made = plan({"event": "x"}, gate=make_gate(), headers=[("cookie", cookie)])
    assert found_by(made, consent_id="SyntheticId0001")


def test_identifiers_in_calls_are_found_all_of_them():
    """Two addresses in one event, a number and a cookie, as they came: hashed by the caller."""
    policy = make_policy(destinations=EVERY_KIND)
    gate = make_gate(policy)
    mails, phone = [sha256("a@example.com"), sha256("b@example.com")], sha256("4930901820")
    event = {
        "event_name": "Purchase", "event_time": int(NOW) - 10, "action_source": "website",
        "user_data": {"em": mails, "ph": [phone], "fbp": "fb.1.1558571054389.1098115397", "external_id": "c-77"},
    }  # fmt: skip
    body = json.dumps({"data": [event], "access_token": "OWN"}).encode()
    call = Call("POST", "/v26.0/123456789/events", "", ((b"content-type", b"application/json"),), body)
    cookie = own_cookie("analytics", "marketing", at=NOW - 9 * 86_400)
    sent = plan_call(gate, policy.destinations["meta_capi"], call, Caller(headers=((b"cookie", cookie.encode()),)))
    assert sent.outgoing is not None
    (made,) = sent.plans
    asked = {"email": "a@example.com", "phone": "+4930901820", "browser_id": "fb.1.1558571054389.1098115397"}
    for name, value in (*asked.items(), ("email", "b@example.com"), ("external_id", "C-77")):
        assert found_by(made, **{name: value}), name
    (refused,) = plan_call(gate, policy.destinations["meta_capi"], call, Caller()).plans
    assert found_by(refused, email="a@example.com") and not found_by(refused, phone="+4930901820")


def test_a_field_of_the_policys_own_may_identify_somebody():
    """It says as what; anything else is refused."""
    fields = {"member": {"purposes": ["analytics"], "type": "id", "identifies": "user_id"}}
    to = {"own": EVERY_KIND["own"] | {"fields": ["member"]}}
    made = plan({"event": "x", "data": {"member": "m-9"}}, gate=make_gate(make_policy(fields=fields, destinations=to)),
                headers=GRANTED)  # fmt: skip
    assert found_by(made, user_id="m-9")
    fields["member"]["identifies"] = "shoe_size"
    with pytest.raises(ConfigError, match=r'fields\.member.identifies: "shoe_size" is not a kind of id'):
        parse_policy(policy_data(fields=fields), environ={})


@pytest.mark.parametrize("name", ["email", "phone"])
def test_what_cannot_be_such_an_identifier_is_refused(name):
    """A typo must not read as "nothing was sent"."""
    with pytest.raises(ConfigError, match=f"--{name}: is neither"):
        pseudonyms(RING, {name: "a@@b"})


def test_rows_in_the_queue_and_dead_letters_carry_the_same_subjects_as_the_line():
    """What cancels and erases them looks for these."""
    gate = make_gate()
    posted = b'{"event": "x", "data": {"session_id": "s-1"}, "consent": {"analytics": true}}'
    (arrival,) = gate.arrivals(incoming.parse(posted), Caller())
    assert arrival.jobs and arrival.subjects == arrival.line.refs
    assert not pseudonyms(RING, {"session_id": "s-1"}).isdisjoint(arrival.subjects)


@pytest.mark.parametrize(
    "asked", [{"session_id": "s-1"}, {"client_id": RING.derived_id("ga4", "s-1")}], ids=["session", "ga4"]
)
def test_a_row_or_a_dead_letter_of_an_identifier_is_ended_by_it(tmp_path, asked):
    """As a withdrawal or an erasure ends it."""
    people = pseudonyms(RING, asked)
    with opened(tmp_path, names=("ga4", "own")) as store:
        for session in ("s-1", "s-2", "s-1"):
            event = {"event": "x", "data": {"session_id": session}, "consent": {"analytics": True}}
            accept(store, *make_gate().arrivals(incoming.parse(orjson.dumps(event)), Caller()))
        assert withdraw(store, *people) == 4 and books(store, "own").queued == 1
        later = store.barrier.now().generation  # decided with the withdrawal known
        arrivals = make_gate().arrivals(incoming.parse(orjson.dumps(event)), Caller())
        accept(store, *[one._replace(decided=later) for one in arrivals])
        books(store, "own")
        for name in ("ga4", "own"):
            for flight in claim_all(store, name):
                settle(store, flight, DEAD, "http_400")
        assert len(store.dead_letters.page()) == 4
        assert withdraw(store, *people) == 0 and len(store.dead_letters.page()) == 2


@settings(max_examples=sized(200), deadline=None)
@given(st.sampled_from(sorted(subjects.KINDS)), st.text(min_size=1, max_size=80))
def test_whatever_came_is_found_by_itself(kind, text):
    """Of every kind: what an event's value is recorded as is among what a search for that value looks for."""
    row = subjects.KINDS[kind]
    came = text
    if row.of is not row.asked and kind in ("email", "phone"):
        came = Personal(text, hashed=False)
        if kind == "phone":
            return  # only E.164 reaches it
    assert set(row.of(came)) <= set(row.asked(text))


def test_subjects_never_stand_in_the_head():
    """They are in the tail, which can be removed."""
    made = plan({"event": "x", "data": {"user_id": "u-1"}}, gate=GATE, headers=GRANTED)
    line = lines.decision_line(made, GATE.policy)
    assert line.refs == made.subjects and all(one.encode() not in line.core for one in line.refs)
