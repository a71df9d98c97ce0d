"""A person is found by any identifier, in every store; what stands beside them is offered, and followed when ticked."""

import sys
from types import SimpleNamespace

import pytest

from gatekeeper import runtime
from gatekeeper.errors import ConfigError
from gatekeeper.rights.identifiers import sought, too_broad
from gatekeeper.rights.search import link_id, search
from tests.builders import RING
from tests.rights.people import cookie, running, send, who

PERSON = {
    "email": "Jane.Doe@gmail.com", "phone": "+49 30 901820", "user_id": "u-17", "client_id": "12.34",
    "external_id": "C-9", "session_id": "s-5", "fbp": "fb.1.1700000000000.77", "fbclid": "IwAR0abc",
}  # fmt: skip


@pytest.fixture
def gate(tmp_path):
    """A gate at work."""
    with running(tmp_path) as made:
        yield made.gate


@pytest.fixture
def store(gate):
    """Its store."""
    return next(one for one in runtime.runtimes() if one.gate is gate).store


def find(store, gate, link=(), **given):
    return search(store, gate.policy.audit_folder, who(gate, **given), link)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({kind: value}, id=kind)
        for kind, value in PERSON.items()
    ]
    + [
        pytest.param({"email": "janedoe+news@googlemail.com"}, id="another-spelling-of-the-mailbox"),
        pytest.param({"consent_id": "v_1"}, id="consent-cookie"),
        pytest.param({"browser_id": PERSON["fbp"]}, id="by-its-kind"),
    ],
)  # fmt: skip
def test_a_person_is_found_by_any_identifier(gate, store, given):
    """The line, both queued deliveries, and nobody else's."""
    send(gate, PERSON, headers=cookie("analytics", "marketing"))
    send(gate, {"email": "other@example.com"}, headers=cookie("analytics", "marketing", subject="v_2"))
    found = find(store, gate, **given)
    assert (found.stores["audit_lines"], found.stores["outbox"], found.stores["open"]) == (1, 2, 1)
    assert sorted(found.destinations) == ["ads", "own"]
    assert find(store, gate, email="nobody@example.com").empty


@pytest.mark.parametrize("with_columns", [True, False], ids=["columns", "lines"])
def test_a_line_that_moves_into_the_log_while_it_is_looked_for_counts_once(gate, store, monkeypatch, with_columns):
    """The store is asked first: it had the line, and another one that is no decision, and the log has the first now."""
    send(gate, PERSON, headers=cookie("analytics", "marketing"))
    if not with_columns:
        monkeypatch.setitem(sys.modules, "duckdb", None)
    (request_id,) = find(store, gate, user_id="u-17").log.requests
    where = lambda names: store.persons.where(names)._replace(unwritten=2, decided=frozenset({request_id}))  # noqa: E731
    moving = SimpleNamespace(persons=SimpleNamespace(where=where), ledger=store.ledger)
    stores = find(moving, gate, user_id="u-17").stores
    assert (stores["unwritten"], stores["audit_lines"]) == (1, 1)


def test_the_columns_and_the_lines_say_the_same(gate, store, monkeypatch):
    """Without DuckDB every segment is read."""
    for n in range(3):
        send(gate, PERSON | {"session_id": f"s{n}"}, headers=cookie("analytics", "marketing"))
    next(one for one in runtime.runtimes() if one.gate is gate).close(0.0)  # no delivery ends between both looks
    by_columns = find(store, gate, user_id="u-17")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    by_lines = find(store, gate, user_id="u-17")
    before, after = (sorted(map(repr, one.log.rows)) for one in (by_columns, by_lines))
    assert before == after
    assert (by_columns.log.lines, by_columns.linked) == (by_lines.log.lines, by_lines.linked)
    assert len(by_lines.log.rows) == 6 and by_lines.linked


def test_linked_identifiers_are_offered_and_not_followed(gate, store):
    """A ticked one is, and is told apart where others use it, too."""
    send(gate, {"user_id": "u-1", "client_id": "shared"}, headers=cookie("analytics", subject=None))
    send(gate, {"user_id": "u-2", "client_id": "shared"}, headers=cookie("analytics", subject=None))
    send(gate, {"user_id": "u-1", "client_id": "mine"}, headers=cookie("analytics", subject=None))
    found = find(store, gate, user_id="u-1")
    named = {link_id(gate.keys.name("client_id", one)): one for one in ("shared", "mine")}
    assert {named[one.id]: (one.shared, found.log.lines) for one in found.linked} == {
        "shared": (True, 2), "mine": (False, 2),
    }  # fmt: skip
    ticked = find(store, gate, [one for one, name in named.items() if name == "shared"], user_id="u-1")
    assert ticked.log.lines == 3
    with pytest.raises(ConfigError, match="l_nothing is not among"):
        find(store, gate, ["l_nothing"], user_id="u-1")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param([], "there is none", id="none"),
        pytest.param([("email", "")], "email: is empty", id="empty"),
        pytest.param([("email", "not-an-address")], "email: is not a valid e-mail", id="no-address"),
        pytest.param([("phone", "030 901820")], "phone: is not a valid telephone", id="phone-without-country"),
        pytest.param([("name", "Jane")], "type: is not a kind", id="unknown-type"),
        pytest.param([("user_id", f"u{n}") for n in range(101)], "more than 100", id="too-many"),
        pytest.param([("user_id", "u" * 513)], "user_id: is empty, or longer", id="too-long"),
    ],
)  # fmt: skip
def test_what_is_no_identifier_is_refused_without_repeating_it(given, says):
    """A typo must not read as "there is nothing"."""
    with pytest.raises(ConfigError, match=says) as refused:
        sought(RING, given, {})
    assert not any(value and value in str(refused.value) for _, value in given)


def test_a_client_id_alone_is_too_broad():
    """A browser is several people's."""
    assert too_broad(sought(RING, [("client_id", "1.2")], {}))
    assert not too_broad(sought(RING, [("client_id", "1.2"), ("session_id", "s")], {}))
