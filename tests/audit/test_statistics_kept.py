"""Numbers that outlive their lines: no cell is so small that it tells of one visitor, and none is counted twice."""

from collections import Counter

import orjson
import pytest

from gatekeeper.audit import segments, statistics
from gatekeeper.audit.segments import Segment
from gatekeeper.audit.statistics import Cell, forget, keep, kept, merged
from gatekeeper.errors import AuditError

NAME = "20261124T000000.000000Z-1-0000000{}"
CELL = Cell("2026-11-24", "ga4", "delivered", None, "gdpr", True, False)
NO_REASONS = Cell("2026-11-24", "ga4", "delivered", "other", "other", None, None)
BARE = Cell("2026-11-24", "other", "other", "other", "other", None, None)


def other(n, **more):
    return CELL._replace(laws=f"law {n}", **more)


MERGED = {
    "large": ({CELL: 5}, {CELL: 5}),
    "small-alone": ({CELL: 4}, {BARE: 4}),
    "small-together": ({other(1): 3, other(2): 2}, {NO_REASONS: 5}),
    "beside-a-large-one": ({CELL: 9, other(1): 4}, {CELL: 9, BARE: 4}),
    "of-two-destinations": ({other(1): 3, other(2, destination="own"): 3}, {BARE: 6}),
    "of-two-statuses": ({other(1): 4, other(2, status="failed"): 4}, {BARE: 8}),
    "of-two-days": ({other(1): 3, other(2, day="2026-11-25"): 3}, {BARE: 3, BARE._replace(day="2026-11-25"): 3}),
    "none": ({}, {}),
}


@pytest.mark.parametrize(("counts", "expected"), MERGED.values(), ids=MERGED)
def test_cells_of_fewer_than_five_are_merged(counts, expected):
    """First without reason, laws and consent, then without the destination; no event is lost."""
    found = merged(Counter(counts))
    assert found == expected and sum(found.values()) == sum(counts.values())


def segment(folder, n, records):
    """A segment with these lines."""
    path = folder / f"{NAME.format(n)}.000001.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in records))
    found = segments.parse(path)
    assert isinstance(found, Segment)
    return found


def decision(n, status="pending", reason=None, at="2026-11-24T10:00:00Z", **more):
    one = {"destination": "ga4", "status": status} | ({} if reason is None else {"reason": reason})
    return {
        "kind": "decision", "timestamp": at, "request_id": f"req_{n}", "deliveries": [one],
        "consent_state": {"necessary": True, "analytics": True, "marketing": False},
        "jurisdiction": {"country": "DE", "laws": ["gdpr", "ttdsg"]},
    } | more  # fmt: skip


def outcome(*names, status="delivered", reason=None, destination="ga4"):
    return {
        "kind": "outcome", "timestamp": "2026-11-24T10:00:01Z", "request_ids": list(names), "status": status,
        "reason": reason, "destination": destination, "attempts": 1,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Where a log is."""
    made = tmp_path / "audit"
    made.mkdir()
    return made


def test_a_segment_is_a_block_of_its_cells(folder):
    """With the last outcome of each delivery, wherever it stands; a group counts as many times as it is."""
    late = "2026-11-25T23:59:59Z"
    first = segment(folder, 1, [
        {"kind": "genesis", "timestamp": "2026-11-23T00:00:00Z"},
        *[decision(n) for n in range(6)],
        decision("g", "blocked", "gpc_opt_out", count=7),
        decision("p", at=late, count=5),
    ])  # fmt: skip
    second = segment(folder, 2, [outcome(*[f"req_{n}" for n in range(6)], status="failed", reason="http_500"),
                                 outcome("req_p.0", destination="own"), outcome("req_g.0")])  # fmt: skip
    keep(folder, [first, second])
    laws = {"laws": "gdpr ttdsg", "analytics": True, "marketing": False}
    cells = {(one["status"], one["reason"]): one for one in kept(folder)[0]["cells"]}
    assert cells == {
        ("failed", "http_500"): {
            "day": "2026-11-24", "destination": "ga4", "status": "failed", "reason": "http_500", **laws, "count": 6,
        },
        ("blocked", "gpc_opt_out"): {
            "day": "2026-11-24", "destination": "ga4", "status": "blocked", "reason": "gpc_opt_out", **laws, "count": 7,
        },
        ("pending", None): {
            "day": "2026-11-25", "destination": "ga4", "status": "pending", "reason": None, **laws, "count": 5,
        },
    }  # fmt: skip
    assert [(block["segment"], block["until"]) for block in kept(folder)] == [
        (f"{NAME.format(1)}.000001", "2026-11-25"), (f"{NAME.format(2)}.000001", "2026-11-24"),
    ]  # fmt: skip
    assert statistics.path(folder) == folder.parent / "statistics.jsonl"


def test_a_segment_is_counted_once(folder):
    """The file is written again only where there is something new."""
    one, two = segment(folder, 1, [decision(1)]), segment(folder, 2, [decision(2)])
    keep(folder, [one])
    before = statistics.path(folder).stat()
    keep(folder, [one])
    assert statistics.path(folder).stat().st_mtime_ns == before.st_mtime_ns
    keep(folder, [two, one])
    assert [block["segment"][-8:] for block in kept(folder)] == ["1.000001", "2.000001"]


def test_blocks_are_forgotten_by_their_last_day(folder):
    """Those that end on the day itself stay; a count alone removes nothing."""
    assert kept(folder) == [] and forget(folder, "2026-11-25") == 0
    keep(folder, [segment(folder, 1, [decision(1)]), segment(folder, 2, [decision(2, at="2026-11-25T00:00:00Z")])])
    assert forget(folder, "2026-11-25", only_count=True) == 1 and len(kept(folder)) == 2
    assert forget(folder, "2026-11-24") == 0
    assert forget(folder, "2026-11-25") == 1 and [block["until"] for block in kept(folder)] == ["2026-11-25"]


def test_what_cannot_be_read_or_written_is_told_by_its_file(folder, monkeypatch):
    """A damaged file is not taken for an empty one."""
    where = statistics.path(folder)
    where.write_bytes(b"{\n")
    with pytest.raises(AuditError, match=rf"^{where}: cannot be read \(JSONDecodeError\)$"):
        kept(folder)
    where.unlink()
    keep(folder, [segment(folder, 1, [decision(1)])])

    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segments, "write_whole", full)
    said = rf"^{where}: cannot be written \(No space left on device\)$"
    with pytest.raises(AuditError, match=said):
        keep(folder, [segment(folder, 2, [decision(2)])])
    with pytest.raises(AuditError, match=said):
        forget(folder, "2026-11-25")
