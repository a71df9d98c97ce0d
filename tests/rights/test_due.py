"""Terms: months of which some are short, business days, extensions, and the strictest of several laws."""

import tomllib
from datetime import date
from importlib.resources import files

import pytest

from gatekeeper.jurisdiction.laws import packaged
from gatekeeper.rights.due import after, business, months, term

TABLE = packaged()
AT = 1_795_478_400.0


ROWS = tomllib.loads(files("gatekeeper.jurisdiction").joinpath("laws.toml").read_text("utf-8"))["law"]
STATES = [row for row in ROWS if row.get("delete_days") and any(place.startswith("US-") for place in row["places"])]


def by(received, *laws):
    return term(date.fromisoformat(received), [TABLE.law(one, AT) for one in laws])


@pytest.mark.parametrize(
    ("received", "due"),
    [
        pytest.param("2026-11-30", "2026-12-30", id="a-month"),
        pytest.param("2027-01-31", "2027-02-28", id="february"),
        pytest.param("2028-01-31", "2028-02-29", id="leap-year"),
        pytest.param("2026-07-31", "2026-08-30", id="thirty-days-are-earlier"),
        pytest.param("2026-12-15", "2027-01-14", id="over-the-year"),
    ],
)
def test_gdpr_gives_a_month_and_thirty_days_where_those_end_earlier(received, due):
    """Regulation 1182/71, article 3."""
    assert by(received, "gdpr").due.isoformat() == due


def test_an_extension_is_counted_from_the_receipt():
    """Two months more."""
    assert by("2026-11-30", "gdpr").extended == date(2027, 2, 28)


def test_california_confirms_within_ten_business_days_and_answers_within_forty_five():
    """11 CCR 7021."""
    found = by("2026-11-27", "ccpa")  # a Friday
    assert (found.due, found.confirm, found.extended) == (date(2027, 1, 11), date(2026, 12, 11), date(2027, 2, 25))


def test_the_strictest_of_the_person_s_laws_counts():
    """The earliest end, and the earliest of what else is due."""
    found = by("2026-11-30", "ccpa", "gdpr")
    assert (found.law, found.due, found.confirm) == ("gdpr", date(2026, 12, 30), date(2026, 12, 14))
    assert by("2026-11-30", "tdpsa").appeal_days == 60


@pytest.mark.parametrize("row", STATES, ids=[f"{row['id']}-{row.get('effective', '')}" for row in STATES])
def test_a_state_s_law_has_an_appeal_with_where_that_was_read(row):
    """All but California's, Utah's and Nevada's, and three that are not in force and were not read."""
    law, appeal = row["id"], row.get("appeal_days")
    assert (appeal is None) is (law in {"ccpa", "ucpa", "nv603a", "ocdpa", "ldpa", "apdpa"})
    confirmed = law == "us-strict" or (
        law == "ccpa" and str(row["effective"]) >= "2020-08-14"
    )  # the regulations' first day
    assert row.get("confirm_days") == (10 if confirmed else None)
    for key in ("appeal_days", "confirm_days"):
        assert key not in row or key in row["source"] or law == "us-strict"


def test_without_any_law_it_is_thirty_days():
    """No law of the person's is known."""
    assert term(date(2026, 11, 30), []).due == date(2026, 12, 30)


@pytest.mark.parametrize(("days", "end"), [(1, "2026-12-04"), (2, "2026-12-07"), (7, "2026-12-14"), (0, "2026-12-03")])
def test_business_days_leave_weekends_out(days, end):
    """From a Thursday."""
    assert business(date(2026, 12, 3), days).isoformat() == end


def test_a_number_of_days_that_is_no_month_is_counted_in_days():
    """Forty-five days."""
    assert after(date(2027, 1, 31), 45) == date(2027, 3, 17) and months(date(2026, 12, 31), 2) == date(2027, 2, 28)


@pytest.mark.parametrize("law", [one for one in TABLE.ids if TABLE.law(one, AT).delete_days is not None])
def test_every_law_s_extension_ends_after_its_term(law):
    """Whatever day it is received on."""
    for day in ("2027-01-31", "2026-11-30", "2028-02-29"):
        found = by(day, law)
        assert found.due > date.fromisoformat(day) and (found.extended is None or found.extended >= found.due)
