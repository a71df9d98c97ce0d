"""Erasure from the request to the end: order, states, receipts, and that nothing of the person is left."""

import pytest

from gatekeeper.errors import RightsError
from tests.rights import people
from tests.rights.erasing import FINAL, POLICY, Office

JANE = {"user_id": "u-jane-canary", "client_id": "GA1.1.777.888", "email": "jane.canary@example.com"}


@pytest.fixture
def runtime(tmp_path):
    """A gate with four destinations, at which nobody answers."""
    with people.running(tmp_path, POLICY) as made:
        yield made


@pytest.fixture
def office(runtime):
    """Requests at that gate."""
    return Office(runtime)


def visit(runtime, subject="v_jane", n=3, **data):
    for one in range(n):
        people.send(
            runtime.gate,
            {"page_url": "/a", "order_value": 1.0 + one, "session_id": f"s-{subject}", **JANE, **data},
            headers=people.cookie("analytics", "marketing", subject=subject),
        )


def test_a_request_goes_through_every_state_in_order(runtime, office, tmp_path):
    """To the end, with each destination as far as its vendor says."""
    visit(runtime)
    erasure = office.approved(**JANE)
    told = office.run(erasure)
    assert told["state"] == "asked" and told["suppressed"]
    assert list(told["times"]) == ["received", "verified", "found", "approved", "suppressed", "local_erased", "asked"]
    office.clock.days(1)
    office.run(erasure)
    office.clock.days(1)
    office.run(erasure)
    assert office.states(erasure) == FINAL
    office.erasures.settle(erasure, "ads", by="ann", state="confirmed", evidence="ticket 7781")
    assert office.erasures.show(erasure)["state"] == "settled"
    assert office.erasures.told(erasure, by="ann")["state"] == "told"
    office.clock.days(8)
    assert office.run(erasure)["state"] == "closed"


def test_nothing_is_kept_or_deleted_where_the_log_cannot_be_written(runtime, office, monkeypatch):
    """No record, no act: neither a request nor an approval nor a deletion."""
    from concurrent.futures import Future

    from gatekeeper.errors import AuditError

    visit(runtime, n=1)
    erasure = office.request(**JANE)["id"]
    before = runtime.store.persons.where(people.who(runtime.gate, **JANE).names)

    def full(batch, **more):
        done = Future()
        done.set_exception(AuditError("the audit log cannot be written"))
        return done

    monkeypatch.setattr(office.erasures.ports.writer, "append", full)
    for act in (
        lambda: office.request(**JANE),
        lambda: office.erasures.approve(erasure, by="bob"),
        lambda: office.erasures.refuse(erasure, by="bob", reason="not_controller"),
    ):
        with pytest.raises(AuditError):
            act()
    assert [one["state"] for one in office.erasures.all()] == ["found"]
    monkeypatch.undo()
    office.erasures.approve(erasure, by="bob")
    monkeypatch.setattr(office.erasures.ports.writer, "append", full)
    with pytest.raises(AuditError):
        office.run(erasure)
    monkeypatch.undo()
    assert office.erasures.show(erasure)["state"] == "approved" and office.sent == []
    assert runtime.store.persons.where(people.who(runtime.gate, **JANE).names).ledger == before.ledger
    assert office.run(erasure)["state"] == "asked"


ACTS = {
    "verify": lambda office, erasure: office.erasures.verify(erasure, by="ann", how="login"),
    "approve": lambda office, erasure: office.erasures.approve(erasure, by="bob"),
    "refuse": lambda office, erasure: office.erasures.refuse(erasure, by="bob", reason="not_controller"),
    "extend": lambda office, erasure: office.erasures.extend(erasure, by="bob", reason="many letters"),
    "told": lambda office, erasure: office.erasures.told(erasure, by="ann"),
    "settle": lambda office, erasure: office.erasures.settle(
        erasure, "ads", by="ann", state="confirmed", evidence="ticket"
    ),
    "receipt": lambda office, erasure: office.erasures.receipt(erasure),
}
ALLOWED = {
    "received": {"verify", "refuse", "extend"},
    "found": {"approve", "refuse", "extend"},
    "approved": {"extend"},
    "asked": {"settle", "extend"},
    "settled": {"told", "receipt"},
    "told": {"told", "receipt"},
    "closed": {"receipt"},
    "refused": set(),
}


def brought(office, state):
    """A request that is in a state."""
    if state == "received":
        return office.request(**JANE, verified_by=None)["id"]
    erasure = office.request(**JANE)["id"]
    if state == "refused":
        office.erasures.refuse(erasure, by="bob", reason="not_controller")
    if state in ("found", "refused"):
        return erasure
    office.erasures.approve(erasure, by="bob")
    if state == "approved":
        return erasure
    office.run(erasure)
    if state == "asked":
        return erasure
    for name, found in office.states(erasure).items():
        if found not in ("accepted", "confirmed", "not_possible"):
            office.erasures.settle(erasure, name, by="ann", state="confirmed", evidence="ticket")
    if state == "settled":
        return erasure
    office.erasures.told(erasure, by="ann")
    if state == "closed":
        office.clock.days(8)
        office.run(erasure)
    return erasure


@pytest.mark.parametrize("state", ALLOWED)
def test_what_cannot_follow_is_a_conflict_and_changes_nothing(office, state):
    """Every act in every state: those that are not in the table are answered 409."""
    erasure = brought(office, state)
    before = office.erasures.show(erasure)
    assert before["state"] == state
    for name, act in ACTS.items():
        if name in ALLOWED[state]:
            continue
        with pytest.raises(RightsError) as caught:
            act(office, erasure)
        assert caught.value.status == 409, name
        assert office.erasures.show(erasure) == before, name


def test_a_request_that_is_not_there_is_not_found(office):
    """Whatever is asked of it."""
    for act in ACTS.values():
        with pytest.raises(RightsError) as caught:
            act(office, "er_none")
        assert caught.value.status == 404


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "identifiers"),
        ({"email": "no address"}, "email"),
        ({"shoe_size": "43"}, "type"),
        ({"user_id": ""}, "user_id"),
        ({"session_id": "s-1"}, "identifiers"),
    ],
    ids=["none", "not-an-address", "unknown-kind", "empty", "ends-soon"],
)
def test_identifiers_that_find_nobody_or_too_many_are_refused(office, given, field):
    """422, with the kind and never the value; nothing is kept."""
    with pytest.raises(RightsError) as caught:
        office.request(**given)
    assert (caught.value.status, caught.value.field) == (422, field)
    assert office.erasures.all() == []


def test_a_client_id_alone_needs_a_word_on_whose_it_is(office):
    """The browser may be several people's."""
    with pytest.raises(RightsError) as caught:
        office.request(client_id="1.2", verified_by=None)
    assert caught.value.status == 422
    assert office.request(client_id="1.2", verified_by="showed the cookie")["state"] == "found"


def test_a_second_request_of_a_person_is_refused_as_a_duplicate(office):
    """By any of their identifiers, while the first is open; it is carried out once."""
    first = office.request(**JANE)["id"]
    second = office.request(email=JANE["email"].upper())
    assert (second["state"], second["refusal"], second["duplicate_of"]) == ("refused", "duplicate_of", first)
    assert office.request(email="other@example.com")["state"] == "found"


def test_an_unverified_request_cannot_be_approved_and_stands_in_no_verified_one_s_way(office):
    """Who does not show who they are cannot hold up who did (fides#7972)."""
    unverified = office.request(**JANE, verified_by=None)["id"]
    with pytest.raises(RightsError):
        office.erasures.approve(unverified, by="bob")
    assert office.request(**JANE)["state"] == "found"


def test_stores_are_searched_again_when_the_person_is_verified(runtime, office):
    """What came in meanwhile is in the counts; a tick of then counts, also where nothing is beside it any more."""
    asked = office.request(user_id=JANE["user_id"], verified_by=None)
    assert not any(asked["stores"].values())
    visit(runtime)
    there = office.erasures.verify(asked["id"], by="ann", how="login")
    assert there["state"] == "found" and there["stores"]["outbox"] == 12 and there["laws"]
    office.erasures.approve(asked["id"], by="bob")
    assert office.run(asked["id"])["state"] == "asked"


def test_a_person_s_earlier_requests_are_known_as_long_as_they_are_suppressed(runtime, office):
    """Also after the identifiers were wiped; they stand in the person's copy (margince#5505). A stranger has none."""
    erasure = office.approved(email=JANE["email"])
    office.run(erasure)
    for name in office.states(erasure):
        if office.states(erasure)[name] not in ("accepted", "confirmed", "not_possible"):
            office.erasures.settle(erasure, name, by="ann", state="confirmed", evidence="letter")
    assert office.erasures.show(erasure)["state"] == "settled"
    person = people.who(runtime.gate, email=JANE["email"].upper())
    assert [one["id"] for one in office.erasures.of_person(person)] == [erasure]
    assert office.erasures.of_person(people.who(runtime.gate, email="other@example.com")) == []


def test_four_eyes(tmp_path):
    """Who enters a request cannot approve it, where the policy says so."""
    with people.running(tmp_path, POLICY + "\n[rights]\nfour_eyes = true\n") as runtime:
        office = Office(runtime)
        erasure = office.request(**JANE)["id"]
        with pytest.raises(RightsError) as caught:
            office.erasures.approve(erasure, by="ann")
        assert caught.value.status == 403
        assert office.erasures.approve(erasure, by="bob")["state"] == "approved"


def test_a_vendor_that_refuses_is_asked_for_thirty_days_and_then_by_people(office):
    """One vendor's refusal holds up no other (fides#3892); the token may be renewed."""
    office.answer = (401, (), b"{}")
    erasure = office.approved(**JANE)
    office.run(erasure)
    assert office.states(erasure) | {"ads": "", "meta": ""} == {"own": "failed", "ga4": "failed", "ads": "", "meta": ""}
    sent = len(office.sent)
    office.clock.days(0.5)
    office.run(erasure)
    assert len(office.sent) == sent  # not before its time
    office.clock.days(30)
    office.run(erasure)
    assert {office.states(erasure)[name] for name in ("own", "ga4")} == {"manual"}
    text = office.erasures.task(erasure, "ga4")
    assert JANE["email"] in text and erasure in text


def test_a_token_that_is_renewed_goes_on_where_it_stopped(office):
    """The identifiers are there until then (prompt-edu/prompt#2024)."""
    office.answer = (401, (), b"{}")
    erasure = office.approved(**JANE)
    office.run(erasure)
    office.answer = None
    for _ in range(3):
        office.clock.days(1.01)
        office.run(erasure)
    assert office.states(erasure) == FINAL


@pytest.mark.parametrize("down", [True, False], ids=["unreachable", "429"])
def test_an_outage_is_waited_for(office, down):
    """As long as the vendor says, else an hour; it is no failure yet."""
    office.down, office.answer = down, (429, (("Retry-After", "7200"),), b"")
    erasure = office.approved(**JANE)
    office.run(erasure)
    assert office.states(erasure)["ga4"] == "waiting"
    office.down, office.answer = False, None
    office.clock.days(0.1)
    office.run(erasure)
    assert office.states(erasure)["ga4"] == "accepted"


def test_a_vendor_that_never_ends_keeps_identifiers_for_ninety_days_after_the_term(office, runtime):
    """Then they go, and what is open is for people."""
    office.answer = (202, (), b'{"request_status": "pending"}')
    erasure = office.approved(user_id="u-9", email="x9@example.com")
    for _ in range(20):
        office.clock.days(6)
        office.run(erasure)
    assert runtime.store.erasures.get(erasure).sealed is not None
    office.clock.days(10)
    office.run(erasure)
    kept = runtime.store.erasures.get(erasure)
    assert office.states(erasure)["own"] == "manual"
    with pytest.raises(RightsError):
        office.erasures.task(erasure, "own")
    assert b"u-9" not in str(kept).encode()


def test_identifiers_are_sealed_until_the_last_vendor_settled_and_go_with_it(office, runtime):
    """In one commit; a salt is left until the request is closed."""
    erasure = brought(office, "asked")
    kept = runtime.store.erasures.get(erasure)
    assert JANE["email"] not in str(kept) and "u-jane" not in str(kept)
    secret = office.erasures.requests.secret(kept)
    assert dict(secret.given)["user_id"] == JANE["user_id"] and kept.marks
    for name in ("own", "ads", "ga4"):
        if office.states(erasure)[name] not in ("accepted", "confirmed"):
            office.erasures.settle(erasure, name, by="ann", state="confirmed", evidence="ticket")
    kept = runtime.store.erasures.get(erasure)
    secret = office.erasures.requests.secret(kept)
    assert (kept.state, kept.marks, secret.given, secret.names, secret.ids) == ("settled", (), (), (), {})
    office.erasures.told(erasure, by="ann")
    office.clock.days(8)
    office.run(erasure)
    assert runtime.store.erasures.get(erasure).sealed is None


def test_a_lost_sealing_key_is_said_with_what_to_do(office, runtime):
    """Nothing is approved that cannot be carried out."""
    from dataclasses import replace

    erasure = office.request(**JANE)["id"]
    runtime.keys = replace(runtime.keys, sealing=())
    with pytest.raises(RightsError, match="copy its sealing key back") as caught:
        office.erasures.approve(erasure, by="bob")
    assert caught.value.status == 409
    assert office.erasures.refuse(erasure, by="bob", reason="not_controller")["state"] == "refused"


def test_the_person_is_told_when_all_is_settled_or_five_days_before_the_end_and_again_of_changes(office):
    """As things are then."""
    erasure = brought(office, "asked")
    assert not office.erasures.show(erasure)["to_tell"]
    office.clock.days(25.1)
    assert office.erasures.show(erasure)["to_tell"]
    told = office.erasures.told(erasure, by="ann")
    assert (told["state"], told["to_tell"], len(told["told"])) == ("asked", False, 1)
    office.erasures.settle(erasure, "ads", by="ann", state="confirmed", evidence="letter")
    assert office.erasures.show(erasure)["to_tell"]


def test_a_term_is_extended_once_and_in_time(office):
    """By what the law allows, with a reason that the person reads."""
    erasure = brought(office, "asked")
    before = office.erasures.show(erasure)["due"]
    told = office.erasures.extend(erasure, by="bob", reason="a vendor is slow")
    assert told["due"] > before and "a vendor is slow" in office.erasures.letter(erasure)
    with pytest.raises(RightsError):
        office.erasures.extend(erasure, by="bob", reason="again")
    late = office.request(email="late@example.com")["id"]
    office.clock.days(31)
    with pytest.raises(RightsError, match="had to be told before"):
        office.erasures.extend(late, by="bob", reason="too late")


def test_a_refusal_says_why_and_what_the_person_can_do(office):
    """An appeal where the law has one, else a complaint."""
    texan = office.request(**JANE, law="tdpsa")
    office.erasures.refuse(texan["id"], by="bob", reason="exception_17_3_e")
    letter = office.erasures.letter(texan["id"])
    assert "within 60 days" in letter and "attorney general" in letter
    brazilian = office.request(email="b@example.com", law="lgpd")["id"]
    office.erasures.refuse(brazilian, by="bob", reason="not_controller")
    assert "supervisory authority" in office.erasures.letter(brazilian)
    assert "GDPR" not in office.erasures.letter(brazilian)
    german = office.request(**JANE, law="gdpr")["id"]
    office.erasures.refuse(german, by="bob", reason="identity_unverified")
    letter = office.erasures.letter(german)
    assert "12(6)" in letter and "12(4)" in letter
    with pytest.raises(RightsError) as caught:
        office.erasures.refuse(office.request(email="q@example.com")["id"], by="bob", reason="no time")
    assert caught.value.status == 422


def test_a_receipt_is_signed_names_nobody_and_is_proven_by_the_person_alone(office):
    """A changed one is not genuine; another's salt or identifiers prove nothing."""
    from gatekeeper.rights import proof

    erasure = brought(office, "settled")
    found, copy = office.erasures.receipt(erasure), office.erasures.receipt(erasure, person=True)
    assert proof.genuine(found) and proof.genuine(copy) and "salt" not in found
    text = str(found)
    assert not [one for one in (*JANE.values(), "p_", "req_") if one in text]
    assert found["receipt"]["destinations"][0]["name"] == "own"
    given = list(JANE.items())
    assert proof.theirs(copy, copy["salt"], given)
    assert not proof.theirs(copy, "0" * 32, given) and not proof.theirs(copy, copy["salt"], given[:2])
    for changed in (
        found | {"receipt": found["receipt"] | {"law": "none"}},
        found | {"signature": found["signature"] | {"key": "0" * 16}},
        {"receipt": found["receipt"]},
        {},
    ):
        assert not proof.genuine(changed)
    assert office.erasures.show(erasure)["receipt"] == proof.digest(found["receipt"])
