"""The policy's `[jurisdiction.laws]`, and what the loader says of faulty rows."""

from __future__ import annotations

import re
from datetime import date

import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.jurisdiction.laws import LawTable
from gatekeeper.model import ConsentModel, SignalDuty
from tests.jurisdiction.builders import NOW, TABLE, ids, on

OWN_LAW = {
    "name": "Law on Personal Data (Kazakhstan)",
    "places": ["KZ"],
    "analytics": "opt_out",
    "marketing": "opt_in",
    "opt_out_signal": "not_specified",
    "source": "counsel's memo",
    "reviewed": date(2026, 11, 20),
}


def test_a_policy_replaces_single_fields() -> None:
    """What the policy does not name stays as it was, in every period of the law."""
    table = TABLE.replaced({"ukgdpr": {"analytics": "opt_out"}})

    for day in ("2025-06-01", "2026-11-23"):
        law = table.law("ukgdpr", on(day))
        assert (law.analytics, law.marketing) == (ConsentModel.OPT_OUT, ConsentModel.OPT_IN)


def test_a_policy_can_give_up_the_profile_of_all_states() -> None:
    """With `us` relaxed, each state's own rule on signals is what is left."""
    table = TABLE.replaced({"us": {"opt_out_signal": "not_specified"}})
    required = {
        state: any(law.opt_out_signal is SignalDuty.REQUIRED for law in table.laws_for("US", state, NOW))
        for state in ("CA", "TX", "VA", "WY", None)
    }

    assert required == {"CA": True, "TX": True, "VA": False, "WY": False, None: True}


def test_a_policy_adds_a_law_of_its_own() -> None:
    """A country without a row gets one."""
    table = TABLE.replaced({"kz": OWN_LAW})

    assert ids(table.laws_for("KZ", None, NOW)) == ["kz"]
    assert ids(TABLE.laws_for("KZ", None, NOW)) == ["strictest"]


def test_a_policy_moves_the_first_day_of_a_law() -> None:
    """A law that was postponed begins on the new day."""
    table = TABLE.replaced({"ocdpa": {"effective": date(2027, 7, 1)}})

    assert "ocdpa" not in ids(table.laws_for("US", "OK", on("2027-06-30")))
    assert "ocdpa" in ids(table.laws_for("US", "OK", on("2027-07-01")))


def test_replacing_leaves_the_packaged_table_alone() -> None:
    """Tables are immutable; two policies in one process do not meet."""
    TABLE.replaced({"gdpr": {"marketing": "none"}})

    assert TABLE.law("gdpr", NOW).marketing is ConsentModel.OPT_IN


@pytest.mark.parametrize(
    ("laws", "expected"),
    [
        pytest.param(
            {"gdrp": {"analytics": "opt_out"}},
            r'jurisdiction\.laws\.gdrp: "gdrp" is not a law; did you mean "gdpr"\?',
            id="unknown-law",
        ),
        pytest.param({"tdpsa": {"signal": "required"}}, r"tdpsa.*\.signal: there is no such field", id="unknown-field"),
        pytest.param(
            {"tdpsa": {"analytics": "opt-in"}},
            r"'opt-in' is not one of opt_in, opt_out, none",
            id="bad-model",
        ),
        pytest.param({"tdpsa": {"analytics": None}}, r"None is not one of opt_in", id="no-model"),
        pytest.param({"tdpsa": {"analytics": ["opt_in"]}}, r"\['opt_in'\] is not one of", id="list-for-model"),
        pytest.param({"tdpsa": {"delete_days": "45"}}, r"'45' is not a whole number from 0", id="text-for-number"),
        pytest.param({"tdpsa": {"delete_days": True}}, r"True is not a whole number", id="flag-for-number"),
        pytest.param({"tdpsa": {"child_age": -1}}, r"-1 is not a whole number", id="negative"),
        pytest.param({"tdpsa": {"delete_right": "yes"}}, r"'yes' is not true or false", id="text-for-flag"),
        pytest.param({"tdpsa": {"reviewed": "last week"}}, r"'last week' is not a date", id="bad-date"),
        pytest.param({"tdpsa": {"source": "  "}}, r"'  ' is not a text", id="empty-source"),
        pytest.param(
            {"tdpsa": {"places": ["UX"]}},
            r'"UX" is not a country; write ISO 3166-1 codes',
            id="unknown-country",
        ),
        pytest.param(
            {"tdpsa": {"places": ["US-XX"]}},
            r'"US-XX" is not a subdivision of US; they are AK, AL',
            id="unknown-region",
        ),
        pytest.param(
            {"tdpsa": {"places": ["DE-BY"]}},
            r'"DE-BY" names a subdivision; only those of CA, US',
            id="region-of-no-use",
        ),
        pytest.param({"tdpsa": {"places": ["*"]}}, r'"\*" is not a country', id="wildcard"),
        pytest.param({"tdpsa": {"places": "US-TX"}}, r"'US-TX' is not a list of texts", id="text-for-list"),
        pytest.param(
            {"gdpr": {"child_ages": {"US": 13}}},
            r"child_ages: US is not among the places",
            id="age-elsewhere",
        ),
        pytest.param({"gdpr": {"child_ages": 13}}, r"13 is not a table from country to value", id="number-for-table"),
        pytest.param(
            {"strictest": {"analytics": "none"}}, r"cannot be replaced; remove this table", id="the-strictest"
        ),
        pytest.param({"gdpr": {"id": "x"}}, r"gdpr\.id: the id stands in the table's name", id="id"),
        pytest.param(
            {"ccpa": {"until": date(2027, 1, 1)}},
            r"ccpa has 4 periods, so its dates cannot be replaced",
            id="dates",
        ),
        pytest.param(
            {"ocdpa": {"until": date(2026, 1, 1)}},
            r"until: 2026-01-01 is not after effective = 2027-01-01",
            id="ends-before-it-begins",
        ),
        pytest.param(
            {"kz": {"places": ["KZ"]}},
            r'"kz" is not a law;.* needs name, analytics, marketing',
            id="half-a-law",
        ),
    ],
)
def test_a_faulty_law_names_key_value_and_remedy(laws: dict[str, dict[str, object]], expected: str) -> None:
    """A policy that cannot be meant does not load, and says in one sentence why."""
    with pytest.raises(ConfigError) as caught:
        TABLE.replaced(laws)

    assert re.search(expected, str(caught.value)), str(caught.value)
    assert all(problem.startswith("jurisdiction.laws") for problem in caught.value.problems)


def test_every_fault_is_reported_at_once() -> None:
    """Nobody mends a policy one error at a time."""
    with pytest.raises(ConfigError) as caught:
        TABLE.replaced({"tdpsa": {"analytics": "yes", "delete_days": -3, "colour": "red"}})

    assert len(caught.value.problems) == 3 * 2  # Texas has two periods


def test_ids_in_the_policy_are_checked() -> None:
    """`always` and `default` name laws of the table."""
    TABLE.check_ids("jurisdiction.always", ["gdpr", "us"])
    with pytest.raises(ConfigError, match=r'jurisdiction.always: "gdprr" is not a law; did you mean "gdpr"\?'):
        TABLE.check_ids("jurisdiction.always", ["gdpr", "gdprr"])
    with pytest.raises(ConfigError, match=r"docs/jurisdictions.md lists the ids"):
        TABLE.check_ids("jurisdiction.default", ["§§§"])


def test_places_in_the_policy_are_checked() -> None:
    """A destination's `regions` name countries and known subdivisions."""
    TABLE.check_places("destinations.ga4.regions", ["DE", "US-CA", "CA-?"])
    with pytest.raises(ConfigError, match=r'destinations.ga4.regions: "EU" is not a country'):
        TABLE.check_places("destinations.ga4.regions", ["DE", "EU"])


def test_a_table_needs_exactly_one_strictest_law() -> None:
    """Without it an unknown place would have no law."""
    row = {"id": "gdpr", **OWN_LAW}
    with pytest.raises(ConfigError, match='one row with the id "strictest", not 0'):
        LawTable([row], {})


def test_periods_of_a_law_do_not_overlap() -> None:
    """Two rows of one law at one time would contradict each other."""
    rows = [
        {"id": "strictest", **OWN_LAW, "places": ["*"]},
        {"id": "kz", **OWN_LAW, "until": date(2027, 1, 1)},
        {"id": "kz", **OWN_LAW, "effective": date(2026, 12, 1)},
    ]
    with pytest.raises(ConfigError, match="kz: the period from 2026-12-01 overlaps the one before it"):
        LawTable(rows, {})


def test_a_row_without_an_id_is_named_by_its_number() -> None:
    """Faults in the file itself can be found."""
    with pytest.raises(ConfigError, match=r"law 1 \(no id\): the field 'id' is missing"):
        LawTable([OWN_LAW], {})
