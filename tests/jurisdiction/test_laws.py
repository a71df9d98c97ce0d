"""Which laws are in force where and when."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.jurisdiction.codes import COUNTRIES
from gatekeeper.jurisdiction.laws import merged, strictness
from gatekeeper.model import ConsentModel, Restriction, SignalDuty
from tests.jurisdiction.builders import NOW, TABLE, ids, on

RANK = {ConsentModel.NONE: 0, ConsentModel.OPT_OUT: 1, ConsentModel.OPT_IN: 2}
EDGES = sorted({edge for row in TABLE.rows for edge in (row.start, row.end) if abs(edge) != float("inf")})
MOMENTS = st.sampled_from(EDGES).flatmap(lambda edge: st.sampled_from([edge - 1, edge, edge + 86_400]))


@pytest.mark.parametrize(
    ("country", "region", "expected"),
    [
        pytest.param("DE", None, ["gdpr"], id="germany"),
        pytest.param("DE", "BE", ["gdpr"], id="a-german-state-changes-nothing"),
        pytest.param("GP", None, ["gdpr"], id="guadeloupe-as-france"),
        pytest.param("GB", "ENG", ["ukgdpr"], id="united-kingdom"),
        pytest.param("US", "CA", ["us", "ccpa", "coppa"], id="california"),
        pytest.param("US", "VA", ["us", "vcdpa", "coppa"], id="virginia"),
        pytest.param("US", "WY", ["us", "coppa"], id="a-state-without-an-act"),
        pytest.param("US", "MD", ["modpa", "us", "coppa"], id="maryland-is-stricter-than-the-profile"),
        pytest.param("US", None, ["us-strict", "us", "coppa"], id="state-unknown"),
        pytest.param("US", "ZZZ", ["us-strict", "us", "coppa"], id="state-that-does-not-exist"),
        pytest.param("US", "?", ["us-strict", "us", "coppa"], id="question-mark-is-no-state"),
        pytest.param("CA", "QC", ["law25", "pipeda"], id="quebec"),
        pytest.param("CA", "ON", ["pipeda"], id="ontario"),
        pytest.param("CA", None, ["law25", "pipeda"], id="province-unknown"),
        pytest.param("KZ", None, ["strictest"], id="country-without-a-row"),
        pytest.param("XX", None, ["strictest"], id="no-country"),
        pytest.param("*", None, ["strictest"], id="the-wildcard-is-no-country"),
        pytest.param(None, None, ["strictest"], id="unknown"),
        pytest.param(None, "CA", ["strictest"], id="region-without-country"),
    ],
)
def test_the_laws_of_a_place(country: str | None, region: str | None, expected: list[str]) -> None:
    """Country rows and subdivision rows together, the strictest first; nothing known is the strictest law."""
    assert expected == ids(TABLE.laws_for(country, region, NOW))


@pytest.mark.parametrize(
    ("country", "region", "moment", "expected"),
    [
        pytest.param("CL", None, "2026-11-30T23:59:59", "ley19628", id="chile-before"),
        pytest.param("CL", None, "2026-12-01T00:00:00", "ley21719", id="chile-from"),
        pytest.param("US", "OK", "2026-12-31T23:59:59", None, id="oklahoma-before"),
        pytest.param("US", "OK", "2027-01-01T00:00:00", "ocdpa", id="oklahoma-from"),
        pytest.param("US", "LA", "2026-12-31T23:59:59", None, id="louisiana-before"),
        pytest.param("US", "LA", "2027-01-01T00:00:00", "ldpa", id="louisiana-from"),
        pytest.param("US", "AL", "2027-04-30T23:59:59", None, id="alabama-before"),
        pytest.param("US", "AL", "2027-05-01T00:00:00", "apdpa", id="alabama-from"),
        pytest.param("IN", None, "2027-05-12T23:59:59", "spdi", id="india-before"),
        pytest.param("IN", None, "2027-05-13T00:00:00", "dpdp", id="india-from"),
    ],
)
def test_a_law_begins_on_its_day(country: str, region: str | None, moment: str, expected: str | None) -> None:
    """A row is in force from midnight UTC of `effective` until midnight UTC of `until`."""
    found = set(ids(TABLE.laws_for(country, region, on(moment)))) - {"us", "coppa"}

    assert ({expected} if expected else set()) == found


@pytest.mark.parametrize(
    ("law", "moment", "expected"),
    [
        ("tdpsa", "2024-12-31", SignalDuty.NOT_SPECIFIED),
        ("tdpsa", "2025-01-01", SignalDuty.REQUIRED),
        ("cpa", "2024-06-30", SignalDuty.NOT_SPECIFIED),
        ("cpa", "2024-07-01", SignalDuty.REQUIRED),
        ("njdpa", "2025-07-14", SignalDuty.NOT_SPECIFIED),
        ("njdpa", "2025-07-15", SignalDuty.REQUIRED),
    ],
)
def test_the_signal_duty_begins_on_its_day(law: str, moment: str, expected: SignalDuty) -> None:
    """Duties that began later than the law itself are periods of their own."""
    assert expected == TABLE.law(law, on(moment)).opt_out_signal


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        pytest.param(("US", "CT"), (18, Restriction.BANNED), id="connecticut"),
        pytest.param(("US", "CO"), (18, Restriction.OPT_IN), id="colorado"),
        pytest.param(("US", "WY"), (18, Restriction.OPT_IN), id="no-act"),
        pytest.param(("US", None), (18, Restriction.BANNED), id="state-unknown"),
        pytest.param(("BR", None), (18, Restriction.BANNED), id="brazil"),
    ],
)
def test_the_state_can_make_the_rules_on_minors_stricter(
    place: tuple[str, str | None], expected: tuple[int, Restriction]
) -> None:
    """The strictest rule among the laws of the place is the one for known minors."""
    laws = TABLE.laws_for(*place, NOW)
    order = [Restriction.NONE, Restriction.OPT_OUT, Restriction.OPT_IN, Restriction.BANNED]
    strictest = max(laws, key=lambda law: (order.index(law.minor_rule), law.minor_age or 0))

    assert expected == (strictest.minor_age, strictest.minor_rule)


@pytest.mark.parametrize("territory", ["PR", "GU", "VI", "AS", "MP"])
def test_a_territory_of_the_united_states_is_held_to_an_unknown_state(territory: str) -> None:
    """They have ISO codes of their own; analytics there is not dropped for want of a row."""
    assert ids(TABLE.laws_for("US", None, NOW)) == ids(TABLE.laws_for(territory, None, NOW))


@pytest.mark.parametrize(("moment", "told"), [("2026-09-30T23:59:59", False), ("2026-10-01T00:00:00", True)])
def test_connecticuts_act_of_2026_begins_on_its_day(moment: str, told: bool) -> None:
    """Public Act 26-64: another period of the same law, with what is not certain about it."""
    row = TABLE.law("ctdpa", on(moment))
    assert told is ("PA 26-64" in row.citation)
    assert told is ("sensitive" in row.uncertain)


def test_the_deadline_for_deletion_is_the_states() -> None:
    """The profile of all states has no deadline of its own; an unknown state has the shortest there is."""
    by_state = {
        state: [law.delete_days for law in TABLE.laws_for("US", state, NOW) if law.delete_days is not None]
        for state in ("CA", "IA", "NV", "WY", None)
    }

    assert by_state == {"CA": [45], "IA": [90], "NV": [30], "WY": [], None: [30]}


def test_the_age_of_consent_is_the_member_states() -> None:
    """One row for the GDPR, with the ages of art 8 where a state set its own."""
    ages = {c: TABLE.laws_for(c, None, NOW)[0].child_age for c in ("AT", "BE", "DE", "FR", "GP", "NL")}

    assert ages == {"AT": 14, "BE": 13, "DE": 16, "FR": 15, "GP": 15, "NL": 16}


@given(st.sampled_from(["US", "CA"]), MOMENTS)
def test_an_unknown_subdivision_is_never_laxer_than_a_known_one(country: str, at: float) -> None:
    """What a database without subdivisions loses, the law table makes up for, at every date."""
    unknown = TABLE.laws_for(country, None, at)
    for region in sorted(TABLE.regions[country]):
        known = TABLE.laws_for(country, region, at)
        for ask in (lambda law: RANK[law.analytics], lambda law: RANK[law.marketing]):
            assert max(map(ask, unknown)) >= max(map(ask, known)), region
        order = [Restriction.NONE, Restriction.OPT_OUT, Restriction.OPT_IN, Restriction.BANNED]
        assert max(order.index(law.minor_rule) for law in unknown) >= max(
            order.index(law.minor_rule) for law in known
        ), region
        required = SignalDuty.REQUIRED
        assert any(law.opt_out_signal is required for law in unknown) >= any(
            law.opt_out_signal is required for law in known
        ), region


@given(st.sampled_from(sorted(COUNTRIES)), MOMENTS)
def test_no_law_is_stricter_than_the_strictest(country: str, at: float) -> None:
    """The law of unknown places asks at least what any law asks, for consent, signals and sensitive data."""
    top = TABLE.strictest
    for law in TABLE.laws_for(country, None, at):
        assert strictness(top)[:5] >= strictness(law)[:5]
        assert (RANK[top.analytics], RANK[top.marketing]) >= (RANK[law.analytics], RANK[law.marketing])


@given(st.sampled_from(sorted(COUNTRIES)), st.sampled_from([None, "CA", "TX", "QC", "?"]), MOMENTS)
def test_there_is_always_a_law_and_the_strictest_comes_first(country: str, region: str | None, at: float) -> None:
    """Never an empty answer, each id once, in order of strictness."""
    laws = TABLE.laws_for(country, region, at)

    assert laws
    assert len(laws) == len(set(ids(laws)))
    assert all(strictness(a) >= strictness(b) for a, b in pairwise(laws))


def test_one_law_in_two_forms_counts_in_its_stricter() -> None:
    """`always = ["gdpr"]` beside a visitor from Austria keeps the higher age."""
    laws = (*TABLE.laws_for("AT", None, NOW), TABLE.law("gdpr", NOW))

    assert [law.child_age for law in merged(laws)] == [16]


@pytest.mark.parametrize(
    ("law", "moment", "expected"),
    [
        pytest.param("gdpr", "2026-11-23", "gdpr", id="in-force"),
        pytest.param("ocdpa", "2026-11-23", "ocdpa", id="named-before-its-day"),
        pytest.param("ley19628", "2026-12-02", "strictest", id="no-longer-in-force"),
        pytest.param("nonsense", "2026-11-23", "strictest", id="unknown"),
    ],
)
def test_a_law_by_its_id(law: str, moment: str, expected: str) -> None:
    """A law that is named holds, also before its day; one that is gone or unknown is the strictest."""
    assert expected == TABLE.law(law, on(moment)).id


@pytest.mark.parametrize("at", [float("nan"), float("inf"), float("-inf"), -1e18, 1e18])
def test_a_nonsensical_clock_still_gets_laws(at: float) -> None:
    """Whatever the time, there is an answer."""
    assert TABLE.laws_for("DE", None, at)
