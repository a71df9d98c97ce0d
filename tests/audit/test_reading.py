"""`audit tail` and `audit show`: the newest lines that are wanted, and a record told in words."""

import json
import os
import sys

import pytest
from typer.testing import CliRunner

from gatekeeper.audit import places, read, trail
from gatekeeper.audit.lines import Line, decision_line, outcome_line, timestamp
from gatekeeper.audit.stream import Stream
from gatekeeper.cli import app
from gatekeeper.installation import ids
from gatekeeper.model import reasons
from tests.audit.logs import SIGNER, Clock, decision, outcome, pack, write
from tests.builders import GUIDE_EVENT, NOW, make_gate, plan

POLICY = '[policy]\nversion = "t"\ncontroller = "c"\n[audit]\npath = "audit"\n[keys]\npath = "keys"\n'


@pytest.fixture
def folder(tmp_path):
    """A log of the guide's own event and what became of it, and a policy."""
    gate = make_gate()
    stream = Stream(tmp_path / "audit", clock=Clock(), signer=SIGNER)
    stream.write([decision_line(plan(GUIDE_EVENT, gate=gate, headers=[("sec-gpc", "1")]), gate.policy)])
    for name, status, why in (("ga4", "delivered", None), ("own", "failed", "http_400")):
        stream.write(
            [outcome_line(at=NOW, destination=name, request_ids=["req_test"], status=status, why=why, attempts=2)]
        )
    stream.close()
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    return tmp_path


def run(folder, *words):
    result = CliRunner().invoke(app, ["audit", *words, "-c", str(folder / "gatekeeper.toml")])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        pytest.param([], ["genesis", "decision", "outcome", "outcome", "close"], id="all"),
        pytest.param(["--destination", "own"], ["decision", "outcome"], id="destination"),
        pytest.param(["--status", "failed"], ["outcome"], id="status"),
        pytest.param(["-d", "ga4", "--status", "failed"], [], id="both-in-one"),
        pytest.param(["--reason", "gpc_opt_out"], ["decision"], id="reason"),
        pytest.param(["--event", "purchase"], ["decision"], id="event"),
        pytest.param(["--kind", "close"], ["close"], id="kind"),
        pytest.param(["-n", "1"], ["close"], id="one"),
    ],
)
def test_tail_prints_what_is_asked_for(folder, words, kinds):
    """Filters are about one delivery: its destination and its status."""
    lines = [json.loads(line) for line in run(folder, "tail", "--json", *words).splitlines()]
    assert sorted(line["kind"] for line in lines) == sorted(kinds)


def test_tail_is_one_line_each_for_people(folder):
    """Also of lines about the log itself."""
    text = run(folder, "tail").splitlines()
    assert len(text) == 5 and "genesis: line 1 of" in text[0] and any("own failed (http_400)" in line for line in text)


def test_the_newest_lines_are_found_without_reading_old_segments(tmp_path):
    """By the time at which a segment was written last."""
    clock = Clock()
    stream = Stream(tmp_path, rotate=1_200, clock=clock, signer=SIGNER)
    write(stream, clock, 0, 12)
    pack(tmp_path, stream)
    for n, segment in enumerate(read.files(tmp_path)):
        os.utime(segment.path, (NOW + n, NOW + n))
    clock.at += 60
    stream.write([decision(99, clock()), outcome(99, clock())])
    stream.close()
    opened = []

    def wanted(record):
        opened.append(record["n"])
        return record["kind"] == "decision"

    (newest,) = read.last(tmp_path, 1, wanted)
    assert newest["request_id"] == "req_000099" and min(opened) > 10
    assert len(read.last(tmp_path, 100, lambda record: record["kind"] == "decision")) == 13


@pytest.fixture
def opened(monkeypatch):
    """The numbers of the segments whose lines are read, as they are."""
    numbers, real = [], read.lines
    monkeypatch.setattr(read, "lines", lambda segment: (numbers.append(segment.number), real(segment))[1])
    return numbers


def test_a_record_is_found_without_reading_what_cannot_hold_it(tmp_path, opened):
    """The id says when it was made; once it is known how it ended, nothing later is read, either."""
    gate, clock = make_gate(), Clock(NOW - 600)
    stream = Stream(tmp_path, rotate=3_000, clock=clock, signer=SIGNER)
    core = decision_line(plan(GUIDE_EVENT, gate=gate), gate.policy).core
    made = {}
    for n in range(12):
        clock.at += 300
        made[n] = ids.request_id(clock.at)
        stream.write([Line(core.replace(b"req_test", made[n].encode()))])
        for name in ("ga4", "own"):
            status = "failed" if n == 3 and name == "own" else "delivered"
            stream.write(
                [outcome_line(at=clock(), destination=name, request_ids=[made[n]], status=status, why=None, attempts=1)]
            )
    pack(tmp_path, stream)
    stream.close()
    count = len(read.files(tmp_path))
    (record,) = read.find(tmp_path, made[8])
    assert [one["status"] for one in record["deliveries"]] == ["delivered", "blocked", "delivered"]
    assert len(opened) <= 3 < count  # what can hold it
    opened.clear()
    assert read.find(tmp_path, made[3])[0]["deliveries"][2]["status"] == "failed"  # it may have been tried again
    assert len(opened) >= count - 3
    assert read.find(tmp_path, ids.request_id(NOW)) == [] == read.find(tmp_path, "req_" + "ü" * 26)


def sparse(folder, apart=300.0):
    """A log of segments of few lines, and its ids by how their delivery to `own` went on. All but the last are packed.

    `retried` was delivered long after, `failed` waits in vain for that, and of `pending` nothing more was ever heard.
    """
    gate, clock = make_gate(), Clock(NOW - 20_000)
    stream = Stream(folder, rotate=3_000, clock=clock, signer=SIGNER)
    core = decision_line(plan(GUIDE_EVENT, gate=gate), gate.policy).core
    made = {}

    def end(name, destination, status):
        told = outcome_line(
            at=clock(), destination=destination, request_ids=[made[name]], status=status, why=None, attempts=1
        )
        stream.write([told])

    for name in ("retried", "failed", "pending", "delivered", *range(12)):
        clock.at += apart
        made[name] = ids.request_id(clock.at)
        stream.write([Line(core.replace(b"req_test", made[name].encode()))])
        for destination in ("ga4", "own"):
            if (name, destination) != ("pending", "own"):
                end(name, destination, "failed" if name in ("retried", "failed") else "delivered")
    end("retried", "own", "delivered")
    for _ in range(6):
        clock.at += apart
        stream.write([Line(core.replace(b"req_test", ids.request_id(clock.at).encode()))])
    pack(folder, stream)
    stream.close()
    return made | {"strange": "req_" + "0" * 26, "absent": ids.request_id(NOW - 19_000)}


@pytest.mark.parametrize("name", ["retried", "failed", "pending", "delivered", 5, "strange", "absent"])
def test_a_record_that_never_ended_is_not_looked_for_in_every_later_line(tmp_path, opened, name):
    """The columns say which segments hold something of it; the record is the same as by reading them all."""
    request_id = sparse(tmp_path)[name]
    count = len(read.files(tmp_path))
    by_reading = read.find(tmp_path, request_id)
    if name in ("failed", "pending", "strange", "absent"):
        assert len(opened) > 8  # every later segment
    opened.clear()
    places.made([tmp_path])
    assert read.find(tmp_path, request_id) == by_reading
    assert len(opened) <= 4 < count - 8  # where it stands, and what no columns are made of
    if name in ("retried", "pending"):
        statuses = {one["destination"]: one["status"] for one in by_reading[0]["deliveries"]}
        assert statuses["own"] == {"retried": "delivered"}.get(name, name)


def test_of_many_segments_of_its_time_those_are_read_that_hold_something_of_it(tmp_path, opened):
    """As where a segment is full within seconds: two are read without a question, the others are asked about."""
    request_id = sparse(tmp_path, apart=2.0)[11]
    count = len(read.files(tmp_path))
    by_reading = read.find(tmp_path, request_id)
    assert len(opened) > 12
    opened.clear()
    places.made([tmp_path])
    assert read.find(tmp_path, request_id) == by_reading != []
    assert len(opened) <= 6 < count - 6  # where it stands, and what no columns are made of


@pytest.mark.parametrize("harm", ["torn", "gone", "without-duckdb"])
def test_columns_that_cannot_be_read_hide_nothing(tmp_path, monkeypatch, harm):
    """Then the lines are read, as where there are none."""
    request_id = sparse(tmp_path)["retried"]
    by_reading = read.find(tmp_path, request_id)
    places.made([tmp_path])
    files = sorted((tmp_path / "columns").glob("*.parquet"))
    if harm == "torn":
        for path in files:
            path.write_bytes(path.read_bytes()[:20])
    elif harm == "gone":
        for path in files[::2]:
            path.unlink()
    else:
        monkeypatch.setitem(sys.modules, "duckdb", None)
        places.made([tmp_path])
    assert read.find(tmp_path, request_id) == by_reading
    assert {one["destination"]: one["status"] for one in by_reading[0]["deliveries"]}["own"] == "delivered"


def test_a_choice_is_found_without_reading_what_cannot_hold_it(tmp_path, opened):
    """Its id says when it was made, too."""
    clock = Clock(NOW - 20_000)
    stream = Stream(tmp_path, rotate=1_200, clock=clock, signer=SIGNER)
    made = []
    for _ in range(16):
        clock.at += 300
        made.append(ids.receipt_id(clock.at))
        head = {"kind": "consent", "timestamp": timestamp(clock.at), "receipt": made[-1], "why": "w" * 200}
        stream.write([Line(json.dumps(head, separators=(",", ":")).encode())])
    pack(tmp_path, stream)
    stream.close()
    count = len(read.files(tmp_path))
    assert [one["receipt"] for one in read.consents(tmp_path, made[7])] == [made[7]]
    assert len(opened) <= 3 < count
    assert read.consents(tmp_path, ids.receipt_id(NOW)) == [] == read.consents(tmp_path, "con_" + "ü" * 26)


def test_show_tells_the_record_in_words(folder):
    """For whoever has to answer: what was said, what was allowed, what was sent, why not."""
    text = " ".join(run(folder, "show", "req_test").split())
    for sentence in (
        "under strictest.",
        "event said: analytics granted and marketing denied",
        "The browser sent Sec-GPC: 1, which was honoured.",
        "That allowed necessary and analytics.",
        "ga4 was to get page_url, order_value and session_id on the basis of analytics; email_hash and fbclid stayed "
        "here; it was delivered at attempt 2.",
        "meta_capi got nothing: the browser asked not to be tracked (Sec-GPC).",
        "own was to get page_url, order_value and session_id on the basis of analytics; email_hash and fbclid stayed "
        "here; it failed (http_400) at attempt 2.",
        "This is line 2 of the stream",
    ):
        assert sentence in text, sentence


@pytest.mark.parametrize("code", list(reasons.TABLE))
def test_every_reason_is_told_in_its_words(code):
    """The sentence of the table follows the destination's name."""
    delivery = {"destination": "ga4", "status": "blocked", "reason": code}
    record = {
        "timestamp": "2026-11-24T08:00:00Z", "jurisdiction": {"country": "DE", "region": None, "laws": ["gdpr"]},
        "signals": [], "gpc": {"detected": False}, "consent_state": {}, "deliveries": [delivery],
    }  # fmt: skip
    assert f"ga4 got nothing: {reasons.TABLE[code].sentence}." in list(trail.words(record))


def test_only_fits_everything_that_is_given():
    """An empty one fits every line."""
    from gatekeeper.cli.audit import Only  # later: the module would hide the command group of that name

    assert Only()({"kind": "genesis"}) and not Only(kind="close")({"kind": "genesis"})


def test_the_record_has_the_guides_keys_and_its_place_but_no_salt(folder):
    """What binds the subjects is of no use to a reader."""
    record = json.loads(run(folder, "show", "req_test", "--json"))
    assert list(record)[:5] == list(read.GUIDE_KEYS)
    assert {"stream", "n", "hash", "subjects"} <= set(record) and not {"salt", "commitment", "kind"} & set(record)
