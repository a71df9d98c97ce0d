"""A log decided again: by its own policy nothing changes; by another one, what `explain` says changes, and no more."""

import copy
from collections import Counter
from dataclasses import replace

import orjson
import pytest

from gatekeeper.audit import lines
from gatekeeper.gate import incoming
from gatekeeper.gate.calls import plan_call
from gatekeeper.gate.recompute import Unknown, remake
from gatekeeper.model import Caller, Found, Verdict
from gatekeeper.policy import archive
from gatekeeper.policy.registry import PACKAGED
from gatekeeper.reports.causes import Causes
from gatekeeper.reports.edits import apart
from gatekeeper.reports.outcome import Open, Turn
from gatekeeper.reports.replay import By, Pair, compared, replay
from tests.builders import EVERY_KIND, NOW, make_gate, make_policy, own_cookie
from tests.laws.calls import ruling
from tests.laws.test_call_laws import SEEDS
from tests.signals.encoders import DAY, tc_string, vendor_field

PLACES = {"81.2.69.1": Found("DE", "BE"), "81.2.69.2": Found("US", "CA"), "81.2.69.3": Found("US", "TX"),
          "81.2.69.4": Found("BR")}  # fmt: skip
TABLES = {
    "destinations": EVERY_KIND
    | {
        "listed": EVERY_KIND["tiktok"] | {"vendor_id": 28, "tcf_purposes": [1, 7]},
        "near": EVERY_KIND["own"] | {"purpose": "marketing"},
    },
    "jurisdiction": {"always": ["gdpr"]},
    "events": {"page_view": {"purposes": ["analytics"]}},
}
EVENTS = [
    {"event": "page_view", "data": {"page_url": "https://shop.example/a?q=1", "session_id": "s1", "own_word": "x"}},
    {"event": "purchase", "data": {"order_value": 3, "session_id": "s2", "email": "jane@example.com", "user_id": "u1"}},
    {"event": "purchase", "data": {"order_value": 3, "fbclid": "abc123", "phone": "030 901820"},
     "purposes": ["marketing"]},
    {"event": "signup", "data": {"session_id": "s3", "user_id": "u2", "gclid": "CjwKCAjw"}},
]  # fmt: skip
TC = f"euconsent-v2={tc_string(purposes=range(1, 12), vendors=vendor_field((1, 28)), created=NOW - DAY)}"
WORDS = {
    "silent": (),
    "granted": ((b"cookie", own_cookie("analytics", "marketing", at=NOW - 5 * DAY).encode()),),
    "old": ((b"cookie", own_cookie("analytics", "marketing", at=NOW - 200 * DAY).encode()),),
    "refused": ((b"cookie", own_cookie(at=NOW - DAY).encode()),),
    "gpc": ((b"sec-gpc", b"1"), (b"cookie", own_cookie("analytics", "marketing", at=NOW - DAY).encode())),
    "tcf": ((b"cookie", TC.encode()),),
}
CALLERS = [
    Caller(headers=said, address=address, residence=home)
    for said in WORDS.values()
    for address, home in ((*((one, None) for one in PLACES), ("127.0.0.1", None), ("81.2.69.3", ("FR", None))))
]


def set_in(tables, key, value):
    """The tables with one key otherwise; `None` removes it."""
    made = table = copy.deepcopy(tables)
    names = key.split(".")
    for name in names[:-1]:
        table = table.setdefault(name, {})
    if value is None:
        del table[names[-1]]
    else:
        table[names[-1]] = value
    return made


EDITS = {
    "a-law-for-all-goes": ("jurisdiction.always", []),
    "a-law-for-all-comes": ("jurisdiction.always", ["gdpr", "lgpd"]),
    "a-law-for-private-peers": ("jurisdiction.default", "ccpa"),
    "a-law-is-replaced": ("jurisdiction.laws", {"ccpa": {"marketing": "opt_in"}}),
    "consent-ends-sooner": ("consent.max_age", "30d"),
    "gpc-where-required": ("consent.gpc", "where_required"),
    "fewer-fields": ("destinations.ga4.fields", ["session_id", "page_url"]),
    "more-fields": ("destinations.ga4.fields", ["session_id", "page_url", "order_value", "user_id", "language"]),
    "another-purpose": ("destinations.own.purpose", "marketing"),
    "a-legal-basis": ("destinations.ga4.legal_basis", "legitimate_interests"),
    "regions": ("destinations.meta_capi.regions", ["DE"]),
    "contextual": ("destinations.near.on_opt_out", "contextual"),
    "only-some-events": ("destinations.tiktok.events", ["signup"]),
    "a-destination-goes": ("destinations.meta_capi", None),
    "a-destination-comes": ("destinations.more", EVERY_KIND["warehouse"] | {"fields": ["order_value", "gclid"]}),
    "other-purposes-of-an-event": ("events.page_view.purposes", ["marketing"]),
    "an-event-goes-elsewhere": ("events.signup", {"destinations": ["ga4", "own"]}),
    "a-currency": ("policy.currency", "EUR"),
    "a-new-field": ("fields.own_word", {"purposes": ["analytics", "necessary"], "type": "text"}),
    "a-vendor": ("destinations.listed.vendor_id", 29),
    "a-phone-region": ("policy.phone_region", "DE"),
}  # fmt: skip
BASE = {"policy": {"version": "t", "controller": "c"}, **TABLES}
POLICY = make_policy(**BASE)


def written(policy=POLICY, part=0.0):
    """Each event of each caller as a line, beside what was sent in."""
    gate = make_gate(policy, lookup=PLACES.get)
    found = []
    for caller in CALLERS:
        for event in EVENTS:
            (posted,) = incoming.parse(orjson.dumps(event))
            made = gate.plan(posted, caller, at=NOW + part, request_id=f"req_{len(found)}")
            line = orjson.loads(lines.decision_line(made, policy).core) | {"subjects": list(made.subjects)}
            found.append((posted, caller, lines.put_back(line)))
    return found


LINES = written()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The folder in which the policy of the lines was kept."""
    folder = tmp_path_factory.mktemp("policies")
    (folder / f"{POLICY.hash}.json").write_bytes(archive.written(POLICY))
    return folder


def again(kept, policy=None, records=None, on=None):
    """A replay of all lines."""
    records = [line for *_, line in LINES] if records is None else records
    return replay(records, By(kept, policy, PACKAGED, on))


def test_by_their_own_policy_nothing_changes(kept):
    """The law of identity: no line is otherwise, and each can be decided."""
    found = again(kept)
    assert (found.changes, found.undecided, found.unseen) == ({}, {}, {})
    assert found.deliveries == {"unchanged": sum(len(line["deliveries"]) for *_, line in LINES)}
    assert found.distinct < found.lines


def test_the_identity_would_be_seen_to_fail(kept):
    """A planted fault: a line says that something was blocked which the policy sends."""
    line = copy.deepcopy(next(line for *_, line in LINES if line["deliveries"][0]["status"] == "pending"))
    line["deliveries"][0] = {"destination": "ga4", "status": "blocked", "reason": "gpc_opt_out"}
    assert [change.turn for change in again(kept, records=[line]).changes] == [Turn.NEWLY_SENT]


def told_of(made):
    """What a line says of a delivery, as far as a replay compares it."""
    if made is None or made.verdict is Verdict.BLOCK:
        return "event_not_routed" if made is None else made.reason
    return sorted({*made.kept, *made.derived}), made.basis, made.legal_basis


@pytest.mark.parametrize("name", EDITS)
def test_a_single_edit_changes_what_explain_says(kept, name):
    """The gate under the edited policy decides each event as the replay of its line does, unless that is open."""
    policy = make_policy(**set_in(BASE, *EDITS[name]))
    gate = make_gate(policy, lookup=PLACES.get)
    by = By(kept, policy, PACKAGED)
    pair = by.pair(POLICY.hash)
    decided = 0
    for posted, caller, line in LINES:
        plan = gate.plan(posted, caller, at=NOW, request_id=line["request_id"])
        expected = {made.destination: told_of(made) for made in plan.decisions}
        made = remake(line, policy, laws=by.laws(line, pair, NOW), apart=pair.apart)
        got = {to: told_of(one) for to, one in made.decisions.items()}
        assert got == {to: what for to, what in expected.items() if to not in made.unknown}
        assert set(made.unknown) <= set(expected)
        decided += len(got)
    assert decided > len(LINES)


@pytest.mark.parametrize("name", EDITS)
def test_the_sums_are_those_of_single_lines(kept, name):
    """Lines that are decided together change as each alone would; of each edit, other ones of every four."""
    policy = make_policy(**set_in(BASE, *EDITS[name]))
    some = [line for *_, line in LINES[[*EDITS].index(name) % 4 :: 4]]
    found = again(kept, policy, some)
    single = Counter()
    for line in some:
        for change, tally in again(kept, policy, [line]).changes.items():
            single[change] += tally.events
    assert {change: tally.events for change, tally in found.changes.items()} == single


@pytest.mark.parametrize(
    ("name", "turn", "keys"),
    [
        ("a-law-for-all-goes", Turn.NEWLY_SENT, ("jurisdiction.always",)),
        ("fewer-fields", Turn.OTHER_FIELDS, ("destinations.ga4.fields",)),
        ("regions", Turn.NEWLY_BLOCKED, ("destinations.meta_capi.regions",)),
        ("consent-ends-sooner", Turn.NEWLY_BLOCKED, ("consent.max_age",)),
        ("a-destination-goes", Turn.NEWLY_BLOCKED, None),
        ("a-destination-comes", Turn.NEWLY_SENT, None),
        ("an-event-goes-elsewhere", Turn.NEWLY_BLOCKED, ("events.signup.destinations",)),
        ("a-currency", Turn.OTHER_FIELDS, ("policy.currency",)),
        ("a-legal-basis", Turn.OTHER_BASIS, ("destinations.ga4.legal_basis",)),
        ("only-some-events", Turn.NEWLY_BLOCKED, ("destinations.tiktok.events",)),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" not in value else "",
)
def test_the_keys_behind_a_change_are_named(kept, name, turn, keys):
    """By trial of each edit alone; with the rule, an example, places and persons."""
    found = again(kept, make_policy(**set_in(BASE, *EDITS[name])))
    tallies = [tally for change, tally in found.ordered() if change.turn is turn]
    assert tallies
    for tally in tallies:
        assert tally.rule and tally.example.startswith("req_") and tally.places
        if keys is not None:
            assert tally.because == keys


def test_a_narrower_policy_sends_no_more(kept):
    """And a wider one does: exit codes hang on it."""
    assert not again(kept, make_policy(**set_in(BASE, *EDITS["consent-ends-sooner"]))).more
    assert again(kept, make_policy(**set_in(BASE, *EDITS["more-fields"]))).more
    assert again(kept, make_policy(**set_in(BASE, *EDITS["a-law-for-all-goes"]))).more


@pytest.mark.parametrize(
    ("name", "why"),
    [("a-new-field-that-is-sent", Unknown.FIELD_CHANGED), ("a-vendor", Unknown.VENDOR)],
)
def test_what_a_line_cannot_tell_is_counted(kept, name, why):
    """Never taken for unchanged, and the exit code says so."""
    tables = set_in(BASE, *EDITS[name.removesuffix("-that-is-sent")])
    if name.endswith("sent"):
        tables = set_in(tables, "destinations.ga4.fields", ["session_id", "own_word"])
    found = again(kept, make_policy(**tables))
    assert why in {cause for _, cause in found.undecided}
    assert found.open


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda line: line.pop("inputs"), Unknown.OLD_LINE),
        (lambda line: line["policy"].update(hash="0" * 64), Open.NO_POLICY),
        (lambda line: line["policy"].update(hash="../x"), Open.NO_POLICY),
        (lambda line: line["inputs"].pop("kind"), Open.NO_INPUTS),
        (lambda line: line.pop("signals"), Open.NO_INPUTS),
        (lambda line: line["inputs"].update(decided=False), Unknown.UNDECIDED),
        (lambda line: line.update(event_type="(a name that was removed)"), Unknown.NAME_REMOVED),
    ],
    ids=["format-1", "no-policy", "no-hash", "no-kind", "no-signals", "undecided", "redacted"],
)
def test_a_line_that_lacks_something_is_counted(kept, change, why):
    """With the reason why it cannot be decided."""
    line = copy.deepcopy(LINES[0][2])
    change(line)
    found = again(kept, records=[line, LINES[1][2]])
    assert {cause for _, cause in found.undecided} == {why}
    assert found.deliveries["undecided"] == len(line["deliveries"])
    assert found.open == (why in Open)


def test_a_policy_that_reads_other_signals_leaves_all_open(kept):
    """No line tells of what was not read."""
    found = again(kept, make_policy(**set_in(BASE, "consent.dnt", ["marketing"])))
    assert {cause for _, cause in found.undecided} == {Open.SIGNALS}
    assert found.unseen.keys() == {"consent.dnt"}


def test_recorded_laws_that_no_table_explains_are_open(kept):
    """The table has changed since, and the policy's own laws, too."""
    line = copy.deepcopy(LINES[8][2])
    line["jurisdiction"]["laws"].remove("gdpr")
    found = again(kept, make_policy(**set_in(BASE, *EDITS["a-law-for-all-goes"])), [line])
    assert {cause for _, cause in found.undecided} == {Open.LAWS}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("destinations.ga4.url_params", ["q"]),
        ("destinations.meta_capi.pixel_id", "987654321"),
        ("destinations.own.endpoint", "http://127.0.0.1:9/elsewhere"),
        ("destinations.warehouse.rename", {"page_url": "u"}),
    ],
)
def test_an_edit_that_no_line_shows_is_named(kept, key, value):
    """Values and addresses are in no line: such an edit is no silent pass."""
    found = again(kept, make_policy(**set_in(BASE, key, value)))
    assert any(one.startswith(key) for one in found.unseen) and found.open
    assert not found.more


def test_under_laws_of_another_day(tmp_path):
    """A law that comes into force: by their own policy, lines of its place are decided as they would be then."""
    law = {"name": "A law of Texas", "places": ["US-TX"], "analytics": "opt_in", "marketing": "opt_in",
           "opt_out_signal": "required", "source": "https://law.example", "reviewed": "2026-11-01",
           "effective": "2027-01-01"}  # fmt: skip
    policy = make_policy(**BASE | {"jurisdiction": {"laws": {"texas": law}}})
    (tmp_path / f"{policy.hash}.json").write_bytes(archive.written(policy))
    records = [line for *_, line in written(policy)]
    assert again(tmp_path, records=records, on=NOW).changes == {}
    found = again(tmp_path, records=records, on=NOW + 60 * DAY)
    assert found.deliveries[Turn.NEWLY_BLOCKED] and not found.more and not found.undecided
    for tally in found.changes.values():
        assert (set(tally.places), tally.because) == ({"US-TX"}, ("the laws in force",))


def test_a_group_counts_as_many_events(kept):
    """A line with a count stands for so many."""
    line = copy.deepcopy(LINES[0][2]) | {"count": 7}
    assert again(kept, records=[line]).deliveries["unchanged"] == 7 * len(line["deliveries"])


def test_other_scrubbing_is_no_change():
    """What is compared is in every line: verdict, fields, basis."""
    line = LINES[4][2]
    assert compared(line["deliveries"], remake(line, POLICY)).changes == ()


CALLED = {name: SEEDS[name][0] for name in list(SEEDS)[:6]}


@pytest.mark.parametrize("name", CALLED)
def test_calls_are_replayed_too(name, tmp_path):
    """By their own policy unchanged; where the destination is gone, open."""
    seed = CALLED[name]
    policy = ruling(seed.to)
    caller = Caller(headers=WORDS["granted"], address="81.2.69.3")
    made = plan_call(make_gate(policy, lookup=PLACES.get), seed.to, seed.call, caller)
    records = [orjson.loads(line.core) for _, line in lines.Lines(policy).lines(made.plans) if line is not None]
    by = By(tmp_path, None, PACKAGED)
    same = Pair(policy, policy, True, apart(policy, policy), Causes(policy, policy, (), PACKAGED))
    by.pairs[policy.hash] = same
    found = replay(records, by)
    assert (found.changes, found.undecided) == ({}, {}) and found.deliveries["unchanged"] == found.events
    gone = replace(policy, destinations={to: one for to, one in policy.destinations.items() if to != seed.to.name})
    by.pairs[policy.hash] = same._replace(now=gone)
    assert set(replay(records, by).undecided) == {(seed.to.name, Unknown.NO_DESTINATION)}
