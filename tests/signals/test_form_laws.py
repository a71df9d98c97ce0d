"""Laws over every platform's forms: a refusal of everything denies under every law, and what no click made grants
under none.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.consent.resolve import resolve
from gatekeeper.jurisdiction.laws import packaged
from gatekeeper.model import OPTIONAL, Permission, Place, Purpose, Signal, Standing
from gatekeeper.signals.cookies import READERS, CookieReaders
from tests.signals.forms import AUTOMATIC, OPT_OUTS, REFUSALS, WRAPPINGS, Form, header
from tests.signals.test_reader_cases import FILES, SOURCES
from tests.sizes import sized

AT = 1_795_996_800.0  # 2026-11-30
TABLE = packaged()
PLACES = {law: Place(None, None, "caller", (TABLE.law(law, AT),)) for law in TABLE.ids}
PLAIN = CookieReaders()
MAPPED = CookieReaders(
    categories={
        reader.SOURCE: {"a": Purpose.ANALYTICS, "m": Purpose.MARKETING, "1": Purpose.ANALYTICS, "2": Purpose.MARKETING}
        for reader in READERS
    }
)
# What has no refusal of everything: opt-outs and ids alone, and digits that are documented nowhere.
WITHOUT_REFUSAL = {"usprivacy", "sourcepoint", "salesforce"}
SPEAKS_OF = {"matomo": (Purpose.ANALYTICS,)}  # the others speak of both
BOUNDED = settings(max_examples=sized(60), suppress_health_check=[HealthCheck.too_slow], deadline=None)
WRAPPED = st.sampled_from(sorted(WRAPPINGS))


def permitted(signals: tuple[Signal, ...], law: str) -> set[Purpose]:
    """The optional purposes that are permitted under one law."""
    consent = resolve(signals, PLACES[law], at=AT, event_time=AT, max_age=None)
    return {purpose for purpose in OPTIONAL if consent.rulings[purpose].permission is Permission.GRANTED}


def test_every_platform_has_its_forms() -> None:
    """A new reader comes with the forms of its refusal."""
    assert {reader.SOURCE for reader in READERS} == REFUSALS.keys() | WITHOUT_REFUSAL


@pytest.mark.parametrize("source", REFUSALS)
def test_a_refusal_of_everything_denies_under_every_law(source: str) -> None:
    """Without a map, in any form, however a server wrapped it."""

    @BOUNDED
    @given(form=REFUSALS[source], wrapping=WRAPPED)
    def law(form: Form, wrapping: str) -> None:
        signals = PLAIN.read([header(form, WRAPPINGS[wrapping])])
        assert {source} <= {signal.source for signal in signals}
        assert Standing.MALFORMED not in {signal.standing for signal in signals}
        for name in PLACES:
            assert not permitted(signals, name) & set(SPEAKS_OF.get(source, OPTIONAL)), name

    law()


@pytest.mark.parametrize("source", OPT_OUTS)
def test_an_opt_out_denies_marketing_under_every_law(source: str) -> None:
    """Whatever else the platform's cookies grant."""

    @BOUNDED
    @given(form=OPT_OUTS[source], wrapping=WRAPPED)
    def law(form: Form, wrapping: str) -> None:
        signals = PLAIN.read([header(form, WRAPPINGS[wrapping])])
        for name in PLACES:
            assert Purpose.MARKETING not in permitted(signals, name), name

    law()


@pytest.mark.parametrize("source", AUTOMATIC)
def test_a_record_that_no_click_made_grants_under_no_law(source: str) -> None:
    """Not with a map either: where something is permitted, it is for want of a refusal, not by consent."""

    @BOUNDED
    @given(form=AUTOMATIC[source], wrapping=WRAPPED, mapped=st.booleans())
    def law(form: Form, wrapping: str, mapped: bool) -> None:
        signals = (MAPPED if mapped else PLAIN).read([header(form, WRAPPINGS[wrapping])])
        assert Permission.GRANTED not in {answer for signal in signals for answer in signal.says.values()}
        for name, place in PLACES.items():
            consent = resolve(signals, place, at=AT, event_time=AT, max_age=None)
            assert not [
                purpose
                for purpose in OPTIONAL
                if consent.rulings[purpose].basis == purpose
                and consent.rulings[purpose].permission is Permission.GRANTED
            ], name

    law()


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("stem", FILES)
def test_a_choice_survives_the_server_that_sets_it_again(stem: str, wrapping: str) -> None:
    """Percent signs once more, quotes with backslashes, plus signs: the same words and the same standing."""
    for kind in ("accepted", "partial", "rejected"):
        case = FILES[stem]["cases"].get(kind)
        if case is None:
            continue
        site = {name: Purpose(purpose) for name, purpose in case.get("map", {}).items()}
        readers = CookieReaders(categories={SOURCES[stem]: site})
        form = [(pair.split("=", 1)[0], pair.split("=", 1)[1]) for pair in case["cookie"].split("; ")]
        expected = readers.read([header(form)])
        found = readers.read([header(form, WRAPPINGS[wrapping])])
        assert [(signal.standing, signal.says) for signal in expected] == [
            (signal.standing, signal.says) for signal in found
        ], kind
