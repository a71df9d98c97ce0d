"""What the reports say: every destination and field, where each cell comes from, what is still to fill."""

import string
from dataclasses import replace
from datetime import date

import pytest

from gatekeeper.reports import law
from gatekeeper.reports.cells import Cell, Origin, Sheet, State
from gatekeeper.reports.declared import Declared
from gatekeeper.reports.dpa import dpa
from gatekeeper.reports.formats import html
from gatekeeper.reports.lia import lia
from gatekeeper.reports.notice import LANGUAGES, notice, words
from gatekeeper.reports.observed import Observation, Observed, differences, observe
from gatekeeper.reports.ropa import COLUMNS, ropa
from gatekeeper.reports.transfers import transfers
from gatekeeper.vendors.records import CLAUSES, DestinationRecords
from tests.builders import EVERY_KIND, make_policy
from tests.reports.builders import SINCE, UNTIL, complete, complete_policy, declared, line, write

EMPTY = Observation(SINCE, UNTIL, {})
TODAY = date(2026, 11, 24)
ALL = {
    "ropa": lambda said: ropa(said, EMPTY, ()),
    "transfers": lambda said: transfers(said, EMPTY, ()),
    "dpa": lambda said: dpa(said, ()),
    "lia": lambda said: lia(said, (), TODAY),
    **{f"notice-{one}": lambda said, one=one: notice(said, one, ()) for one in LANGUAGES},
}


def column(document, sheet, name):
    """A column of a sheet, by the name of the row."""
    (found,) = [one for one in document.sheets if one.name == sheet]
    return {row[0].text: row[found.columns.index(name)] for row in found.rows}


def test_the_record_has_every_destination_and_every_field():
    """Of a policy with one of every kind."""
    policy = make_policy(destinations=EVERY_KIND)
    made = ropa(Declared(policy), EMPTY, ())
    rows = column(made, "Processing", "fields")
    assert set(EVERY_KIND) < set(rows)
    for to in policy.destinations.values():
        assert set(rows[to.name].text.split(", ")) == set(to.fields)
    (fields,) = [one for one in made.sheets if one.name == "Fields"]
    listed = {(row[0].text, row[1].text) for row in fields.rows}
    assert listed == {(to.name, key) for to in policy.destinations.values() for key in to.fields}


@pytest.mark.parametrize("report", ALL)
def test_every_cell_says_where_it_comes_from(report):
    """And a cell that is to fill names the key."""
    for document in (ALL[report](declared()), ALL[report](declared(complete_policy()))):
        cells = [cell for sheet in document.sheets for row in sheet.rows for cell in row]
        assert cells and all(cell.of and (cell.text or cell.state is State.FILL) for cell in cells)
        assert all(one.source and one.reviewed for one in document.statements) and document.statements


@pytest.mark.parametrize("report", ALL)
def test_a_bare_policy_leaves_things_to_fill_and_a_complete_one_leaves_none(report):
    """The findings of `--check`."""
    assert ALL[report](declared()).findings
    assert ALL[report](declared(complete_policy())).findings == ()


@pytest.mark.parametrize("report", ALL)
def test_what_is_to_fill_is_a_key_that_loads(report):
    """The key that a report names is one of the policy's own."""
    bare = declared(make_policy(destinations=EVERY_KIND))
    for one in ALL[report](bare).findings:
        key = one.cell.of.partition(": ")[0]
        if key.startswith("destinations."):
            _, name, *rest = key.split(".")
            table = bare.policy.file.destinations[name]
            known = type(table).model_fields if rest[0] != "records" else DestinationRecords.model_fields
            assert rest[-1] in known or "assessment" in rest
        else:
            table, name = key.split(".")
            assert name in type(getattr(bare.policy.file, table)).model_fields


def test_a_field_beyond_the_allow_list_is_found_in_the_log(tmp_path):
    """A planted one, and a basis that is not declared; what is declared is no difference."""
    folder = write(tmp_path / "audit", line(1), line(2, fields_sent=["page_url", "email_hash"], legal_basis="contract"))
    seen = observe(folder, SINCE, UNTIL)
    made = ropa(declared(), seen, ())
    assert column(made, "Processing", "observed fields")["ga4"].differs
    assert column(made, "Processing", "differences")["ga4"].text == (
        "sent and not declared: email_hash; used and not declared: contract"
    )
    found = [one for one in made.findings if one.sheet == "Fields" and one.cell.differs]
    assert [(one.row, one.cell.text) for one in found] == [("ga4", "1, not declared")]
    assert not column(made, "Processing", "differences")["own"].differs


def test_a_log_that_fits_its_policy_shows_no_difference(tmp_path):
    """Events and fields are counted, blocked deliveries are not among them."""
    folder = write(tmp_path / "audit", line(1), line(2))
    seen = observe(folder, SINCE, UNTIL)
    assert seen.destinations["ga4"].events == 2 and "meta_capi" not in seen.destinations
    assert seen.destinations["ga4"].fields["order_value"] == 2
    assert not any(one.cell.differs for one in ropa(declared(), seen, ()).findings)


def test_the_period_bounds_what_is_looked_at(tmp_path):
    """`since` is inside, `until` is not."""
    folder = write(tmp_path / "audit", line(1) | {"timestamp": "2026-11-10T00:00:00.000Z"})
    inside, before = observe(folder, SINCE.replace(day=10), UNTIL), observe(folder, SINCE, SINCE.replace(day=10))
    assert set(inside.destinations) == {"ga4", "own"} and before.destinations == {}


def test_a_destination_that_the_policy_does_not_declare_is_a_row_that_differs(tmp_path):
    """Removed ones, and their fields."""
    seen = observe(write(tmp_path / "audit", line(1, destination="old")), SINCE, UNTIL)
    made = ropa(declared(), seen, ())
    assert column(made, "Processing", "differences")["old"].differs
    assert "old" in column(made, "Fields", "field")


def test_a_place_outside_of_the_regions_differs():
    """A country, and a region of it."""
    policy = make_policy(destinations={"ga4": EVERY_KIND["ga4"] | {"regions": ["DE", "US-CA"]}})
    seen = Observed(events=3, places={"DE": 1, "US-CA": 1, "DE-BE": 1})
    to = policy.destinations["ga4"]
    assert differences(to, seen) == {}
    seen.places["US-TX"] = seen.places["unknown"] = 1
    assert differences(to, seen) == {"places": "outside of the declared regions: US-TX, unknown"}


def test_without_a_log_nothing_is_said_to_be_nothing(tmp_path):
    """Cells of the log are to fill then."""
    assert observe(tmp_path / "none", SINCE, UNTIL) is None
    made = ropa(declared(complete_policy()), None, ())
    assert {one.column for one in made.findings} >= {"observed events", "observed fields", "differences", "observed"}


@pytest.mark.parametrize(
    ("records", "differs", "said"),
    [
        pytest.param({"countries": ["IE"]}, False, "inside the EEA", id="inside"),
        pytest.param({"countries": ["JP"]}, False, "standard contractual", id="clauses-beside-adequacy"),
        pytest.param({"countries": ["US"], "transfer": "dpf", "fallback": "SCC"}, False, "Privacy Framework", id="dpf"),
        pytest.param({"countries": ["US", "IN"], "transfer": "dpf"}, True, "does not cover IN", id="dpf-elsewhere"),
        pytest.param({"countries": ["IN"], "transfer": "adequacy"}, True, "does not cover IN", id="not-adequate"),
        pytest.param({"countries": ["US"], "transfer": "none"}, True, "does not cover US", id="on-nothing"),
        pytest.param(
            {"countries": ["US"], "transfer": "adequacy"}, True, "does not cover US", id="dpf-is-its-own-word"
        ),
    ],
)
def test_a_transfer_rests_on_what_covers_its_countries(records, differs, said):
    """An adequacy decision or the framework covers what it covers."""
    policy = make_policy(destinations={"ga4": complete(EVERY_KIND["ga4"], **records)})
    cell = column(transfers(declared(policy), EMPTY, ()), "Transfers", "rests on")["ga4"]
    assert cell.differs is differs and said in cell.text


def test_a_framework_without_a_fallback_is_to_fill():
    """The appeal against it is pending."""
    policy = make_policy(destinations={"ga4": complete(EVERY_KIND["ga4"], countries=["US"], transfer="dpf")})
    cell = column(transfers(declared(policy), EMPTY, ()), "Transfers", "fallback")["ga4"]
    assert cell.state is State.FILL


def test_countries_that_are_not_known_are_not_inside():
    """Neither in the list nor in the notice."""
    made = transfers(declared(), EMPTY, ())
    assert column(made, "Transfers", "outside of the EEA")["ga4"].state is State.FILL
    said = words("en")["texts"]["transfers_none"]
    assert said not in {row[1].text for row in notice(declared(), "en", ()).sheets[0].rows}


def test_each_clause_that_is_not_ticked_is_to_fill():
    """Of processors; article 28 does not apply to others."""
    policy = make_policy(destinations={"ga4": complete(EVERY_KIND["ga4"], clauses=["audits"])})
    assert len(dpa(declared(policy), ()).findings) == len(CLAUSES) - 1
    policy = make_policy(destinations={"ga4": complete(EVERY_KIND["ga4"], clauses=[], role="controller")})
    assert dpa(declared(policy), ()).findings == ()


def test_an_assessment_that_is_old_differs():
    """Reviewed more than a year ago, or due."""
    made = lia(declared(complete_policy()), (), date(2028, 1, 1))
    assert {one.cell.text for one in made.findings} == {"2026-11-20, overdue", "2027-11-20, overdue"}


def test_the_questions_and_clauses_are_the_policy_s():
    """law.toml words each word that the policy may use, and no other."""
    assert tuple(law.clauses()) == CLAUSES
    questions = [one for test in law.assessment().values() for one in test]
    asked = DestinationRecords.model_fields["assessment"].annotation.__args__[0].__args__
    assert tuple(questions) == asked


def places(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def leaves(table, path=()):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_words_and_places(language):
    """A text that is missing in one language, or a value that it leaves out, would be a hole in the notice."""
    english, other = dict(leaves(words("en"))), dict(leaves(words(language)))
    assert english.keys() == other.keys()
    for key, value in english.items():
        if isinstance(value, str):
            assert places(value) == places(other[key]), key
            assert other[key].strip() == other[key] != "", key
        elif isinstance(value, bool):
            assert isinstance(other[key], bool), key
        else:
            assert len(value) == len(other[key]), key


def test_the_version_of_a_notice_is_that_of_its_words():
    """Another recipient is another version, another day is not; languages have their own."""
    complete_one = declared(complete_policy())
    first = notice(complete_one, "en", [("made", "today")])
    assert first.version == notice(complete_one, "en", [("made", "tomorrow")]).version
    assert first.version != notice(complete_one, "de", ()).version
    assert first.version != notice(declared(complete_policy(countries=["IE"])), "en", ()).version


def test_the_records_change_no_hash_of_a_policy():
    """They change no decision: a replay by hash finds the same policy."""
    assert (
        make_policy(destinations=EVERY_KIND).hash
        == make_policy(
            destinations={name: table | {"records": {"role": "processor"}} for name, table in EVERY_KIND.items()},
            records={"dpo": "somebody"},
        ).hash
    )


def test_no_secret_is_in_a_report():
    """Reports read the keys that they name."""
    said = declared(complete_policy())
    everything = repr([ALL[report](said) for report in ALL])
    for secret in ("GA4-SECRET", "META-TOKEN", "ADS-TOKEN", "TIKTOK-TOKEN"):
        assert secret not in everything


def test_a_row_that_does_not_fit_its_columns_is_refused():
    """Cells cannot slip into the next column."""
    cell = Cell("x", Origin.PRODUCT, "x")
    with pytest.raises(ValueError, match="does not have 2 cells"):
        Sheet.of("s", ("a", "b"), [(cell,)])
    assert replace(cell, differs=True).state is State.DIFFERS and len(COLUMNS) == len(set(COLUMNS))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unread_translation_says_so(language):
    """On the page, in its own language; and it is written in the direction of the language."""
    made = notice(declared(complete_policy()), language, ())
    assert (words(language)["unreviewed"] in made.note) is not words(language)["reviewed"]
    assert (b'dir="rtl"' in html(made)) is (language == "ar")


@pytest.mark.parametrize("language", sorted({*LANGUAGES} & {*declared().policy.notices.languages}))
def test_the_notice_says_what_visitors_are_asked(language):
    """The same words as the consent notice of the policy."""
    said = declared()
    texts = {row[1].text for row in notice(said, language, ()).sheets[0].rows}
    asked = said.policy.notices.languages[language].purposes
    assert asked and {f"{one.title}: {one.text}" for one in asked} <= texts
