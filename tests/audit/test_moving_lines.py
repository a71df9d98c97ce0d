"""A line that moves while it is looked for is found, once: in every interleaving of its moves with what a look asks."""

import gzip
import inspect
import itertools
import threading

import orjson
import pytest

from gatekeeper.audit import about, columns, numbers, query, read, segments
from gatekeeper.audit.following import Following
from gatekeeper.audit.lines import Line, timestamp
from gatekeeper.audit.recent import Recent
from gatekeeper.audit.shared import parts
from gatekeeper.audit.shared.objects import Archive
from gatekeeper.installation.locks import Lock
from gatekeeper.reports.observed import observe
from tests.audit.logs import outcome, person
from tests.audit.machines import Node, Shared, archive
from tests.audit.test_machines import whole
from tests.builders import NOW

LOOKS = 4  # what the engine keeps, the heads, the references, and then their content


class Seam:
    """What stands before another object: `before` is called before each of its methods that are named."""

    def __init__(self, of, names, before) -> None:
        self._of, self._names, self._before = of, names, before

    def __getattr__(self, name):
        found = getattr(self._of, name)
        if name not in self._names:
            return found

        def asked(*values, **more):
            self._before(name, *values)
            return found(*values, **more)

        return asked


class Later:
    """Takes a shipment's acts down, and does them when it is told to."""

    def __init__(self, archive, trail) -> None:
        self.acts, self._trail = [], trail
        self.archive = Archive(self._of(archive.heads), self._of(archive.references))

    def _of(self, bucket):
        later = self

        class Put:
            """A bucket in which nothing is put yet."""

            list = staticmethod(bucket.list)

            def put(self, key, data):
                later.acts.append(lambda: bucket.put(key, data))

            def put_once(self, key, data, until):
                later.acts.append(lambda: bucket.put_once(key, data, until))
                return True

        return Put()

    def __getattr__(self, name):
        return getattr(self._trail, name)

    def archived(self, ends):
        self.acts.append(lambda: self._trail.archived(dict(ends)))


@pytest.fixture
def moving(tmp_path):
    """A machine that looks, all that they share, and the moves of another machine's line: from its log to the end."""
    shared, buckets = Shared(), archive()
    looks, writes = (Node(tmp_path, name, shared, buckets) for name in ("a", "b"))
    writes.write(whole(1, person(1)))
    (kept,) = shared.kept
    shared.kept = [kept._replace(stream="", n=0)]  # the log has it, and the engine has not heard of that

    def heard():
        shared.kept = [kept]

    later = Later(buckets, writes.trail)
    writes.archive, writes.trail = later.archive, later
    writes.machine = writes.restarted()
    writes.end()
    moves = [heard, *later.acts]
    assert len(moves) == 4
    yield looks, shared, buckets, moves
    for one in (looks, writes):
        one.machine.leave()
        one.writer.close()


@pytest.mark.parametrize("with_columns", [pytest.param(False, id="lines"), pytest.param(True, id="columns")])
def test_another_machines_line_is_found_once_in_every_interleaving(moving, with_columns):
    """It goes from no log into one, and into the archive, piece by piece, and the engine drops it."""
    looks, shared, buckets, moves = moving
    begin = list(shared.kept)
    whens = list(itertools.combinations_with_replacement(range(LOOKS + 1), len(moves)))
    for when in whens[1::12] if with_columns else whens:
        shared.kept = list(begin)
        for bucket in buckets:
            bucket.versions.clear()
        due = [*zip(when, moves, strict=True)]
        asked = itertools.count()

        def before(*_, asked=asked, due=due):
            number = next(asked)
            while due and due[0][0] <= number:
                due.pop(0)[1]()

        seams = Archive(*(Seam(one, {"list", "get"}, before) for one in buckets))
        looks.archive, trail = seams, looks.trail
        looks.trail = Seam(trail, {"kept"}, before)
        machine = looks.restarted()
        looks.trail = trail
        with machine.folders() as others:
            connection = columns.connect(looks.folder, others) if with_columns else None
            found = about.Log(looks.folder, connection, others).about([person(1)])
            rows = connection.execute("SELECT request_id FROM log").fetchall() if connection else [("req_000001",)]
        assert (found.lines, found.together, rows) == (1, (frozenset([person(1)]),), [("req_000001",)]), when


@pytest.mark.parametrize("with_columns", [pytest.param(False, id="lines"), pytest.param(True, id="columns")])
def test_a_segment_that_is_compressed_between_two_looks_at_the_folder_is_read_once(tmp_path, monkeypatch, with_columns):
    """Before, between and after them."""
    shared = Shared()
    node = Node(tmp_path, "a", shared, None)
    node.write(whole(1, person(1)))
    node.writer.close()
    looked = segments.paths
    for when in range(3):
        (path,) = node.folder.glob("*.jsonl*")
        segment = segments.parse(path)
        segment.plain.write_bytes(segment.read())
        segment.packed.unlink(missing_ok=True)
        columns.forget(node.folder)
        asked = itertools.count()

        def paths(*values, when=when, asked=asked, segment=segment):
            if next(asked) == when:
                segments.pack(segment)
            return looked(*values)

        for module in (segments, columns):
            monkeypatch.setattr(module, "paths", paths)
        connection = columns.connect(node.folder) if with_columns else None
        assert about.Log(node.folder, connection).about([person(1)]).lines == 1, when
        monkeypatch.undo()


def test_copies_that_are_read_are_neither_fetched_again_nor_dropped(moving):
    """Several may read them at a time."""
    looks, *_ = moving
    lock = looks.here / "others" / "readers"
    with looks.machine.folders():
        assert Lock(lock).take() is False
        other = Lock(lock, shared=True)
        assert other.take() and Lock(lock).take() is False
    assert Lock(lock).take() is False
    other.release()
    mine = Lock(lock)
    assert mine.take() and Lock(lock, shared=True).take() is False
    mine.release()


def test_references_that_are_on_their_way_to_the_archive_are_not_put_over_ones_that_were_cut(tmp_path):
    """A request for erasure is carried out in one thread while another one puts the segment."""
    shared, buckets = Shared(), archive()
    node = Node(tmp_path, "a", shared, buckets)
    node.write(whole(1, person(1)))
    node.writer.close()
    node.writer = node.begin()
    wish = node.trail.wish([person(1)], "er_1", NOW)
    node.trail.done(wish, 0)  # the machine that was asked deletes it in another way, as `local.erase` does
    erasing = threading.Thread(target=lambda: (node.cut(shared.wishes[wish]), node.round()))

    def before(name, key, *_):
        if erasing.ident is None and key.endswith(parts.REFERENCES):
            erasing.start()
            erasing.join(0.3)  # it cannot end: it waits for this one

    node.archive = Archive(buckets.heads, Seam(buckets.references, {"put"}, before))
    node.machine = node.restarted()
    assert node.round()
    erasing.join(30)
    node.machine.leave()
    node.writer.close()
    assert person(1).encode() not in b"".join(
        gzip.decompress(found[-1][0]) for found in buckets.references.versions.values()
    )


@pytest.mark.parametrize("when", [pytest.param(n, id=f"at-look-{n}") for n in range(4)])
@pytest.mark.parametrize("reader", [pytest.param(one, id=one) for one in ("following", "recent")])
def test_a_reader_that_goes_on_reads_each_line_once_when_its_segment_is_compressed(tmp_path, monkeypatch, when, reader):
    """Whenever that happens, before or between its looks, and in the middle of one; and the one that is begun then."""
    first, second = (tmp_path / f"20261124T000000.000000Z-1-{n:08x}.000001.jsonl" for n in (1, 2))
    first.write_bytes(orjson.dumps(decided(0)) + b"\n")
    following, recent = Following(tmp_path), Recent(tmp_path, 1e9)
    recent.look(NOW)
    looked, asked = segments.paths, itertools.count()

    def paths(*values):
        if next(asked) == when:
            segments.pack(segments.parse(first))
            second.write_bytes(orjson.dumps(decided(2)) + b"\n")
            segments.pack(segments.parse(second))
        return looked(*values)

    with first.open("ab") as file:
        file.write(orjson.dumps(decided(1)) + b"\n")
    monkeypatch.setattr(segments, "paths", paths)
    found = []
    for _ in range(4):
        if reader == "following":
            found += [record["event_type"] for record in following.new()]
        else:
            recent.look(NOW)
    if reader == "recent":
        found = [one.event for one in recent.seen][1:]
    assert sorted(found) == ["event_1", "event_2"]


def decided(n):
    """A decision, as far as readers that go on look at it."""
    one = {"kind": "decision", "timestamp": timestamp(NOW), "event_type": f"event_{n}"}
    return one | {"deliveries": [{"destination": "own", "status": "pending"}]}


def test_a_record_has_the_outcome_that_another_machine_wrote(tmp_path):
    """And a decision that stands in two logs is one."""
    shared = Shared()
    one, two = (Node(tmp_path, name, shared, None) for name in ("a", "b"))
    waits = [Line(orjson.dumps(decided(n) | {"request_id": f"req_{n:06}", "consent_state": {}})) for n in (1, 2)]
    for node, lines in ((one, waits[:1]), (two, [waits[0], outcome(1), waits[1]])):
        node.write(*lines)
        node.writer.close()
    with one.machine.folders() as others:
        (found,) = read.find(one.folder, "req_000001", others)
        assert [delivery["status"] for delivery in found["deliveries"]] == ["delivered"]
        assert [record["request_id"] for record in read.find(one.folder, "req_000002", others)] == ["req_000002"]
    assert [each["status"] for each in read.find(one.folder, "req_000001")[0]["deliveries"]] == ["pending"]


def test_a_question_whose_columns_are_removed_in_the_middle_is_asked_again(tmp_path):
    """As another process does whose log was cut since; also between two questions about a person."""
    node = Node(tmp_path, "a", Shared(), None)
    node.write(whole(1, person(1)))
    node.writer.close()
    tries = itertools.count()

    @columns.asked_again
    def asked():
        with columns.connect(node.folder) as connection:
            if not next(tries):
                columns.forget(node.folder)
            return connection.execute("SELECT request_id FROM log").fetchall()

    assert asked() == [("req_000001",)] and next(tries) == 2
    with about.opened(node.folder) as log:
        columns.forget(node.folder)
        assert log.about([person(1)]).lines == 1
        columns.forget(node.folder)
        assert log.counts([person(1)]) == {person(1): 1}


def test_every_question_over_columns_is_asked_again():
    """Those that connect: `asked_again` stands before each."""
    own = [(where, one) for where in (query, numbers) for one in vars(where).values() if inspect.isfunction(one)]
    connecting = [one for where, one in own if one.__module__ == where.__name__]
    asking = [one for one in connecting if "columns.connect" in inspect.getsource(one)]
    assert asking and all(hasattr(one, "__wrapped__") for one in [*asking, observe])


def test_a_segment_that_is_compressed_while_columns_are_made_is_read_in_its_other_form(tmp_path, monkeypatch):
    """However often that happens: the look does not begin again with a segment that is newer."""
    node = Node(tmp_path, "a", Shared(), None)
    node.write(whole(1, person(1)))
    node.writer.close()
    opened = tmp_path / "a/audit/20261124T000000.000000Z-1-00000000.000001.jsonl"
    looks = itertools.count(2)
    listed = columns.wanted_segments

    def turning(folder):
        opened.write_bytes(whole(next(looks), person(1)).core + b"\n")
        found = listed(folder)
        segments.pack(segments.parse(opened))
        return found

    monkeypatch.setattr(columns, "wanted_segments", turning)
    monkeypatch.setattr(columns, "_complete", lambda *_: True)
    (path,) = [one for one in node.folder.glob("*.gz") if one.name != f"{opened.name}.gz"]
    path.unlink()
    with columns.connect(node.folder) as connection:
        assert connection.execute("SELECT request_id FROM log").fetchall() == [("req_000002",)]
