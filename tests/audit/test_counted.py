"""What is counted beside the columns says the same as all rows of the log, one by one."""

import gzip
import random
from collections import Counter
from datetime import datetime, timedelta

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatekeeper.audit import columns, counted, numbers, query
from gatekeeper.audit.query import Filter
from tests.sizes import sized

BEGIN = datetime(2026, 11, 30, 10)
MINUTES = 180
NAMES = ("own", "ads")


def line(n, at, chance):
    """A decision: for one event or several, for two destinations, one or none."""
    refused = chance.random() < 0.4
    deliveries = [
        {
            "destination": name, "status": "blocked" if refused else "pending",
            "reason": chance.choice(["gpc_opt_out", "consent_denied"]) if refused else None,
            "fields_sent": [] if refused else chance.choice([["page_url"], ["page_url", "email_hash"]]),
            "fields_stripped": chance.choice([["ip"], []]),
        }
        for name in NAMES[: chance.randrange(3)]
    ]  # fmt: skip
    many = {"count": 3} if chance.random() < 0.1 else {}
    return many | {
        "kind": "decision", "timestamp": at.isoformat(timespec="milliseconds") + "Z", "request_id": f"req_{n:05}",
        "event_type": chance.choice(["purchase", "page_view"]),
        "consent_state": {"necessary": True, "analytics": chance.random() < 0.5, "marketing": chance.random() < 0.3},
        "deliveries": deliveries, "gpc": {"detected": chance.random() < 0.2}, "policy": {"version": "p"},
        "jurisdiction": {"country": chance.choice(["DE", None]), "region": None, "laws": chance.choice([["gdpr"], []])},
        "subjects": [f"p_{n % 40:022x}"],
    }  # fmt: skip


def outcomes(record, chance):
    """What became of a decision: at once, later, or not yet."""
    for one in record["deliveries"]:
        if one["status"] == "pending" and chance.random() < 0.9:
            ids = [record["request_id"]]
            if "count" in record:
                ids = [f"{record['request_id']}.{n}" for n in range(record["count"])]
            failed = chance.random() < 0.1
            yield {
                "kind": "outcome", "request_ids": ids, "destination": one["destination"], "attempts": 1,
                "status": "failed" if failed else "delivered", "reason": "http_500" if failed else None,
            }  # fmt: skip


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Three closed segments and an open one, with outcomes in the segment of their decision and in later ones."""
    folder, chance = tmp_path_factory.mktemp("audit"), random.Random(5)
    parts = [[], [], [], []]
    for n in range(400):
        at = BEGIN + timedelta(minutes=MINUTES * n / 400)
        at = counted.floor(at) if n % 50 == 0 else at  # on the edge of a quarter
        part = n // 100
        record = line(n, at, chance)
        parts[part].append(record)
        for one in outcomes(record, chance):
            parts[min(3, part + (chance.random() < 0.3))].append(one)
    for n, part in enumerate(parts[:3]):
        with gzip.open(folder / f"seg-{n}.jsonl.gz", "wb") as file:
            file.write(b"".join(orjson.dumps(one) + b"\n" for one in part))
    (folder / "seg-3.jsonl").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in parts[3]))
    with columns.connect(folder) as connection:
        found = connection.execute("SELECT * FROM log")
        names = [one[0] for one in found.description]
        return folder, [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def fits(row, which):
    """Whether a row is one that a filter asks for, told without SQL."""
    return (
        (which.since is None or row["decided_at"] >= which.since)
        and (which.until is None or row["decided_at"] < which.until)
        and all(
            getattr(which, name) in (None, row[name])
            for name in ("destination", "status", "reason", "event", "country")
        )
        and (which.law is None or which.law in (row["laws"] or ()))
        and all(getattr(which, name) is None or getattr(which, name) in row[name] for name in ("sent", "stripped"))
        and which.request_id in (None, row["request_id"])
        and (which.subjects is None or not which.subjects.isdisjoint(row["subjects"]))
    )


def maybe(*values):
    return st.sampled_from([None, None, *values])


TIMES = st.one_of(
    st.none(),
    st.integers(-20, MINUTES + 20).map(lambda n: BEGIN + timedelta(minutes=n)),
    st.integers(0, MINUTES // 15).map(lambda n: BEGIN + timedelta(minutes=15 * n)),
)
FILTERS = st.builds(
    Filter, since=TIMES, until=TIMES, destination=maybe(*NAMES), status=maybe("pending", "failed", "blocked"),
    reason=maybe("http_500", "gpc_opt_out"), law=maybe("gdpr"), event=maybe("purchase"), country=maybe("DE"),
    sent=maybe("email_hash"), stripped=maybe("ip"), subjects=maybe(frozenset({f"p_{3:022x}"})),
)  # fmt: skip


@settings(max_examples=sized(400, 4), deadline=None)  # each asks DuckDB and the whole log
@example(which=Filter(subjects=frozenset({f"p_{3:022x}"})), limit=100)
@example(which=Filter(request_id="req_00007"), limit=100)
@given(which=FILTERS, limit=st.sampled_from([1, 7, 100, 10_000]))
def test_every_number_and_every_row_is_the_logs(log, which, limit):
    """Of any question: fields, endings, permissions, statistics, and the newest rows."""
    folder, every = log
    rows = [row for row in every if fits(row, which)]
    deliveries = [row for row in rows if row["destination"] is not None]
    fields = numbers.fields(folder, which)
    assert fields.deliveries == len(deliveries)
    for name in ("sent", "stripped"):
        assert getattr(fields, name) == Counter(one for row in deliveries for one in row[name])
    assert fields.endings == Counter((row["status"], row["reason"]) for row in deliveries)
    events = [row for row in rows if row["once"]]
    expected = [
        (
            f"{hour:%Y-%m-%d %H:00}",
            len(those),
            *(sum(map(bool, those.each(name))) for name in ("analytics", "marketing", "gpc")),
        )
        for hour, those in by_hour(events)
    ]
    assert [tuple(one) for one in numbers.permissions(folder, which, by="hour")] == expected
    told = numbers.statistics(folder, which, by="hour")
    assert told.destinations == nested(Counter((row["destination"], row["status"]) for row in deliveries))
    assert sum(one.events for one in told.periods) == len(events)
    blocked = sum((Counter(one.blocked) for one in told.periods), Counter())
    assert blocked == Counter(row["reason"] for row in deliveries if row["status"] == "blocked")
    newest = sorted(deliveries, key=lambda row: (row["decided_at"], row["request_id"]), reverse=True)
    found = query.rows(folder, which, limit=limit)
    assert [one["request_id"] for one in found] == [row["request_id"] for row in newest[:limit]]


class Rows(list):
    """Rows of one hour."""

    def each(self, name):
        return [row[name] for row in self]


def by_hour(rows):
    hours = {}
    for row in rows:
        hours.setdefault(row["decided_at"].replace(minute=0, second=0, microsecond=0), Rows()).append(row)
    return sorted(hours.items())


def nested(counts):
    made = {}
    for (destination, status), count in counts.items():
        made.setdefault(destination, {})[status] = count
    return made


@pytest.mark.parametrize("word", ["status", "stripped", "law", "policy"])
def test_every_word_of_the_log_is_known_and_no_other(log, word):
    """A status that no delivery has any more is none of them."""
    folder, every = log
    column = "laws" if word == "law" else word
    values = {one for row in every for one in (row[column] if isinstance(row[column], list) else [row[column]])}
    assert query.words(folder, word) == values - {None}


def test_columns_without_counts_get_them(log):
    """Those that an older version has made: nothing else of them is made again."""
    folder, _ = log
    before = {path: path.stat().st_mtime_ns for path in (folder / columns.FOLDER).iterdir()}
    for path in (folder / columns.FOLDER).glob("counts-*"):
        path.unlink()
    assert numbers.fields(folder, Filter()).deliveries
    after = {path: path.stat().st_mtime_ns for path in (folder / columns.FOLDER).iterdir()}
    assert after.keys() == before.keys()
    assert {path for path in after if after[path] != before[path]} == {*(folder / columns.FOLDER).glob("counts-*")}


def test_a_question_reads_no_older_time_than_it_needs(log):
    """The newest rows that fit are in one quarter of an hour; those of a rare reason in as many as there are."""
    folder, every = log
    newest = max(row["decided_at"] for row in every)
    with columns.connect(folder) as connection:
        when = query.newest_when(connection, Filter(destination="own"), 1)
        assert when == counted.within([counted.floor(newest)])
        rare = query.newest_when(connection, Filter(reason="http_500"), 10_000)
    assert rare == counted.within({counted.floor(row["decided_at"]) for row in every if row["reason"] == "http_500"})


def test_many_quarters_are_one_span():
    """A question does not grow with the log."""
    times = [BEGIN + 2 * n * counted.STEP for n in range(65)]
    assert counted.within(times[:64]).count("OR") == 63 and counted.within([]) == "false"
    assert counted.within(times) == (
        f"((decided_at >= {counted.text(times[0])} AND decided_at < {counted.text(times[-1] + counted.STEP)}))"
    )
    assert counted.within([BEGIN, BEGIN + counted.STEP]).count("AND") == 1
