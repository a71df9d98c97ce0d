"""The shared TCF vectors: every field of every string, and every string that must be refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from gatekeeper.signals import tcf
from gatekeeper.signals.bits import Ids
from gatekeeper.signals.encoding import UnreadableError
from gatekeeper.signals.tcf import TcString
from tests.signals.reading import vectors

ALL = [*vectors("tcf"), *vectors("tcf_generated")]
READABLE = [vector for vector in ALL if vector["expect"]["ok"]]
MALFORMED = [vector for vector in ALL if not vector["expect"]["ok"]]


def spans(ids: Ids | None) -> str:
    """The vectors' way of writing a vendor list: `1-3,755`."""
    found = ids.intervals() if ids else ()
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def listed(ids: Ids) -> list[int]:
    """The vectors' way of writing a list of purposes."""
    return [number for first, last in ids.intervals() for number in range(first, last + 1)]


def restrictions(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Restrictions in an order of their own: the vectors sort them, the string need not."""
    return sorted(rows, key=lambda row: (row["purpose"], row["type"], row["vendors"]))


def as_vector(tc: TcString) -> dict[str, Any]:
    """A decoded string in the words of the vectors."""
    plain = {name: getattr(tc, name) for name in TcString.__dataclass_fields__}
    purposes = (
        "purpose_consents",
        "purpose_li",
        "special_feature_optins",
        "pub_purpose_consents",
        "pub_purpose_li",
    )
    vendors = ("vendor_consents", "vendor_li", "vendors_disclosed", "vendors_allowed")
    return (
        plain
        | {name: listed(plain[name]) for name in purposes}
        | {name: spans(plain[name]) for name in vendors}
        | {
            "publisher_restrictions": restrictions(
                [
                    {"purpose": rule.purpose, "type": rule.kind, "vendors": spans(rule.vendors)}
                    for rule in tc.publisher_restrictions
                ]
            ),
            "num_custom_purposes": tc.pub_custom[0].size,
            "pub_custom_consents": listed(tc.pub_custom[0]),
            "pub_custom_li": listed(tc.pub_custom[1]),
        }
    )


@pytest.mark.parametrize("vector", READABLE, ids=[vector["name"] for vector in READABLE])
def test_a_string_of_the_vectors_is_decoded_field_by_field(vector: dict[str, Any]) -> None:
    """Every field the vector names, and the faults the framework sees in it."""
    tc = tcf.parse(vector["input"])
    expected = dict(vector["expect"]["decoded"])
    for name in ("created", "last_updated"):
        expected[name] = datetime.fromisoformat(expected[name]).timestamp()
    if "publisher_restrictions" in expected:
        expected["publisher_restrictions"] = restrictions(expected["publisher_restrictions"])
    found = as_vector(tc)
    assert expected == {name: found[name] for name in expected}
    assert vector["expect"]["policy_flags"] == list(tc.faults)


@pytest.mark.parametrize("vector", MALFORMED, ids=[vector["name"] for vector in MALFORMED])
def test_a_malformed_string_of_the_vectors_is_refused(vector: dict[str, Any]) -> None:
    """Truncated, of another version, with impossible ranges or a second core: never half a string."""
    with pytest.raises(UnreadableError):
        tcf.parse(vector["input"])
