"""The shared vectors of consent cookies, through the same call that production makes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from gatekeeper.model import Purpose, Role, Signal, Standing
from gatekeeper.signals.cookies import CookieReaders
from tests.signals.reading import UNREADABLE, answer, opted_out, vectors

PLATFORM = {
    "vanilla-cookieconsent-v2": "vanilla-cookieconsent",
    "vanilla-cookieconsent-v3": "vanilla-cookieconsent",
    "osano-cookieconsent-v3": "insites-cookieconsent",
    "inmobi-quantcast": "tcf",
    "onetrust-tcf": "tcf",
}
IN_STANDARD_FORM = ("sourcepoint", "consentmanager")  # their vectors hold TC strings under the common name
CASES = vectors("cmp_cookies")
# Ketch writes the same cookie on the first view, with the region's defaults: without the other cookie, which says
# where it came from, its grants do not count (facts on signals in the field, 2026-11-30). What is refused stays.
WITHOUT_A_SOURCE = {"ketch_accept_all", "ketch_analytics_only"}


def site_map(config: dict[str, Any]) -> dict[str, Purpose]:
    """The vector's own spelling of a site's category map; purposes that are none of ours are left out."""
    tables = [table for table in config.values() if isinstance(table, dict)] or [config]
    named = {name: purpose for table in tables for name, purpose in table.items()}
    for purpose in ("analytics", "marketing"):
        named |= dict.fromkeys(config.get(f"{purpose}_all_of", ()), purpose)
    return {name: Purpose(purpose) for name, purpose in named.items() if purpose in list(Purpose)}


def read(vector: dict[str, Any]) -> tuple[Signal, ...]:
    """The signals of one vector."""
    config = dict(vector.get("config", {}))
    versions = config.pop("group_versions", {})
    source = PLATFORM.get(vector["cmp"], vector["cmp"])
    readers = CookieReaders(categories={source: site_map(config)}, versions={source: versions})
    return readers.read([vector["input"]["cookie"].encode()])


@pytest.mark.parametrize("vector", CASES, ids=[vector["name"] for vector in CASES])
def test_a_cookie_of_the_vectors_is_read_as_they_say(vector: dict[str, Any]) -> None:
    """Whether a choice was made, what it says per purpose, when, under which id and version, and opt-outs."""
    expect, signals = dict(vector["expect"]), read(vector)
    if vector["name"] in WITHOUT_A_SOURCE:
        granted = {purpose: None for purpose in ("analytics", "marketing") if expect[purpose]}
        expect |= granted | {"decided": len(granted) < 2}
    sources = {PLATFORM.get(vector["cmp"], vector["cmp"])}
    if vector["cmp"] in IN_STANDARD_FORM:
        sources.add("tcf")
    choices = [signal for signal in signals if signal.role is Role.CHOICE and signal.source in sources]
    said = {purpose.value: answer(choices, purpose) for purpose in (Purpose.ANALYTICS, Purpose.MARKETING)}
    assert {"analytics": expect["analytics"], "marketing": expect["marketing"]} == said
    made = any(signal.standing is Standing.DECIDED for signal in choices)
    needs_a_map = any(signal.standing is Standing.OPAQUE and "map" in signal.note for signal in choices)
    assert bool(expect["decided"]) == (made or needs_a_map)
    if expect.get("readable") is False:
        assert {signal.standing for signal in choices} <= set(UNREADABLE)
        assert choices
    if "timestamp" in expect:
        at = datetime.fromisoformat(expect["timestamp"]).timestamp()
        assert at in [signal.at for signal in choices]
    if "consent_id" in expect:
        assert expect["consent_id"] in [signal.evidence for signal in choices]
    if "policy" in expect:
        assert expect["policy"] in [signal.notice for signal in choices]
    wanted = expect.get("opt_out", {})
    assert any(wanted.values()) == opted_out(signals)
