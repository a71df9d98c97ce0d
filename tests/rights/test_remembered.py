"""The index of sent ids: a derived client id can be asked for, and an entry is nothing without the identifier."""

import json
from dataclasses import replace

import pytest

from gatekeeper.installation.ring import Key, ephemeral
from gatekeeper.rights.remember import ends
from gatekeeper.rights.sealing import Index, mark, seal, unseal
from gatekeeper.storage import database
from tests.builders import make_policy
from tests.rights import people
from tests.rights.erasing import POLICY, Office, holding

REMEMBER = POLICY + "\n[rights]\nremember = true\n"


def asked(office):
    """The client ids that Google was asked to delete."""
    bodies = [json.loads(one.body) for one in office.sent if one.url.endswith("userDeletionRequests:upsert")]
    return [one["id"]["userId"] for one in bodies]


def sent_to(runtime, name):
    """What is queued for a destination, or under way, as it would be sent."""
    sql = (
        "SELECT payload ->> 3 FROM outbox JOIN destination ON outbox.id >> 40 = destination.no "
        "WHERE destination.name = ?"
    )
    with database.opened(runtime.policy.database_file, read_only=True) as db:
        return [json.loads(head) for (head,) in database.run(db, sql, (name,))]


@pytest.mark.parametrize("remember", [True, False], ids=["remembered", "not-remembered"])
def test_a_client_id_that_was_derived_is_asked_for_by_an_address_where_it_is_remembered(tmp_path, remember):
    """Google knows the person by nothing else; without the index nobody can ask."""
    with people.running(tmp_path, REMEMBER if remember else POLICY) as runtime:
        data = {"page_url": "/a", "session_id": "s-1", "email": "jane@example.com"}
        people.send(runtime.gate, data, headers=people.cookie("analytics"))
        (head,) = sent_to(runtime, "ga4")
        office = Office(runtime)
        office.run(office.approved(email="Jane@Example.com"))
        assert asked(office) == ([head["client_id"]] if remember else [])


def test_a_session_s_id_leads_to_what_was_derived_of_it_without_an_index(tmp_path):
    """It is worked out again."""
    with people.running(tmp_path, POLICY) as runtime:
        people.send(runtime.gate, {"page_url": "/a", "session_id": "s-1"}, headers=people.cookie("analytics"))
        (head,) = sent_to(runtime, "ga4")
        office = Office(runtime)
        office.run(office.approved(session_id="s-1", email="jane@example.com"))
        assert asked(office) == [head["client_id"]]


def test_entries_hold_nothing_that_can_be_read_and_go_with_the_person(tmp_path):
    """Neither the identifier, nor a pseudonym, nor the ids."""
    who = {"client_id": "990011.887766", "user_id": "u-998877", "email": "zora@example.com"}
    with people.running(tmp_path, REMEMBER) as runtime:
        people.send(runtime.gate, {"page_url": "/a", **who}, headers=people.cookie("analytics"))
        sql = "SELECT * FROM alias"
        with database.opened(runtime.policy.database_file, read_only=True) as db:
            rows = database.run(db, sql)
        needles = [*who.values(), *people.who(runtime.gate, **who).names]
        assert len(rows) > 2 and [one for one in needles if one in str(rows)] == []
        office = Office(runtime)
        office.run(office.approved(**who, consent_id="v_1"))
        with database.opened(runtime.policy.database_file, read_only=True) as db:
            assert database.run(db, sql) == []
        assert holding(tmp_path / "var", needles) == []


def test_an_entry_opens_for_its_identifier_alone_under_every_key_there_was():
    """Another identifier, and another installation, open nothing; equal content is one entry."""
    ring = ephemeral()
    index = Index(ring)
    sealed = index.seal("email", "hash", {"client_id": "1.2"})
    assert sealed == index.seal("email", "hash", {"client_id": "1.2"})
    assert index.open("email", "hash", sealed) == {"client_id": "1.2"}
    assert index.open("email", "other", sealed) is None and index.open("user_id", "hash", sealed) is None
    assert Index(ephemeral()).open("email", "hash", sealed) is None
    rotated = Index(replace(ring, pseudonym=(Key("new", b"n" * 32), *ring.pseudonym)))
    assert rotated.open("email", "hash", sealed) == {"client_id": "1.2"}
    assert index.names("email", "hash")[0] in rotated.names("email", "hash")


def test_what_is_sealed_for_one_request_opens_for_no_other():
    """The id is a part of what is authenticated."""
    ring = ephemeral()
    sealed = seal(ring, "er_1", b"content")
    assert unseal(ring, "er_1", sealed) == b"content" and b"content" not in sealed
    for other, text in (("er_2", sealed), ("er_1", sealed[:-1] + b"?"), ("er_1", b"none\0" + sealed)):
        with pytest.raises(Exception, match="cannot be opened"):
            unseal(ring, other, text)
    assert mark(ring, "email", "x") != mark(ephemeral(), "email", "x")


@pytest.mark.parametrize(
    ("retention", "days"),
    [("90d", 90), ("26 months", 791), ("2y", 731), (None, 426)],
    ids=["days", "months", "years", "unsaid"],
)
def test_an_entry_ends_with_the_destination_s_retention(retention, days):
    """On a whole day, so that a person's many events are one entry."""
    table = {
        "kind": "first_party",
        "endpoint": "http://127.0.0.1:9/",
        **({"retention": retention} if retention else {}),
    }
    policy = make_policy(destinations={"own": table})
    assert 0 <= ends(0.0, policy, "own") / 86_400 - days <= 1.5
    assert ends(1.0, policy, "own") == ends(80_000.0, policy, "own") or retention != "90d"
