"""Questions over the log: what is found, what is not, and what is written."""

import csv
import gzip
import io
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import duckdb
import orjson
import pytest
from typer.testing import CliRunner

from gatekeeper.audit import columns, numbers, page, query
from gatekeeper.audit.lines import decision_line, outcome_line
from gatekeeper.audit.query import Filter, moment, pseudonyms
from gatekeeper.cli import app
from gatekeeper.errors import ConfigError
from gatekeeper.installation import keys
from tests.builders import GUIDE_EVENT, HASH, NOW, RING, make_gate, plan

DAY = 86_400.0


def test_of_a_folder_without_a_log_no_word_is_known_and_duckdb_is_not_asked(tmp_path, monkeypatch):
    """Nor is anything made in it; where there is a log, the extra is named."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    (tmp_path / "two").mkdir()
    assert query.words(tmp_path, "destination", [tmp_path / "two", tmp_path / "three"]) == frozenset()
    assert [*tmp_path.iterdir()] == [tmp_path / "two"]
    (tmp_path / "two" / "20261124T000000.000000Z-1-00000000.000001.jsonl").touch()
    with pytest.raises(ConfigError, match="query"):
        query.words(tmp_path, "destination", [tmp_path / "two"])


def event(n, *, day=0, granted=(), data=None, name="purchase", headers=()):
    """A decision line of its own day and request id, as an object."""
    gate = make_gate()
    made = plan(
        GUIDE_EVENT
        | {
            "event": name,
            "consent": {"analytics": "analytics" in granted, "marketing": "marketing" in granted},
            "data": GUIDE_EVENT["data"] | (data or {}),
        },
        gate=gate,
        headers=headers,
    )
    record = orjson.loads(decision_line(made, gate.policy).core)
    at = datetime.fromtimestamp(NOW + day * DAY).astimezone().timestamp()
    from gatekeeper.audit.lines import timestamp

    return record | {"request_id": f"req_{n:03}", "timestamp": timestamp(at), "subjects": list(made.subjects)}


def ended(*numbers, destination="ga4", status="delivered", why=None):
    """An outcome line, as an object."""
    line = outcome_line(
        at=NOW,
        destination=destination,
        request_ids=[f"req_{n:03}" for n in numbers],
        status=status,
        why=why,
        attempts=2,
    )
    return orjson.loads(line.core)


def write(folder, *segments, opened=()):
    """A log of closed segments, and an open one."""
    folder.mkdir(exist_ok=True)
    for n, lines in enumerate(segments):
        with gzip.open(folder / f"seg-{n}.jsonl.gz", "wb") as file:
            file.write(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    (folder / "seg-9.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in opened) + b'{"kind":"dec')


@pytest.fixture
def log(tmp_path):
    """Two closed segments, an outcome in the segment after its decision, an open segment with a torn tail."""
    folder = tmp_path / "audit"
    write(
        folder,
        [
            event(1, granted=("analytics",), data={"user_id": "u-77"}),
            event(2, day=1, granted=("analytics", "marketing"), data={"email_hash": HASH}),
            ended(1),
        ],
        [ended(2), ended(2, destination="own", status="failed", why="http_400")],
        opened=[event(3, day=2, headers=[("sec-gpc", "1")], granted=("analytics",)), ended(3)],
    )
    return folder


def found(folder, **which):
    """Request and destination of the rows a filter finds."""
    return {(row["request_id"], row["destination"]) for row in query.rows(folder, Filter(**which), limit=100)}


def test_an_outcome_in_a_later_segment_is_joined(log):
    """Status, reason and attempts come from the last outcome, wherever it stands."""
    rows = {(row["request_id"], row["destination"]): row for row in query.rows(log, Filter(), limit=100)}
    assert rows["req_001", "ga4"]["status"] == rows["req_002", "ga4"]["status"] == "delivered"
    assert (rows["req_002", "own"]["status"], rows["req_002", "own"]["reason"]) == ("failed", "http_400")
    assert rows["req_002", "own"]["attempts"] == 2
    assert rows["req_001", "own"]["status"] == "pending"


def test_the_newest_come_first_however_old_they_are(tmp_path):
    """Looking at the last days first finds the same as looking at everything."""
    events = [event(1, day=-400, granted=("analytics",)), event(2, day=-20), event(3, day=-19), event(4)]
    write(tmp_path / "audit", events[:2], events[2:])

    def numbers(limit, **which):
        rows = query.rows(tmp_path / "audit", Filter(destination="ga4", **which), limit=limit)
        return [int(row["request_id"][-1]) for row in rows]

    assert [numbers(n) for n in (1, 2, 3, 9)] == [[4], [4, 3], [4, 3, 2], [4, 3, 2, 1]]
    assert numbers(9, status="pending") == [1]
    assert numbers(1, until=datetime(2026, 11, 10)) == [3]
    assert numbers(2, until=datetime(2026, 11, 4)) == [1]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        pytest.param({"destination": "meta_capi", "status": "blocked"}, {"req_001", "req_003"}, id="blocked"),
        pytest.param({"reason": "gpc_opt_out"}, {"req_003"}, id="reason"),
        pytest.param({"since": datetime(2026, 11, 25), "until": datetime(2026, 11, 26)}, {"req_002"}, id="time"),
        pytest.param({"sent": "email_hash"}, {"req_002"}, id="field-sent"),
        pytest.param({"stripped": "fbclid", "destination": "ga4"}, {"req_001", "req_002", "req_003"}, id="stripped"),
        pytest.param({"event": "no_such"}, set(), id="event"),
        pytest.param({"request_id": "req_001"}, {"req_001"}, id="request"),
    ],
)
def test_a_filter_finds_what_it_says(log, which, expected):
    """Every filter, alone or with another."""
    assert {request for request, _ in found(log, **which)} == expected


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        pytest.param({"user_id": "u-77"}, {"req_001"}, id="user-id"),
        pytest.param({"email": HASH.upper()}, {"req_002"}, id="hashed-email"),
        pytest.param({"user_id": "somebody else"}, set(), id="nobody"),
    ],
)
def test_a_person_is_found_by_any_identifier_the_app_uses(log, person, expected):
    """Through the keyed pseudonym: the log itself holds none of them."""
    assert {request for request, _ in found(log, subjects=pseudonyms(RING, person))} == expected


def test_what_is_no_email_address_is_refused():
    """A typo must not read as "nothing was sent"."""
    with pytest.raises(ConfigError, match="neither an e-mail address"):
        pseudonyms(RING, {"email": "a@@b"})


def test_a_segment_that_changed_is_read_again_and_its_old_columns_go(log):
    """After a redaction nothing of the old segment is left beside the log."""
    query.rows(log, Filter(), limit=1)
    before = {path.name for path in (log / columns.FOLDER).iterdir()}
    write(log, [event(1, granted=("analytics",)) | {"subjects": []}, ended(1)], [])
    assert found(log, subjects=pseudonyms(RING, {"user_id": "u-77"})) == set()
    after = {path.name for path in (log / columns.FOLDER).iterdir()}
    assert len(after) == 8 and not {name for name in before & after if "seg-0" in name}
    columns.forget(log)
    assert list((log / columns.FOLDER).iterdir()) == []


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_an_export_holds_every_row(log, tmp_path, suffix):
    """The same rows in every format."""
    target = tmp_path / f"out{suffix}"
    count = query.export(log, Filter(), target)
    assert count == len(query.rows(log, Filter(), limit=100))
    assert target.stat().st_mode & 0o137 == 0  # it holds pseudonyms: others cannot read it, as they cannot read the log
    assert duckdb.connect().execute(f"SELECT count(*) FROM '{target}'").fetchall() == [(count,)]
    if suffix != ".parquet":  # times as in the log
        assert query.rows(log, Filter(), limit=1)[0]["decided_at"] in target.read_text()


def test_a_spreadsheet_cannot_be_made_to_calculate(tmp_path):
    """CSV injection: the cells of names an outsider can choose."""
    folder = tmp_path / "audit"
    write(folder, [event(1) | {"event_type": "=cmd|' /C calc'!A0"}])
    query.export(folder, Filter(), tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        assert {row["event"] for row in csv.DictReader(file)} == {"'=cmd|' /C calc'!A0"}


TEXTS = ("event", "destination", "reason", "basis", "legal_basis", "policy", "request_id", "sent", "stripped", "laws")


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t"])
def test_no_cell_of_a_text_begins_like_a_formula(tmp_path, begins):
    """Nor one of several texts; in the CSV of a page neither."""
    bad, folder = f"{begins}1", tmp_path / "audit"
    one = {"destination": bad, "status": "pending", "reason": bad, "consent_basis": bad, "legal_basis": bad}
    place = {"country": "DE", "region": None, "laws": [bad]}
    told = {"event_type": bad, "request_id": bad, "policy": {"version": bad}, "jurisdiction": place}
    write(folder, [event(1) | told | {"deliveries": [one | {"fields_sent": [bad], "fields_stripped": [bad]}]}])
    query.export(folder, Filter(), tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    page = io.StringIO()
    query.write_csv(query.rows(folder, Filter(), limit=9), page)
    (again,) = csv.DictReader(io.StringIO(page.getvalue()))
    for found in (row, again):
        assert list(found) == list(query.COLUMNS)
        assert {name: found[name] for name in TEXTS} == dict.fromkeys(TEXTS, f"'{bad}")


def test_statistics_count_events_once_and_deliveries_each(log):
    """Three events on three days, four destinations."""
    made = numbers.statistics(log, Filter())
    assert [(one.begins, one.events, one.analytics, one.marketing, one.gpc) for one in made.periods] == [
        ("2026-11-24", 1, 1, 0, 0),
        ("2026-11-25", 1, 1, 1, 0),
        ("2026-11-26", 1, 1, 0, 1),
    ]
    assert made.periods[2].blocked == {"gpc_opt_out": 1}
    assert made.destinations["ga4"] == {"delivered": 3}


def test_the_page_loads_nothing_and_names_every_reason(log):
    """Self-contained, escaped, and with each series in it."""
    text = page.render(numbers.statistics(log, Filter()), title="<b>")
    assert "gpc_opt_out" in text and "no_marketing_consent" in text and "analytics" in text
    assert "http" not in text.replace("http-equiv", "") and "<b>" not in text and "<script" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-11-24", datetime(2026, 11, 24), id="day"),
        pytest.param("2026-11-24T10:00:00+02:00", datetime(2026, 11, 24, 8), id="zone"),
        pytest.param("36h", datetime(2026, 11, 23, 12), id="span"),
    ],
)
def test_times_on_the_command_line(text, expected):
    """All are UTC inside."""
    assert moment(text, datetime(2026, 11, 25)) == expected


@pytest.fixture
def policy(log, tmp_path):
    """A policy over that log, with the key ring the log was written with."""
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    for name, key in (("signing-s1", RING.signing[0]), ("pseudonym-p1", RING.pseudonym[0])):
        (folder / f"{name}.key").write_text(key.secret.hex() + "\n")
        (folder / f"{name}.key").chmod(0o600)
    file = tmp_path / "gatekeeper.toml"
    file.write_text('[policy]\nversion = "t"\ncontroller = "c"\n[audit]\npath = "audit"\n[keys]\npath = "keys"\n')
    return str(file)


def run(*arguments, stdin=None):
    """The command's output, having succeeded."""
    result = CliRunner().invoke(app, ["audit", *arguments], input=stdin)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_the_commands_answer_about_a_person(policy):
    """As an operator on the phone would ask, with the identifier the app uses, never shown in a process list."""
    rows = [json.loads(line) for line in run("query", "-c", policy, "--user-id", "u-77", "--json").splitlines()]
    assert {row["request_id"] for row in rows} == {"req_001"} and len(rows) == 3
    assert run("query", "-c", policy, "--email", "-", "--format", "csv", stdin=HASH + "\n").count("req_002") == 3
    assert "delivered" in run("query", "-c", policy)


def test_the_commands_draw_and_export(policy, tmp_path):
    """A chart in the terminal, a page, and a file."""
    shown = run("stats", "-c", policy, "--html", str(tmp_path / "stats.html"))
    assert "gpc_opt_out" in shown and "█" in shown and (tmp_path / "stats.html").exists()
    assert json.loads(run("stats", "-c", policy, "--json", "--by", "month"))["periods"][0]["events"] == 3
    assert "rows written" in run("export", str(tmp_path / "all.parquet"), "-c", policy)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["export", "all.xls"], "write to a file that ends in", id="format"),
        pytest.param(["query", "--since", "yesterday"], "is not a time", id="time"),
        pytest.param(["stats", "--by", "fortnight"], "use hour, day, week or month", id="step"),
        pytest.param(["query", "--format", "xml"], "use table, json or csv", id="query-format"),
    ],
)
def test_bad_words_are_named(policy, arguments, message):
    """Each says what would be right."""
    result = CliRunner().invoke(app, ["audit", *arguments, "-c", policy], env={"COLUMNS": "200"})
    assert result.exit_code == 2 and message in " ".join(result.output.split())


def test_without_the_extra_one_sentence_says_what_to_install(log, monkeypatch):
    """The core does not need DuckDB."""
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(ConfigError, match=r"gatekeeper-consent\[query\]"):
        columns.connect(log)


def test_keys_that_are_gone_are_an_error_not_an_empty_answer(policy, tmp_path):
    """Without the key nobody can be found, which must not look like "nothing was sent"."""
    shutil.rmtree(tmp_path / "keys")
    result = CliRunner().invoke(app, ["audit", "query", "-c", policy, "--user-id", "u"])
    assert isinstance(result.exception, ConfigError) and "no signing key" in str(result.exception)
    assert keys.SIGNING == "signing"


def test_two_who_ask_at_once_do_not_take_each_others_columns_away(log):
    """Whoever comes second waits for the columns, and makes none of its own."""
    with ThreadPoolExecutor(2) as pool:
        with columns.alone(log):
            asked = [pool.submit(query.rows, log, Filter(), limit=1000) for _ in range(2)]
            assert not any(one.done() for one in asked)
        first, second = (one.result(10) for one in asked)
    assert first == second and first
    made = sorted((log / columns.FOLDER).iterdir())
    asked_again = query.rows(log, Filter(), limit=1000)
    assert asked_again == first and sorted((log / columns.FOLDER).iterdir()) == made


def test_columns_of_which_a_part_is_gone_are_made_anew(log):
    """Somebody may delete files there at any time."""
    before = query.rows(log, Filter(), limit=1000)
    for path in (log / columns.FOLDER).glob("late-*"):
        path.unlink()
    assert query.rows(log, Filter(), limit=1000) == before


def test_a_segment_that_is_compressed_meanwhile_is_read_all_the_same(log, monkeypatch):
    """Between looking for the files and reading them."""
    expected = query.rows(log, Filter(), limit=1000)
    real, once = columns.wanted_segments, []

    def look(folder):
        closed, opened = real(folder)
        if once:
            return closed, opened
        once.append(True)
        return closed, [folder / "20261124T080000.000000Z-1-00000000.000009.jsonl"]

    monkeypatch.setattr(columns, "wanted_segments", look)
    assert query.rows(log, Filter(), limit=1000) == expected


def test_a_pseudonym_is_looked_for_without_any_key(log, tmp_path):
    """An auditor has the folder, and no keys."""
    subject = next(one for row in query.rows(log, Filter(), limit=1000) for one in row["subjects"])
    policy = tmp_path / "gatekeeper.toml"
    policy.write_text(
        f'[policy]\nversion = "1"\ncontroller = "Shop"\n[audit]\npath = "{log}"\n[keys]\npath = "none"\n'
        '[storage]\nurl = "sqlite:///gatekeeper.db"\n'
        '[destinations.own]\nkind = "first_party"\nendpoint = "http://127.0.0.1:9/"\n'
    )
    answer = CliRunner().invoke(app, ["audit", "query", "--config", str(policy), "--subject", subject, "--json"])
    assert answer.exit_code == 0, answer.output
    assert answer.output.count(subject) >= 1


def test_no_more_rows_than_asked_for_whatever_the_optimizer_makes_of_it(tmp_path):
    """Outcomes in a stream of another process, none of them of the destination that is asked for."""
    folder = tmp_path / "audit"
    write(folder, [event(n, day=n % 40) for n in range(60)], [ended(n) for n in range(60)])
    found = query.rows(folder, Filter(destination="meta_capi", status="blocked"), limit=7)
    assert len(found) == 7 and [row["decided_at"] for row in found] == sorted(
        (row["decided_at"] for row in found), reverse=True
    )
    assert len(query.rows(folder, Filter(destination="meta_capi", status="blocked"), limit=50)) == 50
