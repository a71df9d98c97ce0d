"""What the log says of a person: the same rows by reading the lines and by asking the columns, with every value."""

import sys

import orjson
import pytest

from gatekeeper.audit import about, segments
from gatekeeper.audit.lines import Line
from gatekeeper.audit.stream import Stream
from gatekeeper.errors import AuditError
from tests.audit.logs import SIGNER, Clock

NAME = "20261124T00000{}.000000Z-1-0000000{}"
JANE, JACK, OTHER = (f"p_{n:022x}" for n in (1, 2, 3))


def decision(n, *subjects, second=0, deliveries=None, **more):
    """A decision line as the log has it."""
    record = {
        "stream": "s", "n": n, "kind": "decision", "timestamp": f"2026-11-24T00:00:{second:02}Z",
        "request_id": f"req_{n}", "event_type": "purchase",
        "consent_state": {"necessary": True, "analytics": True, "marketing": False},
        "deliveries": [SENT, BLOCKED] if deliveries is None else deliveries,
        "jurisdiction": {"country": "DE", "region": "BE", "laws": ["gdpr", "ttdsg"]}, "gpc": {"detected": False},
        "policy": {"version": "v"}, "subjects": list(subjects),
    }  # fmt: skip
    return record | more


SENT = {
    "destination": "ga4", "status": "pending", "consent_basis": "analytics", "legal_basis": "consent",
    "fields_sent": ["page_url", "order_value"], "fields_stripped": ["ip"],
}  # fmt: skip
BLOCKED = {"destination": "ads", "status": "blocked", "reason": "no_marketing_consent"}


def outcome(*names, destination="ga4", status="delivered", reason=None, attempts=1):
    return {
        "stream": "s", "n": 0, "kind": "outcome", "timestamp": "2026-11-24T00:01:00Z", "request_ids": list(names),
        "destination": destination, "status": status, "reason": reason, "attempts": attempts,
    }  # fmt: skip


def row(request_id, second=0, **more):
    """A row of a delivery to `ga4`."""
    return {
        "decided_at": f"2026-11-24T00:00:{second:02}Z", "request_id": request_id, "event": "purchase",
        "destination": "ga4", "status": "pending", "reason": None, "basis": "analytics", "legal_basis": "consent",
        "sent": ["page_url", "order_value"], "country": "DE", "region": "BE", "laws": ["gdpr", "ttdsg"],
        "subjects": [JANE],
    } | more  # fmt: skip


def refused(request_id, second=0, **more):
    """A row of a delivery to `ads`."""
    blocked = {"destination": "ads", "status": "blocked", "reason": "no_marketing_consent"}
    return row(request_id, second, **blocked, basis=None, legal_basis=None, sent=[], **more)


def written(folder, n, records, end=b""):
    """A segment with these lines."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{NAME.format(n, n)}.000001.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in records) + end)
    return path


@pytest.fixture(params=["columns", "lines"])
def ask(request, monkeypatch):
    """A question, with DuckDB and without."""
    if request.param == "lines":
        monkeypatch.setitem(sys.modules, "duckdb", None)

    def asked(folder, *names, others=()):
        with about.opened(folder, others) as log:
            return log.about(names)

    asked.counts = lambda folder, *names, others=(): opened(folder, others, names)

    def opened(folder, others, names):
        with about.opened(folder, others) as log:
            return log.counts(names)

    return asked


def test_every_delivery_of_every_event_that_names_the_person_is_a_row(tmp_path, ask):
    """The oldest first, each with how it ended; events of others are none."""
    written(tmp_path, 1, [
        decision(2, JANE, second=5), decision(1, JANE, JACK, second=1), decision(3, JACK), outcome("req_2"),
        outcome("req_1", status="failed", reason="http_500", attempts=3), outcome("req_3", status="failed"),
        outcome("req_2", destination="ads"),
    ])  # fmt: skip
    found = ask(tmp_path, JANE, OTHER)
    assert sorted(found.rows, key=lambda one: (one["decided_at"], one["destination"])) == [
        refused("req_1", 1, subjects=[JANE, JACK]),
        row("req_1", 1, status="failed", reason="http_500", subjects=[JANE, JACK]),
        refused("req_2", 5), row("req_2", 5, status="delivered"),
    ]  # fmt: skip
    assert [one["request_id"] for one in found.rows] == ["req_1", "req_1", "req_2", "req_2"]
    assert (found.lines, found.open, found.torn, found.requests) == (2, 0, 0, {"req_1", "req_2"})
    assert sorted(map(sorted, found.together)) == [[JANE], [JANE, JACK]]
    assert all(list(one) == list(about.COLUMNS) for one in found.rows)


def test_a_person_of_whom_nothing_is_told_has_no_row(tmp_path, ask):
    """Nor has one whose pseudonym stands elsewhere than among the subjects."""
    written(tmp_path, 1, [decision(1, JACK, event_type=JANE), outcome("req_1")])
    found = ask(tmp_path, JANE)
    assert found == about.About((), 0, 0, 0, 0, (), frozenset())
    assert ask.counts(tmp_path, JANE) == {} == ask.counts(tmp_path)


def test_an_event_that_went_nowhere_is_a_line_and_no_row(tmp_path, ask):
    """It names the person all the same; a place that is not known is none."""
    written(tmp_path, 1, [decision(1, JANE, deliveries=[]), decision(2, JANE, jurisdiction=None)])
    found = ask(tmp_path, JANE)
    assert (len(found.rows), found.lines, found.requests) == (2, 2, {"req_1", "req_2"})
    assert {(one["country"], one["region"]) for one in found.rows} == {(None, None)}


def test_a_group_is_as_many_events(tmp_path, ask):
    """Each has an id of its own, and one of the request; each may end in its own way."""
    written(tmp_path, 1, [
        decision(1, JANE, count=2, deliveries=[SENT]), decision(2, JANE, deliveries=[BLOCKED]), outcome("req_1.1"),
    ])  # fmt: skip
    found = ask(tmp_path, JANE)
    told = {one["request_id"]: (one["destination"], one["status"]) for one in found.rows}
    assert told == {"req_1.0": ("ga4", "pending"), "req_1.1": ("ga4", "delivered"), "req_2": ("ads", "blocked")}
    assert found.lines == 3 and found.requests == {"req_1", "req_2"}
    assert ask.counts(tmp_path, JANE, JACK) == {JANE: 3}


def test_each_pseudonym_is_counted(tmp_path, ask):
    """In how many decisions it is; of several machines' logs a line that stands twice counts once."""
    written(tmp_path / "a", 1, [decision(1, JANE, JACK), decision(2, JANE)])
    written(tmp_path / "b", 2, [decision(1, JANE, JACK), decision(3, JACK), outcome("req_2", status="failed")])
    assert ask.counts(tmp_path / "a", JANE, JACK) == {JANE: 2, JACK: 1}
    assert ask.counts(tmp_path / "a", JANE, JACK, OTHER, others=[tmp_path / "b"]) == {JANE: 2, JACK: 2}
    found = ask(tmp_path / "a", JANE, others=[tmp_path / "b"])
    assert found.lines == 2 and len(found.rows) == 4
    assert {one["status"] for one in found.rows if one["request_id"] == "req_2"} == {"failed", "blocked"}


def test_remains_of_crashes_that_name_the_person_are_counted(tmp_path, ask):
    """And so are the files of columns, where there are any rows."""
    written(tmp_path, 1, [decision(1, JANE)])
    (tmp_path / f"{NAME.format(1, 1)}.torn").write_bytes(b'{"subjects":["' + JANE.encode())
    (tmp_path / f"{NAME.format(2, 2)}.torn").write_bytes(b'{"subjects":["' + JACK.encode())
    assert ask(tmp_path, JANE).torn == 1 == len(about.torn(tmp_path, [JANE]))
    assert [path.name for path in about.torn(tmp_path, [JANE, JACK])] == [f"{NAME.format(n, n)}.torn" for n in (1, 2)]
    segments.pack(segments.parse(tmp_path / f"{NAME.format(1, 1)}.000001.jsonl"))
    (tmp_path / "columns").mkdir()
    (tmp_path / "columns" / "other.txt").write_bytes(b"")
    before = len([*(tmp_path / "columns").glob("*.parquet")])
    found = ask(tmp_path, JANE)
    assert found.columns == len([*(tmp_path / "columns").glob("*.parquet")]) >= before and found.lines == 1


def test_lines_in_a_segment_that_is_still_written_to_are_counted(tmp_path, ask):
    """They are cut only once it is closed."""
    lines = []
    for n, name in enumerate((JANE, JACK, JANE)):
        core = {key: value for key, value in decision(n).items() if key not in ("stream", "n", "subjects")}
        lines.append(Line(orjson.dumps(core), (name,)))
    stream = Stream(tmp_path, clock=Clock(), signer=SIGNER)
    stream.write(lines)
    assert ask(tmp_path, JANE).open == 2
    stream.close()
    assert ask(tmp_path, JANE).open == 0


def test_a_log_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    """Of its kind, without DuckDB, too."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    (tmp_path / f"{NAME.format(1, 1)}.000001.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(AuditError, match=rf"^{tmp_path}: the audit log cannot be read \(BadGzipFile\)$"):
        about.about(tmp_path, [JANE])
