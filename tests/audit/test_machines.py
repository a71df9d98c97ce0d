"""The log over several machines: all of it is read, proven and forgotten from any of them."""

import gzip
import os
import shutil

import orjson
import pytest

from gatekeeper.audit import numbers, pruning, read, segments
from gatekeeper.audit.about import about
from gatekeeper.audit.columns import connect
from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.query import Filter
from gatekeeper.audit.segments import Head
from gatekeeper.audit.shared import parts, proving
from gatekeeper.audit.shared.trail import DESTROYED
from gatekeeper.audit.verify import verify
from gatekeeper.errors import AuditError, StorageError
from gatekeeper.reports.period import decisions
from tests.audit.logs import DAY, decision, outcome, person
from tests.audit.machines import Node, Shared, archive
from tests.builders import NOW


@pytest.fixture
def shared():
    """What the engine has."""
    return Shared()


@pytest.fixture
def buckets():
    """The archive."""
    return archive()


@pytest.fixture
def nodes(tmp_path, shared, buckets):
    """Two machines, each with three decisions that name persons; what they wrote first is in the archive."""
    made = [Node(tmp_path, name, shared, buckets) for name in ("a", "b")]
    for number, one in enumerate(made):
        for n in range(3):
            one.write(whole(10 * number + n, person(n)), outcome(10 * number + n))
        one.end()
    yield made
    for one in made:
        one.machine.leave()
        one.writer.close()


def proofs(node, **options):
    """What a machine says of the others, by log; its own log is sound."""
    report = verify(node.folder, heads=node.heads.read())
    assert report.problems == []
    with node.machine.others() as others:
        return {one.other.peer.log: one for one in proving.prove(node.folder, others, report, **options)}


def whys(proof):
    """What is wrong with another machine's log."""
    return [problem.why for problem in proof.report.problems]


def whole(n, *subjects):
    """A decision line with all that a person's copy needs."""
    line = decision(n, NOW, *subjects)
    return line._replace(core=line.core[:-1] + b',"event_type":"purchase","consent_state":{}}')


def requests(node):
    """The ids of all decisions that a question over all machines finds."""
    with node.machine.folders() as others, connect(node.folder, others) as connection:
        return sorted(name for (name,) in connection.execute("SELECT request_id FROM log").fetchall())


def test_a_segment_is_divided_and_put_together_again_byte_by_byte(nodes):
    """The first part names nobody, the second one is not needed to check the chain."""
    for path in nodes[0].folder.glob("*.gz"):
        data = gzip.decompress(path.read_bytes())
        heads, references = parts.divide(data)
        assert parts.together(heads, references) == data
        assert parts.together(heads, gzip.compress(b"")) == gzip.decompress(heads)
        assert b"p_" not in gzip.decompress(heads) and b"salt" not in gzip.decompress(heads)
        assert parts.last(data) == orjson.loads(data.splitlines()[-1])["n"]


def test_a_damaged_object_is_said_to_be_one():
    """Whatever is wrong with it."""
    with pytest.raises(AuditError, match="cannot be read"):
        parts.together(b"x", gzip.compress(b""))
    with pytest.raises(AuditError, match="cannot be read"):
        parts.together(gzip.compress(b"{}\n"), gzip.compress(b"7 x\n"))
    with pytest.raises(AuditError, match="not a line of the log"):
        parts.divide(b"{}\n")


def test_the_number_of_the_last_line_of_a_pruned_segment_is_that_of_its_gap():
    """What the engine keeps is dropped up to there."""
    assert parts.last(b'{"stream":"s","n":4,"kind":"segment"}\n{"stream":"s","n":5,"kind":"gap","last":9,"h":1}\n') == 9
    assert parts.last(b"") == 0


def test_what_is_in_the_archive_is_not_kept_in_the_engine(nodes, shared):
    """Until then it is: a machine's disk is not the only place."""
    assert shared.kept == []
    nodes[0].write(decision(50))
    nodes[0].round()
    assert [line.core for one in shared.kept for line in one.lines] == [decision(50).core]


def test_a_restart_puts_nothing_twice(nodes, buckets):
    """The archive is listed once."""
    before = buckets.heads.puts, buckets.references.puts
    buckets.references.clock.at += 3_600.0
    nodes[0].machine = nodes[0].restarted()
    assert nodes[0].round() and buckets.heads.puts == before[0]
    assert nodes[0].machine.behind == 0.0


def test_the_heads_are_locked_and_the_references_are_not(nodes, buckets):
    """For as long as lines are kept."""
    assert all(one[2] > NOW for found in buckets.heads.versions.values() for one in found)
    assert all(one[2] == 0.0 for found in buckets.references.versions.values() for one in found)


def test_another_segment_in_the_place_of_one_is_noticed_and_nothing_is_dropped(nodes, buckets, shared):
    """Somebody was faster."""
    nodes[0].write(decision(50))
    nodes[0].writer.close()
    (path,) = [one for one in nodes[0].folder.glob("*.gz") if b"req_000050" in gzip.decompress(one.read_bytes())]
    key = f"a/{path.name.removesuffix('.jsonl.gz')}{parts.HEADS}"
    nodes[0].machine = nodes[0].restarted()
    buckets.heads.versions[key] = [(gzip.compress(b"forged"), NOW, NOW * 2)]
    with pytest.raises(AuditError, match="holds another"):
        nodes[0].round()
    assert len(shared.kept) == 1


def test_a_segment_that_lost_its_old_lines_here_is_still_the_one_in_the_archive(nodes, buckets, shared):
    """It goes on, in the process that put it and in the next one; what is closed after that is put, too."""
    nodes[0].writer = nodes[0].begin()
    heads = dict(buckets.heads.versions)
    assert pruning.prune(nodes[0].folder, NOW + DAY, nodes[0].writer, at=NOW + DAY).lines > 0
    assert nodes[0].round() and heads.items() <= buckets.heads.versions.items()
    nodes[0].write(decision(50))
    nodes[0].machine.leave()
    nodes[0].machine = nodes[0].restarted()
    nodes[0].end()
    assert shared.kept == []


def test_an_archive_that_is_away_holds_nothing_up_and_is_caught_up_with(nodes, buckets, shared):
    """How far it is behind is known."""
    nodes[0].write(decision(50))
    buckets.heads.broken = "away"
    with pytest.raises(AuditError, match="away"):
        nodes[0].end()
    for path in nodes[0].folder.glob("*.gz"):
        os.utime(path, (NOW, NOW))
    nodes[0].clock.at = NOW + 4_000.0
    with pytest.raises(AuditError, match="away"):
        nodes[0].round()
    assert len(shared.kept) == 1 and nodes[0].machine.behind > 3_000.0
    buckets.heads.broken = None
    assert nodes[0].round() and shared.kept == []


def test_questions_see_every_machine(nodes):
    """The archive of the others, the own log, and what the engine keeps of lines that are in no archive yet."""
    nodes[1].write(decision(50, NOW, person(9)))
    wanted = sorted(f"req_{n:06}" for n in (0, 1, 2, 10, 11, 12, 50))
    assert requests(nodes[0]) == wanted
    nodes[1].end()
    assert requests(nodes[0]) == wanted == requests(nodes[1])


def test_a_line_that_another_machine_wrote_again_counts_once(nodes):
    """It stands in two logs where the first machine was killed."""
    nodes[0].write(decision(11, NOW, person(1)))
    nodes[0].writer.close()
    assert requests(nodes[0]).count("req_000011") == 1
    with nodes[0].machine.folders() as others:
        found = numbers.statistics(nodes[0].folder, Filter(), others=others)
    assert sum(one.events for one in found.periods) == 6


@pytest.mark.parametrize("with_columns", [True, False])
def test_a_person_is_found_on_every_machine(nodes, with_columns, monkeypatch):
    """With DuckDB and without."""
    from gatekeeper.audit import about as asked

    if not with_columns:
        monkeypatch.setattr(asked.columns, "connect", lambda *_: (_ for _ in ()).throw(asked.ConfigError("none")))
    nodes[1].write(whole(50, person(1)))
    with nodes[0].machine.folders() as others, asked.opened(nodes[0].folder, others) as log:
        assert log.about([person(1)]).lines == 3
    assert about(nodes[0].folder, [person(1)]).lines == 1


def test_the_logs_of_the_others_are_sound_and_vouched_for_by_their_first_key(nodes):
    """As the engine had it when they joined."""
    found = proofs(nodes[0])
    assert set(found) == {"b"} and whys(found["b"]) == [] and found["b"].report.lines > 5


def test_a_checkpoint_signs_the_ends_of_the_other_machines_logs(nodes):
    """So a log that is gone with its key is missed."""
    nodes[0].writer = nodes[0].begin()
    nodes[0].write(decision(50))
    nodes[0].told()
    nodes[0].writer.append((), signed=True).result(10)
    nodes[0].writer.close()
    said = proving.claims(nodes[0].folder)
    assert said["b"] >= set(nodes[1].heads.read())


@pytest.mark.parametrize(
    "gone, told",
    [
        pytest.param(None, True, id="gone"),
        pytest.param("removed", True, id="removed"),
        pytest.param(DESTROYED, False, id="destroyed"),
    ],
)
def test_the_end_of_a_machine_that_is_gone_is_demanded_until_it_was_destroyed(nodes, buckets, shared, gone, told):
    """By what the database knows, and by what another machine signed of it; its last line is named."""
    signed = max(nodes[1].heads.read())
    nodes[0].writer = nodes[0].begin()
    nodes[0].write(decision(50))
    nodes[0].told()
    nodes[0].writer.append((), signed=True).result(10)
    nodes[1].dies(gone)
    shared.heads.pop("b")  # an insider at the database
    for key in [one for one in buckets.heads.versions if one.startswith(f"b/{signed.stream}")]:
        del buckets.heads.versions[key]
    proof = proofs(nodes[0])["b"]
    assert any("names the stream" in why or "which ends at" in why for why in whys(proof)) is told
    assert proof.last == signed and (proof.report.waiting > 0) is not told


def test_of_a_machine_that_lives_the_archive_may_lack_the_end(nodes):
    """Its disk has it; how many ends that are is said."""
    nodes[1].writer = nodes[1].begin()
    nodes[1].write(decision(50))
    nodes[1].told()
    proof = proofs(nodes[0])["b"]
    assert whys(proof) == [] and proof.report.waiting == 1
    nodes[1].dies()
    assert whys(proofs(nodes[0])["b"]) != []


def test_a_log_of_another_key_is_not_that_machines(nodes, shared):
    """Whoever wrote it has no key that the machine began with."""
    shared.machines["b"] = shared.machines["b"]._replace(keys=("other",))
    assert any("no earlier key introduced" in why for why in whys(proofs(nodes[0])["b"]))


def test_a_later_version_of_a_locked_object_is_not_looked_at(nodes, buckets):
    """It can be put beside the first one, and changes nothing."""
    for key in buckets.heads.versions:
        buckets.heads.put(key, gzip.compress(b"forged\n"))
    nodes[0].machine = nodes[0].restarted()
    assert whys(proofs(nodes[0])["b"]) == []


def test_subjects_that_are_gone_from_the_archive_are_missed(nodes, buckets):
    """No redaction says so."""
    for key in buckets.references.versions:
        buckets.references.put(key, gzip.compress(b""))
    assert any("lost its subjects" in why for why in whys(proofs(nodes[0])["b"]))


def erase(node, n, **more):
    """As the machine does that carries out a request."""
    node.cut(type("Wish", (), {"names": frozenset([person(n)]), "at": NOW, "erasure": "er_1"}))
    return node.machine.forget(
        frozenset([person(n)]), erasure="er_1", at=node.clock(), writer=node.writer, cut=node.cut, **more
    )


def test_a_person_is_forgotten_by_every_machine_that_lives(nodes, buckets, shared, tmp_path):
    """In their logs, in the archive, in the engine, and in what was fetched; and every log is sound."""
    nodes[1].write(decision(50, NOW, person(1)))
    requests(nodes[0])
    wait, done = nodes[0].trail.waits_for, []

    def others_go_on(wish):
        done.append(nodes[1].round())
        return wait(wish)

    nodes[0].trail.waits_for = others_go_on
    assert erase(nodes[0], 1) == {"other_machines": 3, "machines_not_reached": 0} and done[0]
    for one in nodes:
        one.end()
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".gz")
    left += b"".join(gzip.decompress(path.read_bytes()) for path in tmp_path.rglob("*.gz"))
    left += buckets.references.everything() + buckets.heads.everything()
    assert person(1).encode() not in left and person(2).encode() in left
    assert all(person(1) not in line.refs for one in shared.kept for line in one.lines)
    assert whys(proofs(nodes[0])["b"]) == [] and shared.wishes == {}


def test_what_another_machine_fetches_during_an_erasure_is_not_left_there(nodes, buckets, shared, tmp_path):
    """It has done its part, and the archive of a machine that is gone is cut only after that."""
    third = Node(tmp_path, "c", shared, buckets)
    nodes[1].dies()
    nodes.append(third)
    wait, looks = nodes[0].trail.waits_for, []

    def others_go_on(wish):
        if third.trail.wishes() and third.round() and not looks:
            with third.machine.folders() as there:  # as a console does
                looks.extend([path for one in there for path in one.glob("*.gz") if holds(path)])
        return wait(wish)

    def holds(path):
        return person(1).encode() in gzip.decompress(path.read_bytes())

    nodes[0].trail.waits_for = others_go_on
    assert erase(nodes[0], 1) == {"other_machines": 1, "machines_not_reached": 1}
    assert looks and not any(holds(path) for path in third.here.rglob("*.gz"))
    with third.machine.folders() as there:
        assert not any(holds(path) for one in there for path in one.glob("*.gz"))


def test_of_a_machine_that_is_gone_the_archive_is_cut_and_its_disk_is_named(nodes, buckets):
    """A redaction in the log of the machine that did it says which lines; when it comes back it does its own."""
    nodes[1].dies()
    assert erase(nodes[0], 1) == {"other_machines": 1, "machines_not_reached": 1}
    nodes[0].end()
    assert person(1).encode() not in buckets.references.everything()
    assert whys(proofs(nodes[0])["b"]) == []
    nodes[1].writer = nodes[1].begin()
    assert nodes[1].trail.wishes() != [] and nodes[1].round()
    assert not any(person(1).encode() in gzip.decompress(path.read_bytes()) for path in nodes[1].folder.glob("*.gz"))


def test_of_a_machine_that_is_gone_the_first_version_of_a_locked_object_is_cut(nodes, buckets):
    """A later one was put there by a hand that may not change it."""
    for key in list(buckets.heads.versions):
        buckets.heads.put(key, gzip.compress(b"forged\n" * 99))
    nodes[1].dies()
    assert erase(nodes[0], 1) == {"other_machines": 1, "machines_not_reached": 1}
    nodes[0].writer.close()
    (said,) = [one for one in read.parse(every_line(nodes[0])) if one["kind"] == "redaction" and "log" in one]
    (gone,) = said["ranges"]
    assert (said["log"], said["reason"], said["erasure"], gone[1]) == ("b", "erasure", "er_1", gone[2])
    assert person(1).encode() not in buckets.references.everything()


def every_line(node):
    return [raw for segment in read.files(node.folder) for raw in segments.lines(segment)]


def test_references_of_which_the_archive_has_no_good_copy_are_an_error(nodes, buckets):
    """They are named; nothing is said to be done."""
    nodes[1].dies()
    key = next(key for key in buckets.references.versions if key.startswith("b/"))
    buckets.references.put(key, b"no gzip")
    with pytest.raises(AuditError, match=f"^the references {key.removesuffix(parts.REFERENCES)} in the archive cannot"):
        erase(nodes[0], 1)


def test_what_an_unsigned_line_says_was_removed_elsewhere_excuses_nothing(nodes, buckets):
    """A chain can be calculated by anybody."""
    nodes[1].dies()
    erase(nodes[0], 1)
    nodes[0].writer.close()
    report = verify(nodes[0].folder)
    report.elsewhere = []
    with nodes[0].machine.others() as others:
        (proof,) = proving.prove(nodes[0].folder, others, report)
    assert any("lost its subjects" in why for why in whys(proof))


def test_a_machine_that_lives_and_does_not_do_it_is_waited_for(nodes):
    """Then the request is not done."""
    with pytest.raises(StorageError, match="did not delete it in time"):
        erase(nodes[0], 1, patience=0.1)


def test_references_of_machines_that_are_gone_end_in_time(nodes, buckets, shared):
    """And those that the engine keeps, of all."""
    nodes[1].write(decision(50, NOW - 100 * DAY, person(1)))
    nodes[1].dies(DESTROYED)
    assert nodes[0].machine.expire(NOW - 90 * DAY, nodes[0].writer, at=NOW) == 1
    assert nodes[0].machine.expire(NOW + DAY, nodes[0].writer, at=NOW) == 3
    assert timestamp(NOW) > timestamp(NOW - DAY)
    nodes[0].writer.close()
    assert whys(proofs(nodes[0])["b"]) == []
    assert all(
        key.startswith("a/") for key, found in buckets.references.versions.items() if gzip.decompress(found[-1][0])
    )


def test_one_process_of_a_machine_does_it_until_it_leaves(nodes):
    """The others find the lock taken."""
    assert nodes[0].round()
    other = nodes[0].restarted()
    assert other.round(nodes[0].cut) is False
    nodes[0].machine.leave()
    assert other.round(nodes[0].cut) is True
    other.leave()


def test_a_log_in_the_archive_that_the_engine_does_not_know_is_read_all_the_same(nodes, shared):
    """As after a move to another database."""
    del shared.machines["b"]
    with nodes[0].machine.others() as others:
        assert {one.peer.log: one.peer.host for one in others} == {"b": "unknown"}


def test_a_segment_that_is_fetched_has_the_time_of_its_last_line(nodes):
    """What looks for the newest lines goes by the times of files; each fetch has a fraction of its own."""
    with nodes[0].machine.others() as (two,):
        pass
    paths = sorted(two.folder.glob("*.jsonl.gz"))
    for path in paths:
        last = orjson.loads(gzip.decompress(path.read_bytes()).splitlines()[-1])["timestamp"]
        assert timestamp(int(path.stat().st_mtime))[:19] == last[:19]
    before = {path.name: path.stat().st_mtime_ns for path in paths}
    shutil.rmtree(two.folder)
    with nodes[0].machine.others() as (two,):
        pass
    after = {path.name: path.stat().st_mtime_ns for path in two.folder.glob("*.jsonl.gz")}
    assert before.keys() == after.keys() and all(before[name] != after[name] for name in before)


def test_who_cannot_wait_for_others_who_read_is_told_so(nodes):
    """While copies are changed: the caller's own patience counts."""
    there = nodes[0].machine
    with there.fetched(), pytest.raises(AuditError, match="another process uses the copies"), there.fetched(0.0):
        pass


def test_a_decision_that_moves_is_told_once_and_a_copy_within_a_log_is_not_hidden(tmp_path):
    """From the engine, without a place, and from the log that has it by now; twice in one log is somebody's doing."""
    name, core = "req_000050", whole(50).core
    placed = [b'{"stream":"s%d","n":%d,%s\n' % (n, n, core[1:]) for n in range(3)]
    stream = "20261124T000000.000000Z-{}-00000000.000001.jsonl"
    one, kept, twice = (tmp_path / folder for folder in ("one", "one.kept", "twice"))
    for folder, lines in ((one, [placed[1]]), (kept, [core + b"\n"]), (twice, placed)):
        folder.mkdir()
        for n, raw in enumerate(lines):
            (folder / stream.format(n)).write_bytes(raw)
    assert [record["stream"] for record in read.find(tmp_path / "own", name, [one, kept])] == ["s1"]
    assert len(read.find(twice, name)) == 3
    assert [one["request_id"] for one in decisions(one, None, None, lambda part, count: None, [kept])] == [name]


def test_without_an_archive_there_is_what_the_engine_keeps(tmp_path, shared):
    """Little, and no segment."""
    one, two = (Node(tmp_path, name, shared, None) for name in ("a", "b"))
    two.write(decision(50))
    assert requests(one) == ["req_000050"] and one.round()
    for node in (one, two):
        node.machine.leave()
        node.writer.close()


def test_claims_that_cannot_be_understood_are_left_to_the_proof_of_their_own_log(tmp_path):
    """They are no line of a log."""
    (tmp_path / "20261124T000000.000000Z-1-00000000.000001.jsonl").write_bytes(b'{"nodes":[["a","s",1,"zz"]]}\n')
    assert proving.claims(tmp_path) == {} and Head("s", 1, "") not in proving.claims(tmp_path)
