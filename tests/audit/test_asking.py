"""Questions to the log: a word is known or refused with the nearest; a person is asked for by any identifier."""

from datetime import datetime

import pytest

from gatekeeper.audit import asking, query
from gatekeeper.errors import ConfigError
from gatekeeper.jurisdiction.codes import COUNTRIES
from gatekeeper.model.reasons import TABLE
from tests.builders import RING, make_policy

POLICY = make_policy(audit={"path": "nowhere"})
NOW = datetime(2026, 11, 24, 12)
KNOWN = {
    "status": ["delivered", "blocked", "failed", "pending", "cancelled"],
    "reason": list(TABLE),
    "destination": list(POLICY.destinations),
    "law": list(POLICY.laws.ids),
    "country": list(COUNTRIES),
    "sent": list(POLICY.catalogue.by_name),
    "stripped": list(POLICY.catalogue.by_name),
    "event": [],
    "since": [],
}


@pytest.mark.parametrize("word", KNOWN)
def test_the_values_of_a_word_are_those_of_the_policy(word):
    """An event may have any name, and a time any value."""
    assert asking.known(POLICY, word) == KNOWN[word]


@pytest.mark.parametrize("word", [word for word, values in KNOWN.items() if values])
def test_a_value_that_is_known_is_taken_and_another_is_not(word):
    """The refusal begins with the word, and says what was not known."""
    asking.check(POLICY, {word: KNOWN[word][-1]})
    with pytest.raises(asking.UnknownWordError, match=rf'^{word}: "qqqqqq" is not known; ') as error:
        asking.check(POLICY, {word: "qqqqqq"})
    assert isinstance(error.value, ConfigError)


def test_a_word_without_known_values_is_not_looked_at(monkeypatch):
    """Nor one that is not given."""
    monkeypatch.setattr(query, "words", None)
    asking.check(POLICY, {"event": "anything", "status": None})


def test_a_value_that_the_log_knows_is_taken(tmp_path, monkeypatch):
    """Older policies' values are in it; the log is asked for a value that the policy lacks, and for that word alone."""
    asked = []

    def words(folder, name, others):
        asked.append((folder, name, others))
        return frozenset({"gone"})

    monkeypatch.setattr(query, "words", words)
    beside = [tmp_path / "other"]
    asking.check(POLICY, {"status": "failed", "destination": "gone", "event": "x"}, tmp_path, beside)
    assert asked == [(tmp_path, "destination", beside)]
    with pytest.raises(asking.UnknownWordError, match='"gnoe" is not known; did you mean "gone"'):
        asking.check(POLICY, {"destination": "gnoe"}, tmp_path)
    with pytest.raises(asking.UnknownWordError, match=f"neither in the policy nor in the log {tmp_path}"):
        asking.check(POLICY, {"destination": "qqqqqqqqqqqqq"}, tmp_path)
    with pytest.raises(asking.UnknownWordError, match=f"neither in the policy nor in the log {POLICY.audit_folder}"):
        asking.check(POLICY, {"destination": "qqqqqqqqqqqqq"})


def test_a_time_is_refused_by_its_name():
    """Without an identifier there is no question."""
    assert asking.moment("since", None, NOW) is None
    assert asking.moment("since", "2h", NOW) == datetime(2026, 11, 24, 10)
    with pytest.raises(asking.UnknownWordError, match=r'^until: "soon" is not a time; '):
        asking.moment("until", "soon", NOW)


PSEUDONYM = "p_" + "0a" * 11
PEOPLE = [
    pytest.param({}, None, id="no person"),
    pytest.param({"email": None, "subject": None}, None, id="nothing-given"),
    pytest.param({"subject": PSEUDONYM}, {PSEUDONYM}, id="pseudonym"),
    pytest.param({"user_id": "u-1"}, {*RING.names("user_id", "u-1")}, id="user-id"),
    pytest.param({"subject": PSEUDONYM, "user_id": "u-1"}, {PSEUDONYM, *RING.names("user_id", "u-1")}, id="both"),
]


@pytest.mark.parametrize(("people", "found"), PEOPLE)
def test_a_person_is_asked_for_by_pseudonym_and_by_identifier(people, found):
    """The keys are opened only where an identifier is given."""
    ring = (lambda: RING) if people.get("user_id") else None
    assert asking.subjects(POLICY, ring, people) == found


@pytest.mark.parametrize("text", ["p_", PSEUDONYM[:-1], PSEUDONYM + "0", PSEUDONYM.upper(), "jane@example.com", ""])
def test_what_is_no_pseudonym_is_refused_and_not_repeated(text):
    """It may be an address that stands in the wrong place."""
    with pytest.raises(asking.UnknownWordError) as error:
        asking.subjects(POLICY, lambda: RING, {"subject": text})
    assert str(error.value) == f"subject: {asking.NOT_A_PSEUDONYM}"


def test_a_telephone_number_is_read_by_the_policys_country():
    """Where it has one; a number that is none of that country stays as it was given."""
    german = make_policy(policy={"version": "t", "controller": "c", "phone_region": "DE"})
    whole = asking.subjects(german, lambda: RING, {"phone": "+4930901820"})
    assert asking.subjects(german, lambda: RING, {"phone": "030 901820"}) == whole
    with pytest.raises(ConfigError, match="--phone: is neither a telephone number with its country code nor 64 hex"):
        asking.subjects(POLICY, lambda: RING, {"phone": "030 901820"})
    with pytest.raises(ConfigError, match="--phone"):
        asking.subjects(german, lambda: RING, {"phone": "12"})


def test_a_question_is_a_filter_of_all_its_words(tmp_path):
    """Times, a person, and the rest by their own names."""
    found = asking.filter_of(
        POLICY, {"since": "1d", "until": "2026-11-24", "status": "failed", "event": "x", "law": None},
        {"subject": PSEUDONYM}, NOW, lambda: RING, [tmp_path],
    )  # fmt: skip
    assert found == query.Filter(
        since=datetime(2026, 11, 23, 12), until=datetime(2026, 11, 24), status="failed", event="x",
        subjects=frozenset({PSEUDONYM}),
    )  # fmt: skip
    with pytest.raises(asking.UnknownWordError, match="status"):
        asking.filter_of(POLICY, {"status": "qqqq"}, {}, NOW, lambda: RING)
