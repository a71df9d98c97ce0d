"""Signals as they were seen in the field: cookies, strings, headers and places, each with what must come of it.

The cases are data (`tests/cases/signals.json`, about them `tests/cases/README.md`); this is their one runner.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.audit.lines import consent_state
from gatekeeper.model import Caller
from tests.builders import make_gate, make_policy

CASES = json.loads((Path(__file__).parents[1] / "cases" / "signals.json").read_text("utf-8"))
AT = datetime(2026, 11, 30, 0, 47, 18, tzinfo=UTC).timestamp()  # ten minutes before the date of `clock-10min`


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    """What the gate makes of a case: the permissions, the standings of all signals, and the laws."""
    given = case["input"]
    headers = [(name.lower().encode(), value.encode()) for name, value in given.get("headers") or []]
    if given.get("cookie"):
        headers.append((b"cookie", given.get("cookie").encode()))
    gate = make_gate(make_policy(**(given.get("policy") or {})), clock=lambda: AT)
    caller = Caller(headers=tuple(headers), query=(given.get("query") or "").encode(), edge=tuple(given["place"]))
    consent = gate.consent_of(caller, AT)
    return {
        **consent_state(consent),
        "standing": {signal.standing for signal in consent.signals},
        "laws": [law.id for law in gate.place_of(caller).laws],
    }


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_case_of_the_field_comes_out_right(case: dict[str, Any]) -> None:
    """Permissions, the standing of one of the signals, the laws: whatever the case expects."""
    assert case["expect"], "a case without an expectation proves nothing"
    found = outcome(case)
    expect = dict(case["expect"])
    standing = expect.pop("standing", None)
    assert standing is None or standing in found["standing"]
    assert expect == {name: found[name] for name in expect}
