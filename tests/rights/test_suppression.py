"""DESIGN rule 10: who is suppressed is denied by any identifier, at once; only an own, later grant lifts an erasure."""

import hashlib
from datetime import timedelta
from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.gate import calls
from gatekeeper.gate.choosing import planned
from gatekeeper.installation.ring import Key, KeyRing
from gatekeeper.model import Call, Caller, Purpose, Verdict
from gatekeeper.model.choice import Kind, Method, Scope, Surface
from gatekeeper.model.suppression import Why
from gatekeeper.rights.identifiers import entries, sought
from gatekeeper.storage.protocols import Bounds
from gatekeeper.testing.store import Memory, MemoryStore
from tests.builders import NOW, RING, MemoryRecorder, decisions, make_gate, make_policy, own_cookie, place, plan
from tests.laws.events import events, visitors

A, M = Purpose.ANALYTICS, Purpose.MARKETING
BOTH = (A, M)
GRANTS = [("cookie", own_cookie("analytics", "marketing"))]
EMAIL = "a.b@gmail.com"


class Room:
    """A gate, and the store that says who is suppressed."""

    def __init__(self, ring=RING, memory=None, **tables) -> None:
        self.policy = make_policy(**tables)
        self.store = MemoryStore(
            Bounds(tuple(self.policy.destinations)), MemoryRecorder(), memory=memory, clock=lambda: NOW
        )
        self.turn(ring)

    def turn(self, ring):
        """Go on with other keys, as a process does that sees a change of them."""
        self.gate = make_gate(self.policy, store=self.store, ledger=True, keys=ring)

    def suppress(self, why=Why.ERASED, since=NOW - 50, purposes=BOTH, erasure="er_1", **given):
        """Add a person's entries."""
        who = sought(self.gate.keys, given.items(), self.policy.catalogue.identifying)
        made = entries(self.gate.keys, who, why=why, since=since, erasure=erasure, purposes=purposes)
        self.store.suppressions.add(made, who.names, {}).result(10)
        return made

    def send(self, headers=GRANTS, event="purchase", consent=None, caller=None, **data):
        """The plan of an event."""
        body = {"event": event, "data": data} | ({} if consent is None else {"consent": consent})
        return plan(body, gate=self.gate, headers=headers, **(caller or {}))

    def sent(self, headers=GRANTS, **more):
        """Which destinations get it, and why not the others."""
        made = self.send(headers, **more)
        return {name: one.reason or "sent" for name, one in decisions(made).items()}

    def grant(self, *purposes, at=NOW - 10, device=None, account=None, scope=Scope.DEVICE):
        """A choice, as `/gk/consent` has it recorded."""
        choosing = self.gate.choosing
        subjects = choosing.subjects(device=device, account=account)
        choice = planned(
            dict.fromkeys(purposes, True), subjects, place(), receipt=f"con_{at}_{device}_{account}", at=at, now=NOW,
            method=Method.SAVE, surface=Surface.PREFERENCES, policy="h", scope=scope,
        )  # fmt: skip
        return choosing.record(choice).result(10)


def everything(sent, word):
    return {name for name, said in sent.items() if said == word}


@pytest.fixture
def room():
    """Nobody is suppressed."""
    return Room()


SPELLINGS = {
    "email": [
        EMAIL, "A.B@Gmail.com", "ab@gmail.com", "ab+shop@googlemail.com",
        hashlib.sha256(b"a.b@gmail.com").hexdigest(), hashlib.sha256(b"ab@gmail.com").hexdigest(),
    ],
    "phone": ["+49 30 901820", "+4930901820", hashlib.sha256(b"+4930901820").hexdigest(),
              hashlib.sha256(b"4930901820").hexdigest()],
    "user_id": ["u-17"], "external_id": ["C-9"], "client_id": ["1.2", "GA1.1.1.2"],
    "fbp": ["fb.1.1700000000000.77"], "fbc": ["fb.1.1700000000000.Clk", "Clk"],
}  # fmt: skip
FIELDS = {"fbc": {"Clk": "fbclid"}}


@pytest.mark.parametrize(
    ("kind", "spelling"), [(kind, one) for kind, forms in SPELLINGS.items() for one in forms]
)  # fmt: skip
def test_a_suppressed_person_is_denied_by_any_identifier_in_any_spelling(room, kind, spelling):
    """Everything optional, with a grant of everything; the line leads to nobody, and others are not concerned."""
    room.suppress(**{kind: SPELLINGS[kind][0]})
    field = FIELDS.get(kind, {}).get(spelling, kind)
    if len(spelling) == 64:
        field += "_hash"
    made = room.send(**{field: spelling, "session_id": "s-1", "user_id": "u-other"} | {field: spelling})
    reasons = {one.reason for one in made.decisions if one.reason != "event_not_routed"}
    assert "suppressed" in reasons and not [
        one for one in made.decisions if one.verdict is not Verdict.BLOCK and one.kept
    ]
    assert made.subjects == () and b"p_" not in orjson.dumps(room.gate.lines.line(made).refs)
    assert everything(room.sent(user_id="u-other"), "sent")


def test_a_suppressed_consent_cookie_denies(room):
    """The id of our own cookie is an identifier; a stale grant in it is one, too."""
    room.suppress(consent_id="v_1")
    assert everything(room.sent(), "sent") == set()
    assert everything(room.sent([("cookie", own_cookie("analytics", "marketing", subject="v_2"))]), "sent")


def test_it_is_not_remembered_around(room):
    """What a browser said may be; who it is is asked each time, also where nothing else changed."""
    assert everything(room.sent(user_id="u-1"), "sent")
    entries_of = room.suppress(user_id="u-1")
    assert everything(room.sent(user_id="u-1"), "sent") == set()
    assert everything(room.sent(user_id="u-2"), "sent")
    room.store.suppressions.remove([one.hash for one in entries_of], [Why.ERASED]).result(10)
    assert everything(room.sent(user_id="u-1"), "sent")


@pytest.mark.parametrize("why", [Why.OPTED_OUT, Why.OBJECTED])
def test_an_objection_to_marketing_leaves_analytics(room, why):
    """With its identifiers, by which the person is found for a later request."""
    room.suppress(why, purposes=(M,), user_id="u-1")
    made = room.send(user_id="u-1", fbp="fb.1.1700000000000.7")
    said = {name: one.reason or "sent" for name, one in decisions(made).items()}
    assert said["own"] == "sent" and said["meta_capi"] == "suppressed" and made.subjects


def test_nothing_necessary_leads_to_an_erased_person():
    """It is sent; identifiers are not in it, and the cause is told."""
    tables = {"own": {"kind": "http_json", "endpoint": "http://127.0.0.1:9/e", "purpose": "necessary",
                      "lia": "lia.md", "fields": ["session_id", "page_url"]}}  # fmt: skip
    room = Room(destinations=tables)
    body = {"event": "shipped", "user_id": "u-1", "session_id": "s-1", "page_url": "/a"}
    before = decisions(room.send(**body))["own"]
    room.suppress(user_id="u-1")
    after = decisions(room.send(**body))["own"]
    assert (before.verdict, set(before.kept)) == (Verdict.SEND, {"session_id", "page_url"})
    assert (after.verdict, set(after.kept), after.stripped["session_id"]) == (Verdict.SEND, {"page_url"}, "opt_out")


def call(data):
    body = orjson.dumps({"client_id": "1.2", "events": [{"name": "page_view", "params": data}]})
    return Call("POST", "/mp/collect", "measurement_id=G-TEST&api_secret=x", (), body)


def test_calls_are_denied_as_events_are(room):
    """By the ids in the vendor's own words, and without subjects in their lines."""
    caller = Caller(headers=((b"cookie", own_cookie("analytics", "marketing").encode()),))
    to = room.policy.destinations["ga4"]
    assert calls.plan_call(room.gate, to, call({}), caller).outgoing is not None
    room.suppress(client_id="1.2")
    made = calls.plan_call(room.gate, to, call({}), caller)
    assert (made.outgoing, made.reason, made.subjects) == (None, "suppressed", ())


def test_an_account_that_only_a_login_names_is_known(room):
    """A context holds its pseudonyms alone."""
    room.suppress(user_id="u-1")
    account = room.gate.choosing.subject(Kind.ACCOUNT, "u-1").names
    assert everything(room.sent(caller={"account": account}), "sent") == set()


def test_entries_outlive_keys(room):
    """After the suppression key was rotated, and after every pseudonym key was destroyed."""
    room.suppress(email=EMAIL)
    rotated = KeyRing(RING.signing, (Key("p9", b"9" * 32),), (Key("x2", b"y" * 32), *RING.suppression))
    room.turn(rotated)
    assert everything(room.sent(email=EMAIL), "sent") == set() and everything(room.sent(user_id="u"), "sent")


def test_a_lost_key_denies_everybody_until_its_last_entry_is_removed(room):
    """It cannot be told any more who is suppressed; without a restart it can, once no entry needs the key."""
    room.suppress(email=EMAIL)
    room.turn(KeyRing(RING.signing, RING.pseudonym, (Key("new", b"n" * 32),)))
    assert room.gate.suppressing.lacking() == {"x1"}
    said = room.sent(user_id="u-other")
    assert everything(said, "sent") <= {"errors"} and "consent_unreadable" in said.values()
    found = room.store.suppressions.page()
    room.store.suppressions.remove([one.hash for one in found], tuple(Why)).result(10)
    assert everything(room.sent(user_id="u-other"), "sent") and room.gate.suppressing.lacking() == frozenset()


@pytest.mark.parametrize(
    ("grant", "event", "lifted"),
    [
        pytest.param({"device": "v_1"}, {}, True, id="by-the-device-that-was-erased"),
        pytest.param({"account": "u-1", "scope": Scope.ACCOUNT}, {"user_id": "u-1"}, True, id="by-the-account"),
        pytest.param({"device": "v_1", "at": NOW - 51}, {}, False, id="not-by-an-older-one"),
        pytest.param({"device": "v_9"}, {}, False, id="not-by-a-stranger"),
        pytest.param({"account": "u-9", "scope": Scope.ACCOUNT}, {"user_id": "u-1"}, False, id="nor-a-strange-account"),
    ],
)  # fmt: skip
def test_only_a_later_grant_by_an_identifier_of_the_person_lifts(room, grant, event, lifted):
    """Of an event that carries it; the cookie's own grant is from before the erasure."""
    room.suppress(consent_id="v_1", user_id="u-1", email=EMAIL)
    room.grant(*BOTH, **grant)
    account = {"account": room.gate.choosing.subject(Kind.ACCOUNT, "u-1").names} if "account" in grant else {}
    said = room.sent(email=EMAIL, caller=account, **event)
    assert bool(everything(said, "sent") - {"errors"}) is lifted, said
    assert ("suppressed" in said.values()) is not lifted


def test_a_stranger_with_the_erased_address_is_denied(room):
    """A grant on their own device speaks for them, not for whose address it is."""
    room.suppress(email=EMAIL)
    room.grant(*BOTH, device="v_2")
    assert everything(
        room.sent([("cookie", own_cookie("analytics", "marketing", subject="v_2"))], email=EMAIL), "sent"
    ) <= {"errors"}


def test_another_device_of_theirs_is_denied_still(room):
    """It did not grant since; its old cookie counts as never given."""
    room.suppress(consent_id="v_1", user_id="u-1", client_id="1.2")
    room.grant(*BOTH, device="v_1")
    other = [("cookie", own_cookie("analytics", "marketing", subject="v_other", at=NOW - 500))]
    assert everything(room.sent(other, client_id="1.2"), "sent") <= {"errors"}
    room.grant(*BOTH, account="u-1", scope=Scope.ACCOUNT, at=NOW - 9)
    said = room.send(other, user_id="u-1", client_id="1.2")
    assert not [one for one in said.decisions if one.verdict is not Verdict.BLOCK and one.basis in BOTH]


def test_an_events_own_consent_lifts_nothing(room):
    """Neither does it grant again what was lifted."""
    room.suppress(user_id="u-1")
    claim = {"necessary": True, "analytics": True, "marketing": True}
    assert everything(room.sent([], consent=claim, user_id="u-1"), "sent") <= {"errors"}


@pytest.mark.parametrize("why", [Why.OPTED_OUT, Why.OBJECTED])
def test_no_grant_lifts_an_opt_out(room, why):
    """An operator removes it."""
    room.suppress(why, consent_id="v_1")
    room.grant(*BOTH, device="v_1")
    assert everything(room.sent(), "sent") <= {"errors"}


def test_a_purpose_is_lifted_by_itself(room):
    """A grant of analytics alone."""
    room.suppress(consent_id="v_1")
    room.grant(A, device="v_1")
    said = room.sent()
    assert said["own"] == "sent" and said["meta_capi"] == "suppressed"


def test_gpc_of_an_erased_person_is_not_written_down(room):
    """They would be in the ledger again."""
    room = Room(jurisdiction={"always": ["ccpa"]})
    headers = [*GRANTS, ("sec-gpc", "1")]
    room.suppress(consent_id="v_1")
    room.send(headers)
    assert room.store.ledger.history(room.gate.choosing.subjects(device="v_1")) == []


IDENTIFIERS = ("user_id", "client_id", "email", "phone", "external_id", "fbp", "fbclid", "gclid")


@settings(max_examples=60, deadline=timedelta(seconds=5))
@given(
    made=events(), headers=visitors(), some=st.sets(st.sampled_from(IDENTIFIERS)),
    more=st.sets(st.sampled_from(IDENTIFIERS)), why=st.sampled_from(Why),
    purposes=st.sampled_from([BOTH, (A,), (M,)]),
)  # fmt: skip
def test_more_suppression_never_sends_more(made, headers, some, more, why, purposes):
    """The law: with entries of more identifiers, no destination gets a field that it did not get with fewer."""
    body, _ = made
    data = body.get("data", {})
    sent = []
    room = Room()
    for names in (set(), some, some | more):
        given = {name: str(data[name]) for name in names if isinstance(data.get(name), str)}
        for name, value in given.items():
            room.suppress(why, purposes=purposes, erasure=f"er_{name}", **{name: value})
        result = plan(body, gate=room.gate, headers=headers)
        sent.append({name: frozenset(one.kept) if one.verdict is not Verdict.BLOCK else None
                     for name, one in decisions(result).items()})  # fmt: skip
    for fewer, stricter in pairwise(sent):
        for name, kept in stricter.items():
            assert kept is None or (fewer[name] is not None and kept <= fewer[name]), name


def test_every_worker_feels_it_when_the_answer_is_there():
    """Two workers of one node on one memory; what one decided before is not accepted by either."""
    memory = Memory()
    one, other = Room(memory=memory), Room(memory=memory)
    assert everything(other.sent(user_id="u-1"), "sent")
    one.suppress(user_id="u-1")
    assert everything(other.sent(user_id="u-1"), "sent") <= {"errors"}
