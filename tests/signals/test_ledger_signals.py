"""The ledger as a voice: the login merge table, remembered GPC, and the law of any sequence of choices."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.audit.lines import Line, consent_line
from gatekeeper.model import OPTIONAL, Caller, Choice, Permission, Purpose, Role, Signal, Standing, Voice, Word
from gatekeeper.model.choice import Kind, Method, Scope, Subject, Surface
from gatekeeper.signals import ledger, own
from gatekeeper.storage.protocols import Bounds
from gatekeeper.testing.store import MemoryStore
from tests.builders import NOW, make_gate
from tests.sizes import sized
from tests.storage.builders import Log

A, M = Purpose.ANALYTICS, Purpose.MARKETING
YES, NO = Permission.GRANTED, Permission.DENIED
GATE = make_gate()
PLACE = GATE.place_of(Caller())  # unknown: the strictest law, which is opt-in


def voice(says, scope=Scope.DEVICE, at=NOW - 10, gpc=None):
    if says is None:
        return Voice({}, gpc)
    return Voice({M: Word(says, at, "con_1", None, scope, Method.SAVE)}, gpc)


def cookie(says, at=NOW - 20):
    return () if says is None else (Signal(own.COOKIE, Role.CHOICE, Standing.DECIDED, {M: says}, at, voice=own.VOICE),)


def granted(heard, voices, purpose=M):
    """Whether a purpose is permitted where the law is opt-in."""
    consent = GATE.situations.resolve(ledger.read(heard, voices), PLACE, NOW, NOW, None)
    return consent.rulings[purpose].permission is YES


# cookie, device, account, its scope -> permitted. Device and account both speak, denied beats granted; with
# the scope `account` the account's choice rules while logged in.
MERGE = [
    pytest.param(None, None, None, Scope.DEVICE, False, id="silence"),
    pytest.param(YES, YES, None, Scope.DEVICE, True, id="device-alone"),
    pytest.param(YES, NO, None, Scope.DEVICE, False, id="stale-cookie"),
    pytest.param(NO, YES, None, Scope.DEVICE, True, id="stale-refusal"),
    pytest.param(YES, YES, NO, Scope.DEVICE, False, id="another-devices-refusal-is-felt"),
    pytest.param(None, None, YES, Scope.DEVICE, False, id="another-devices-grant-is-not"),
    pytest.param(NO, NO, YES, Scope.DEVICE, False, id="denied-beats-granted"),
    pytest.param(None, None, YES, Scope.ACCOUNT, True, id="the-accounts-grant-travels"),
    pytest.param(YES, YES, NO, Scope.ACCOUNT, False, id="the-accounts-refusal-travels"),
    pytest.param(NO, NO, YES, Scope.ACCOUNT, True, id="the-account-rules-while-logged-in"),
]


@pytest.mark.parametrize(("carried", "device", "account", "scope", "expected"), MERGE)
def test_the_login_merge_table(carried, device, account, scope, expected):
    """Device and account, by the scope of what the account chose."""
    voices = [(Kind.DEVICE, voice(device)), (Kind.ACCOUNT, voice(account, scope))]
    assert granted(cookie(carried), voices) is expected


def test_logging_out_leaves_the_devices_own_setting():
    """The account's choice touched nothing of it."""
    assert not granted(cookie(NO), [(Kind.DEVICE, voice(NO))])


def test_remembered_gpc_denies_without_the_header():
    """Whatever else was granted before."""
    heard = ledger.read(cookie(YES), [(Kind.DEVICE, voice(YES, gpc=NOW - 5))])
    consent = GATE.situations.resolve(heard, PLACE, NOW, NOW, None)
    assert consent.rulings[M].reason == "gpc_opt_out"


def test_a_ledger_that_cannot_be_read_denies():
    """Nobody knows then what was taken back."""
    consent = GATE.situations.resolve((*cookie(YES), ledger.UNREADABLE), PLACE, NOW, NOW, None)
    assert consent.rulings[M].reason == "consent_unreadable"


DEVICE, ACCOUNT = Subject(Kind.DEVICE, ("p_d",)), Subject(Kind.ACCOUNT, ("p_a",))
steps = st.tuples(
    st.dictionaries(st.sampled_from(OPTIONAL), st.sampled_from([YES, NO]), min_size=1),
    st.sampled_from([(DEVICE,), (ACCOUNT,), (DEVICE, ACCOUNT)]),
    st.sampled_from(Scope),
    st.integers(-5, 0),  # seconds; several of one moment, and in any order
    st.sampled_from(["", "seen", "binds"]),
)


def chosen(store, n, step):
    says, subjects, scope, at, gpc = step
    choice = Choice(
        f"con_{n}", NOW + at, subjects, says, Method.SAVE, Surface.PAGE, scope=scope, trusted=True,
        gpc=bool(gpc), gpc_binds=gpc == "binds",
    )  # fmt: skip
    store.ledger.record(choice, {}).result(10)
    return choice


def state(store, heard):
    look = store.ledger.choices([DEVICE, ACCOUNT])
    voices = [(one.kind, told) for one, told in zip(look.subjects, look.voices, strict=True)]
    return {purpose for purpose in OPTIONAL if granted(heard, voices, purpose)}


@settings(deadline=None, max_examples=sized(150))
@given(st.lists(steps, max_size=8), st.sampled_from(OPTIONAL), st.sampled_from([None, YES, NO]))
def test_the_ledger_is_the_newest_per_purpose_and_denial_is_monotone(done, purpose, carried):
    """Of any sequence of choices; one refusal more, of device and account, never permits more than before it."""
    store = MemoryStore(Bounds(("own",)), Log(), clock=lambda: NOW)
    rows = [chosen(store, n, step) for n, step in enumerate(done)]
    for subject in (DEVICE, ACCOUNT):
        (told,) = store.ledger.choices([subject, ACCOUNT]).voices[:1]
        for one in OPTIONAL:
            spoken = [(row.at, row.says[one] is NO) for row in rows if subject in row.theirs and one in row.says]
            word = told.words.get(one)
            assert (None if word is None else (word.at, word.says is NO)) == max(spoken, default=None)
    before = state(store, cookie(carried, NOW - 3))
    for scope in Scope:
        chosen(store, f"x{scope}", ({purpose: NO}, (DEVICE, ACCOUNT), scope, 0, ""))
        after = state(store, cookie(carried, NOW - 3))
        assert after <= before - {purpose}


def test_a_line_of_a_choice_says_nothing_of_the_person():
    """Its head outlives the subjects."""
    choice = Choice("con_1", NOW, (DEVICE,), {M: NO}, Method.API, Surface.PHONE, evidence="call 7", display="d-secret")
    line = consent_line(choice, "ab", NOW)
    assert isinstance(line, Line) and line.refs == ("p_d",)
    assert b"p_d" not in line.core and b"call 7" not in line.core and b"d-secret" not in line.core
