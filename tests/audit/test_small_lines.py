"""Lines that stand for one act: of an operator, of a self-audit, of an outcome and of a choice, key by key."""

from datetime import date

import orjson
import pytest
from msgspec import structs

from gatekeeper.audit import lines
from gatekeeper.audit.admin import admin_line
from gatekeeper.audit.incident import incident_line
from gatekeeper.audit.lines import Line
from gatekeeper.audit.packed import decided, pack, unpack
from gatekeeper.model import Choice, Permission, Purpose
from gatekeeper.model.choice import Kind, Method, Subject, Surface
from tests.builders import NOW

AT = "2026-11-24T00:00:00Z"


def keys(line):
    """A line's keys in their order, with their values."""
    return list(orjson.loads(line.core).items())


def test_an_act_without_more_is_allowed_and_about_nothing():
    """Every key is there; none of them names a person."""
    assert keys(admin_line(at=NOW + 0.9, who="cli:0", action="erase")) == [
        ("kind", "admin"), ("timestamp", AT), ("who", "cli:0"), ("action", "erase"), ("identifiers", []),
        ("counts", {}), ("erasure", None), ("result", "allowed"),
    ]  # fmt: skip


def test_an_act_says_how_much_it_is_about_and_why_it_was_refused():
    """The types of the identifiers that were given stand in their order."""
    line = admin_line(
        at=NOW,
        who="ops",
        action="erase",
        kinds=("phone", "email"),
        counts={"lines": 3},
        erasure="er_1",
        result="denied",
    )
    assert keys(line)[4:] == [
        ("identifiers", ["email", "phone"]), ("counts", {"lines": 3}), ("erasure", "er_1"), ("result", "denied"),
    ]  # fmt: skip


def test_an_incident_has_a_day_and_a_number_for_each_check():
    """The page of that day says more."""
    assert keys(incident_line(date(2026, 11, 23), {"log": 2}, NOW)) == [
        ("kind", "incident"), ("timestamp", AT), ("day", "2026-11-23"), ("findings", {"log": 2}),
    ]  # fmt: skip


def test_an_outcome_names_its_events_and_its_end():
    """With the attempt at which it ended."""
    line = lines.outcome_line(
        at=NOW, destination="ga4", request_ids=("req_1", "req_2"), status="failed", why="http_500", attempts=3
    )
    assert keys(line) == [
        ("kind", "outcome"), ("timestamp", AT), ("request_ids", ["req_1", "req_2"]), ("destination", "ga4"),
        ("status", "failed"), ("reason", "http_500"), ("attempts", 3),
    ]  # fmt: skip


def test_a_choice_is_told_by_purpose_and_found_by_the_newest_name_of_each_subject():
    """A purpose that was not spoken about is there, without a word."""
    choice = Choice(
        receipt="con_1", at=NOW - 5, subjects=(Subject(Kind.DEVICE, ("p_new", "p_old")), Subject(Kind.ACCOUNT, ())),
        says={Purpose.ANALYTICS: Permission.GRANTED}, method=Method.ACCEPT_ALL, surface=Surface.BANNER, notice="v1",
        policy="hash",
    )  # fmt: skip
    line = lines.consent_line(choice, "row", NOW)
    assert line.refs == ("p_new",) and line.names == ()
    assert keys(line) == [
        ("kind", "consent"), ("timestamp", AT), ("given_at", "2026-11-23T23:59:55Z"), ("receipt", "con_1"),
        ("row", "row"), ("choices", {"analytics": "granted", "marketing": None}),
        ("method", str(Method.ACCEPT_ALL)), ("surface", str(Surface.BANNER)), ("notice", "v1"), ("policy", "hash"),
    ]  # fmt: skip
    denied = structs.replace(choice, says={Purpose.MARKETING: Permission.DENIED})
    assert dict(keys(lines.consent_line(denied, "row", NOW)))["choices"] == {"analytics": None, "marketing": "refused"}


@pytest.mark.parametrize(
    ("evidence", "product"),
    [("cmp-1", True), ("cmp-1234", True), ("cmp-12345", False), ("CMP-1", False), ("cmp-", False), ("xcmp-1", False),
     ("", False), (None, False)],
)  # fmt: skip
def test_software_is_told_by_its_number_and_all_else_is_an_id(evidence, product):
    """An id of a visitor must not stand in a head."""
    assert lines.is_product(evidence) is product


def test_lines_that_are_kept_come_out_as_they_went_in():
    """In their order, with pseudonyms and names; a line without either is one, too."""
    batch = [
        Line(b'{"kind":"decision","request_id":"req_1"}', ("p_1", "p_2"), ("a name",)),
        Line(b'{"kind":"outcome","request_ids":["req_9"]}'),
        Line(b'{"kind":"decision","request_id":"req_2"}', (), ("\n",)),
    ]
    assert unpack(pack(batch)) == batch and unpack(pack(batch[:1])) == batch[:1]
    assert all(isinstance(part, tuple) for line in unpack(pack(batch)) for part in line[1:])
    assert decided(batch) == {"req_1", "req_2"} and decided(batch[1:2]) == frozenset()
    assert len(pack(batch * 50)) < 500
