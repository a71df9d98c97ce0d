"""One element of a call, leaf by leaf: what is a field, what is fit to be sent, and what the audit is told."""

from __future__ import annotations

import pytest

from gatekeeper.fields import CATALOGUE
from gatekeeper.gate.elements import Roles
from gatekeeper.model import Personal, Purpose
from gatekeeper.scrub.fields import search_of
from gatekeeper.scrub.taint import declared
from gatekeeper.vendors.dialect import FLAG, NAME, PROTOCOL, SECRET, STAMP, Element, Leaf
from tests.builders import NOW

ROLES = Roles(CATALOGUE, frozenset({"en", "v", "tid", "cd"}))
JANE = "jane.doe@example.com"


def read(*leaves, event="purchase", at=NOW, purposes=None, declares=(), **more):
    """The reading of an element with these leaves: (role, value), or (role, value, native name)."""
    made = tuple([Leaf(one[2] if len(one) > 2 else f"n{n}", one[0], one[1], ("n", n)) for n, one in enumerate(leaves)])
    search = search_of(CATALOGUE, declared(declares))
    return ROLES.read(
        made, Element(event, made, **more), at, purposes or {}, ROLES.program(made), (search,) * max(len(made), 1)
    )


FIT = [
    (PROTOCOL, "2", True),
    (PROTOCOL, None, True),
    (PROTOCOL, JANE, False),
    (PROTOCOL, "4915123456789", True),
    (PROTOCOL, 7, True),
    (NAME, "page_view", True),
    (NAME, JANE, False),
    (NAME, "a" * 500, False),
    (NAME, 7, False),
    (FLAG, "G111", True),
    (FLAG, JANE, True),
    (SECRET, JANE, True),
    (STAMP, "x", False),
    ("event_id", "e-1", True),
    ("event_id", JANE, False),
    ("event_id", "x" * 128, True),
    ("event_id", "x" * 129, False),
    ("event_id", "a\nb", False),
    ("event_id", True, False),
    ("event_id", ["x"], False),
    ("event_id", 17, True),
    ("event_time", "2026-11-24", True),
    ("event_time", "2026-11-24T08:00:00.123Z", True),
    ("event_time", "2026-11-24 08:00+01:00", True),
    ("event_time", 1_795_478_400, True),
    ("event_time", "1795478400123456", True),
    ("event_time", "1795478400.5", True),
    ("event_time", "yesterday", False),
    ("event_time", "2026-11-24T08:00:00 jane", False),
    ("event_time", "179547840", False),
]


@pytest.mark.parametrize(("role", "value", "passes"), FIT, ids=[f"{role}-{n}" for n, (role, *_) in enumerate(FIT)])
def test_mechanics_ids_and_times_carry_nothing_else(role, value, passes) -> None:
    """What is fit goes as it is; a secret is the operator's own."""
    (passed,) = read((role, value)).outcome.passed
    assert passed is passes


@pytest.mark.parametrize(
    ("value", "named"), [("page_view", True), (None, True), ("", True), (JANE, False), ("zqdoe", False)]
)
def test_an_element_has_the_name_it_has_or_none(value, named) -> None:
    """One that may not be sent is not left out of the event: that is sent under it, or not at all."""
    assert read((NAME, value), declares=[("last_name", "zqdoe")]).outcome.named is named


def test_the_event_is_named_timed_and_allowed_as_it_says() -> None:
    """Never of the future; an unknown name has every purpose."""
    wanted = {"purchase": frozenset({Purpose.ANALYTICS})}
    made = read(("order_value", 7), id="e-1", time=NOW - 5, purposes=wanted).event
    assert (made.name, made.id, made.time, made.purposes) == ("purchase", "e-1", NOW - 5, wanted["purchase"])
    later = read(event="other", time=NOW + 5, purposes=wanted).event
    assert (later.name, later.id, later.time, later.purposes) == ("other", "", NOW, frozenset(Purpose))
    assert read().event.time == NOW
    assert read((NAME, "x"), event=JANE).event.name == "unnamed"
    assert read((NAME, "x"), event="zqdoe", declares=[("last_name", "zqdoe")]).event.name == "unnamed"


FIELDS = [
    ("order_value", "7.5", {"order_value": 7.5}, {}),
    ("order_value", 7, {"order_value": 7}, {}),
    ("order_value", "seven", {}, {"order_value": "invalid"}),
    ("order_value", None, {}, {}),
    ("currency", "eur", {"currency": "EUR"}, {}),
    ("currency", "XXQ", {}, {"currency": "invalid"}),
    ("currency", None, {}, {}),
    ("page_url", "/p?gclid=Cj0-x&a=1", {"page_url": "/p?a=1"}, {"gclid": "not_needed"}),
    ("email", JANE, {"email_hash": Personal(JANE, hashed=False)}, {}),
    ("email_hash", "ab" * 32, {"email_hash": Personal("ab" * 32, hashed=True)}, {}),
    ("colour", "red", {}, {"n0": "unknown_field"}),
    (PROTOCOL, JANE, {}, {"n0": "invalid"}),
    (STAMP, "x", {}, {}),
    ("items", [{"item_id": "a", "price": "2", "x y": 1}], {"items": ({"item_id": "a", "price": 2},)},
     {"items.(unprintable name)": "unknown_field"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("role", "value", "data", "unusable"), FIELDS, ids=[f"{role}-{n}" for n, (role, *_) in enumerate(FIELDS)]
)
def test_a_leaf_that_is_a_field_is_clean_or_told_by_its_cause(role, value, data, unusable) -> None:
    """An absent value is as good as none; numbers may come as text."""
    made = read((role, value)).event
    assert dict(made.data) == data and dict(made.unusable) == unusable
    assert set(made.names) == {*data, *unusable}


def test_a_telephone_number_is_read_by_the_elements_own_country() -> None:
    """Where one leaf says it."""
    number = Personal("+4930901820", hashed=False)
    key = CATALOGUE.by_name["phone"].key
    assert read(("phone", "030 901820"), ("country", "DE")).event.data[key] == number
    assert key not in read(("phone", "030 901820")).event.data
    assert key not in read(("phone", "030 901820"), ("country", "DE"), ("country", "FR")).event.data
