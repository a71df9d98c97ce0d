"""What is wrong with a log, told at the line where it stands: each sentence with the smallest log that deserves it."""

import gzip

import pytest

from gatekeeper.audit import chain
from gatekeeper.audit.segments import Head
from tests.audit.handmade import (
    AT,
    KEY,
    ONE,
    OTHER,
    THIRD,
    THREE,
    TWO,
    Made,
    at,
    checkpoint,
    decision,
    genesis,
    introduction,
    verified,
    whys,
)
from tests.audit.logs import person

FILE = f"{ONE}.000001.jsonl"
OF_BOTH = [2, chain.begun([ONE, TWO]).hex()]
ALTERED = "was altered: its hash does not follow from it and the line before"
LINES = {
    "sound": ([genesis(), decision(), checkpoint(), checkpoint("close")], []),
    "begins-with-a-decision": ([decision(format=2)], [(1, "a line of kind decision cannot stand here")]),
    "begins-with-a-segment": (
        [{"kind": "segment", "timestamp": AT, "previous": "0" * 64, "number": 1, "format": 2}],
        [(1, "a line of kind segment cannot stand here")],
    ),
    "a-second-genesis": ([genesis(), genesis()], [(2, "a line of kind genesis cannot stand here")]),
    "a-segment-within-one": (
        [genesis(), {"kind": "segment", "timestamp": AT}], [(2, "a line of kind segment cannot stand here")],
    ),
    "another-format": ([genesis(format=3)], [(1, "begins a stream of format 3, which this version does not know")]),
    "a-genesis-without-signature": ([genesis() | {"_key": None}], [(1, "has no signature")]),
    "a-checkpoint-without-signature": (
        [genesis(), checkpoint(_key=None, key=KEY.id)], [(2, "has no signature")],
    ),
    "a-clock-line-without-signature": ([genesis(), checkpoint("clock", _key=None)], [(2, "has no signature")]),
    "a-genesis-without-its-number": (
        [genesis(begun=None)],
        [(1, "cannot be understood"), (1, f"is signed with the key {KEY.id}, which no line holds")],
    ),
    "a-checkpoint-of-another-form": ([genesis(), checkpoint(begun="x")], [(2, "cannot be understood")]),
    "a-head-of-another-form": ([genesis(), checkpoint(heads=[["x", 1]])], [(2, "cannot be understood")]),
    "a-kind-that-is-no-name": ([genesis(), {"kind": [], "timestamp": AT}], [(2, "cannot be understood")]),
    "after-its-end": ([genesis(), checkpoint("close"), decision()], [(3, "stands after the stream was closed")]),
    "a-checkpoint-after-its-end": (
        [genesis(), checkpoint("close"), checkpoint()], [(3, "stands after the stream was closed")],
    ),
    "no-line": ([genesis(), {"_raw": b"{}\n"}], [(2, "is not a whole line of the log")]),
    "no-line-within": ([genesis(), {"_raw": b"{}\n"}, decision()], [(2, "is not a whole line of the log")]),
    "a-line-that-is-being-written": ([genesis(), {"_raw": b'{"stream":"x'}], []),
    "no-time": ([genesis(), decision(timestamp="2026-11-24T00:00:00+")], [(2, "cannot be understood")]),
    "no-number-of-events": ([genesis(), decision(count=0)], [(2, "cannot be understood")]),
    "one-event": ([genesis(), decision(count=1)], []),
    "as-many-events-as-may-be": ([genesis(), decision(count=100_000)], []),
    "too-many-events": ([genesis(), decision(count=100_001)], [(2, "cannot be understood")]),
    "back-by-what-is-tolerated": ([genesis(), decision(timestamp=at(900)), decision(2, timestamp=at(600))], []),
    "back-by-more": (
        [genesis(), decision(timestamp=at(900)), decision(2, timestamp=at(599))],
        [(3, f"is of {at(599)}, though a line before it is of {at(900)}")],
    ),
    "back-by-steps": (
        [genesis(), decision(timestamp=at(900)), decision(2, timestamp=at(700)), decision(3, timestamp=at(599))],
        [(4, f"is of {at(599)}, though a line before it is of {at(900)}")],
    ),
    "back-and-written-in-time": (
        [genesis(), decision(timestamp=at(900)), decision(2, timestamp=at(1), x="x" * 99, written=at(901))], [],
    ),
    "written-back": (
        [genesis(), decision(timestamp=at(900)), decision(2, timestamp=at(900), x="x" * 99, written=at(1))],
        [(3, f"is of {at(1)}, though a line before it is of {at(900)}")],
    ),
    "back-and-said-so": (
        [genesis(), decision(timestamp=at(900)), checkpoint("clock", timestamp=at(1), back_from=at(900)),
         decision(2, timestamp=at(2))], [],
    ),
    "back-again": (
        [genesis(), decision(timestamp=at(900)), checkpoint("clock", timestamp=at(400), back_from=at(900)),
         decision(2, timestamp=at(99))],
        [(4, f"is of {at(99)}, though a line before it is of {at(400)}")],
    ),
    "a-gap-at-the-beginning": (
        [{"_raw": b'{"stream":"%s","n":1,"kind":"gap","last":3,"hash":"%s"}\n' % (ONE.encode(), b"0" * 64)}],
        [(1, "a gap cannot stand here")],
    ),
    "a-gap-that-ends-before-it-begins": (
        [genesis(), {"_raw": b'{"stream":"%s","n":2,"kind":"gap","last":1,"hash":"%s"}\n' % (ONE.encode(), b"0" * 64)}],
        [(2, "a gap cannot stand here")],
    ),
    "a-gap-that-says-more": (
        [genesis(),
         {"_raw": b'{"stream":"%s","n":2,"kind":"gap","last":3,"x":1,"hash":"%s"}\n' % (ONE.encode(), b"0" * 64)}],
        [(2, "a gap cannot stand here")],
    ),
    "a-gap-that-no-line-tells-of": (
        [genesis(), {"_raw": b'{"stream":"%s","n":2,"kind":"gap","last":4,"hash":"%s"}\n' % (ONE.encode(), b"0" * 64)}],
        [(2, "lines 2 to 4 are gone without a line that says so")],
    ),
    "a-key-that-two-introduced": (
        [genesis(), introduction(OTHER), introduction(THIRD, OTHER), introduction(THIRD, KEY)],
        [(4, "introduces a key that another one had introduced"),
         (4, f"is signed with the key {KEY.id} after its successor was introduced")],
    ),
    "an-unknown-kind": ([genesis(), {"kind": "new", "timestamp": AT}], []),
}  # fmt: skip


@pytest.mark.parametrize(("records", "expected"), LINES.values(), ids=LINES)
def test_what_is_wrong_with_a_line_is_told_at_it(tmp_path, records, expected):
    """And nothing else is: the rest of its stream proves nothing."""
    Made().add(*records).put(tmp_path)
    assert whys(tmp_path) == [(FILE, line, why) for line, why in expected]


def test_a_line_in_anothers_place_is_told_by_what_it_says(tmp_path):
    """With its own place and the one where it stands."""
    made = Made().add(genesis(), decision(1), decision(2))
    del made.lines[1]
    path = made.put(tmp_path)
    assert whys(tmp_path) == [(FILE, 2, f"is line 3 of {ONE}, where line 2 of {ONE} should be")]
    raw, _ = chain.seal(chain.Line(b'{"kind":"decision"}'), TWO, 2, made.hashes[1], bytes(16))
    path.write_bytes(made.lines[0] + raw)
    assert whys(tmp_path) == [(FILE, 2, f"is line 2 of {TWO}, where line 2 of {ONE} should be")]
    path.write_bytes(made.lines[0] + b'{"a":1,"hash":"%s"}\n' % (b"0" * 64))
    assert whys(tmp_path) == [(FILE, 2, f"is not line 2 of {ONE}")]


def test_a_line_that_was_altered_ends_what_can_be_said_of_its_stream(tmp_path):
    """So does one whose subjects are others than it was written with; without them it is sound."""
    made = Made().add(genesis(), decision(1, _refs=[person(1)]), checkpoint())
    path = made.put(tmp_path)
    data = path.read_bytes()
    assert whys(tmp_path) == []
    path.write_bytes(data.replace(b'"req_1"', b'"req_2"'))
    assert whys(tmp_path) == [(FILE, 2, ALTERED)]
    path.write_bytes(data.replace(person(1).encode(), person(2).encode()))
    assert whys(tmp_path) == [(FILE, 2, "has other subjects than it was written with")]
    (_, line, _) = made.lines
    path.write_bytes(data.replace(line, chain.split(line).without_refs()))
    assert whys(tmp_path) == [(ONE, 0, "line 2 has lost its subjects without a redaction line")]


def packed(tmp_path, data, number=1):
    path = tmp_path / f"{ONE}.{number:06}.jsonl.gz"
    path.write_bytes(data)
    return path.name


def test_a_segment_that_cannot_be_read_is_told_by_its_file(tmp_path):
    """Empty, cut, or no gzip at all; the last one alone may be open."""
    good = gzip.compress(b"".join(Made().add(genesis()).lines), 6, mtime=0)
    assert whys(tmp_path) == []
    for data, why in (
        (gzip.compress(b"", 6, mtime=0), "is empty"),
        (good[:-4], "cannot be read (EOFError)"),
        (good[:20] + b"x" + good[21:], "cannot be read (error)"),
        (b"nothing at all", "has more in its gzip header than a segment"),
        (good + b"\n", "has bytes behind its end"),
    ):
        name = packed(tmp_path, data)
        assert whys(tmp_path) == [(name, 0, why)]


def test_a_segment_that_is_missing_is_told_at_the_next(tmp_path):
    """The first one, or one within."""
    made = Made().add(genesis(), decision())
    made.put(tmp_path, 2)
    assert whys(tmp_path) == [(f"{ONE}.000002.jsonl", 0, "segment 000001 of the stream is missing before it")]
    made.put(tmp_path, 1, packed=True)
    (tmp_path / f"{ONE}.000002.jsonl").rename(tmp_path / f"{ONE}.000003.jsonl")
    assert whys(tmp_path) == [(f"{ONE}.000003.jsonl", 0, "segment 000002 of the stream is missing before it")]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, None),
        ({"previous": "0" * 64}, "begins another segment than this one"),
        ({"number": 3}, "begins another segment than this one"),
        ({"kind": "decision"}, "a line of kind decision cannot stand here"),
        ({"kind": "genesis"}, "a line of kind genesis cannot stand here"),
    ],
    ids=["sound", "another-hash", "another-number", "no-beginning", "a-genesis"],
)
def test_a_segment_begins_with_the_hash_before_it_and_its_number(tmp_path, more, why):
    """So that none can be left out between them."""
    made = Made().add(genesis())
    made.put(tmp_path, packed=True)
    following = Made(ONE, made.last, 1)
    record = {"kind": "segment", "timestamp": AT, "previous": made.last.hex(), "number": 2}
    following.add(record | more).put(tmp_path, 2)
    assert whys(tmp_path) == ([] if why is None else [(f"{ONE}.000002.jsonl", 1, why)])


def two(tmp_path, heads=(), adopted=(), more=(), second=None):
    """Two streams: the second one names lines of the first."""
    one = Made().add(genesis(), decision(1), decision(2), checkpoint())
    begun = OF_BOTH
    other = Made(TWO).add(
        second or genesis(begun=begun, heads=list(heads), adopted=list(adopted)), checkpoint(begun=begun), *more
    )
    one.put(tmp_path)
    other.put(tmp_path)
    return one, other


SIGNING = Made().add(genesis(), decision(1), decision(2), checkpoint())
NOBODY = [f"{ONE[:-1]}9", 1, "0" * 64]
END = {"stream": ONE, "n": 4, "hash": SIGNING.end()[2], "torn": 0}
NAMED = {
    "as-it-is": ([SIGNING.end()], [], []),
    "a-line-within": ([SIGNING.end(2)], [], []),
    "another-line": ([[ONE, 2, "0" * 64]], [], f"names another line 2 of {ONE} than the one there is"),
    "a-line-that-is-not-there": ([[ONE, 5, "0" * 64]], [], f"names line 5 of {ONE}, which ends at 4"),
    "a-stream-that-is-not-there": ([NOBODY], [], f"names the stream {NOBODY[0]}, which is missing"),
    "nothing-of-a-stream-that-is-not-there": ([[NOBODY[0], 0, "0" * 64]], [], []),
    "the-beginning": ([[ONE, 0, "0" * 64]], [], []),
    "another-beginning": ([[ONE, 0, "1" * 64]], [], f"names another line 0 of {ONE} than the one there is"),
    "an-end-that-was-taken-over": ([], [END], []),
    "an-end-that-goes-on": (
        [], [END | {"n": 2, "hash": SIGNING.end(2)[2]}], f"took {ONE} over at line 2, but it goes on to 4",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("heads", "adopted", "why"), NAMED.values(), ids=NAMED)
def test_a_line_that_another_names_is_there_and_is_that_line(tmp_path, heads, adopted, why):
    """By heads and by ends that were taken over."""
    two(tmp_path, heads, adopted)
    assert whys(tmp_path) == ([] if why == [] else [(f"{TWO}.000001.jsonl", 1, why)])


@pytest.mark.parametrize(("second", "sound"), [(300, True), (301, False)])
def test_a_line_that_is_named_is_no_younger_than_the_one_that_names_it(tmp_path, second, sound):
    """But for what clocks may differ by."""
    one = Made().add(genesis(), checkpoint(timestamp=at(second)))
    one.put(tmp_path)
    Made(TWO).add(genesis(begun=OF_BOTH, heads=[one.end()])).put(tmp_path)
    why = f"names line 2 of {ONE}, which says that it is younger"
    assert whys(tmp_path) == ([] if sound else [(f"{TWO}.000001.jsonl", 1, why)])


SIGNATURES = {
    "one-key": ([], []),
    "a-successor": ([introduction(OTHER), checkpoint(_key=OTHER)], []),
    "two-after-each-other": ([introduction(OTHER), introduction(THIRD, OTHER), checkpoint(_key=THIRD)], []),
    "its-own-key-once-more": (
        [introduction(OTHER), checkpoint()],
        [(6, f"is signed with the key {KEY.id} after its successor was introduced")],
    ),
    "a-key-that-no-line-holds": (
        [checkpoint(_key=OTHER)], [(5, f"is signed with the key {OTHER.id}, which no line holds")],
    ),
    "a-signature-of-another": ([checkpoint(_key=OTHER, key=KEY.id)], [(5, f"is not signed with the key {KEY.id}")]),
}  # fmt: skip


@pytest.mark.parametrize(("more", "expected"), SIGNATURES.values(), ids=SIGNATURES)
def test_a_signature_is_good_and_by_a_key_that_the_one_before_it_introduced(tmp_path, more, expected):
    """And by none that has a successor."""
    Made().add(genesis(), decision(1), decision(2), checkpoint(), *more).put(tmp_path)
    assert whys(tmp_path) == [(FILE, line, why) for line, why in expected]


def test_the_first_line_that_knows_of_a_successor_is_too_late_for_the_old_key(tmp_path):
    """In another stream: from the line on that names the introduction; the line before it is not."""
    one = Made().add(genesis(), introduction(OTHER))
    one.put(tmp_path)
    streams = Made(TWO).add(
        genesis(begun=OF_BOTH), checkpoint(begun=OF_BOTH), checkpoint(begun=OF_BOTH, heads=[one.end(1)])
    )
    streams.put(tmp_path)
    assert whys(tmp_path) == []
    streams.add(checkpoint(begun=OF_BOTH, heads=[one.end()])).put(tmp_path)
    why = f"is signed with the key {KEY.id} after its successor was introduced"
    assert whys(tmp_path) == [(f"{TWO}.000001.jsonl", 4, why)]


def test_keys_that_no_other_introduced_are_named_and_one_of_them_is_believed(tmp_path):
    """The first, or those that are trusted by name."""
    Made().add(genesis()).put(tmp_path)
    Made(TWO).add(genesis(OTHER, begun=OF_BOTH)).put(tmp_path)
    strange = "is signed with the key {}, which no earlier key introduced and you did not name as trusted"
    second = (f"{TWO}.000001.jsonl", 1, strange.format(OTHER.id))
    assert whys(tmp_path) == [second] == whys(tmp_path, trusted=[KEY.id])
    assert whys(tmp_path, trusted=[KEY.id, OTHER.id]) == []
    assert whys(tmp_path, trusted=[OTHER.id]) == [(FILE, 1, strange.format(KEY.id))]
    nothing = "nothing is signed with the key {}, or with one that it introduced"
    assert whys(tmp_path, trusted=["b", "a"])[-1] == ("the log", 0, nothing.format("a, b"))
    assert verified(tmp_path).keys == [KEY.id, OTHER.id]


def redaction(*ranges, **more):
    return {
        "kind": "redaction",
        "timestamp": AT,
        "reason": "retention",
        "ranges": [[ONE, *one] for one in ranges],
    } | more


def bare(made, *places):
    """The same lines, of which some have lost their subjects."""
    for n in places:
        made.lines[n - 1] = chain.split(made.lines[n - 1]).without_refs()
    return made


REDACTIONS = {
    "said": ([redaction([2, 3]), checkpoint()], []),
    "said-in-two": ([redaction([2, 2], [3, 3]), checkpoint()], []),
    "said-of-more": ([redaction([1, 3]), checkpoint()], []),
    "said-of-one": ([redaction([2, 2]), checkpoint()], "line 3 has lost its subjects without a redaction line"),
    "said-of-the-other": ([redaction([3, 3]), checkpoint()], "line 2 has lost its subjects without a redaction line"),
    "not-signed": ([redaction([2, 3])], "line 2 has lost its subjects without a redaction line"),
    "of-later-lines-too": ([redaction([2, 5]), checkpoint()], "line 2 has lost its subjects without a redaction line"),
    "up-to-the-line-before": ([redaction([2, 4]), checkpoint()], []),
    "of-another-machine": (
        [redaction([2, 3], log="x"), checkpoint()], "line 2 has lost its subjects without a redaction line",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("more", "why"), REDACTIONS.values(), ids=REDACTIONS)
def test_subjects_are_gone_where_a_signed_line_behind_them_says_so(tmp_path, more, why):
    """Of each of them; how many there are is told."""
    refs = [person(1)]
    made = Made().add(genesis(), decision(1, _refs=refs), decision(2, _refs=refs), checkpoint(), *more)
    bare(made, 2, 3).put(tmp_path)
    assert whys(tmp_path) == ([] if why == [] else [(ONE, 0, why)])
    assert verified(tmp_path).redacted == 2
    assert whys(tmp_path, allowed=[(ONE, 2, 3)]) == []


def test_a_redaction_in_another_stream_is_no_older_than_what_it_says_is_gone(tmp_path):
    """By the last signed time before the line, and what clocks may differ by."""
    for second, sound in ((300, True), (301, False)):
        one = Made().add(genesis(timestamp=at(second)), decision(1, timestamp=at(second), _refs=[person(1)]))
        bare(one, 2).put(tmp_path)
        Made(TWO).add(genesis(begun=OF_BOTH), redaction([2, 2]), checkpoint(begun=OF_BOTH)).put(tmp_path)
        why = "line 2 has lost its subjects without a redaction line"
        assert whys(tmp_path) == ([] if sound else [(ONE, 0, why)])


def pruned(made, first, last, **more):
    gap = [ONE, first, last, made.hashes[first - 1].hex(), made.hashes[last].hex()]
    return {"kind": "pruned", "timestamp": AT, "before": AT, "gaps": [gap]} | more


WHOLE = Made().add(genesis(), decision(1), decision(2), decision(3), checkpoint())
ANOTHER = Made().add(genesis(), decision(7), decision(2), decision(3), checkpoint())
GAPS = {
    "said": ([pruned(WHOLE, 2, 4), checkpoint()], True),
    "not-signed": ([pruned(WHOLE, 2, 4)], False),
    "not-said": ([checkpoint()], False),
    "of-others": ([pruned(WHOLE, 2, 3), checkpoint()], False),
    "with-another-hash-behind": ([pruned(ANOTHER, 2, 4), checkpoint()], False),
}  # fmt: skip


@pytest.mark.parametrize(("more", "sound"), GAPS.values(), ids=GAPS)
def test_lines_are_gone_where_a_signed_line_behind_them_says_so(tmp_path, more, sound):
    """With the same hashes at both ends; how many there are is told, and the last of them can be named."""
    made = Made().add(genesis()).gap(4, WHOLE.hashes[4]).add(checkpoint(), *more)
    made.put(tmp_path)
    why = "lines 2 to 4 are gone without a line that says so"
    assert whys(tmp_path) == ([] if sound else [(FILE, 2, why)])
    report = verified(tmp_path)
    assert (report.pruned, report.lines) == (3, made.n)
    anchor = lambda n, digest: chain.seal(chain.Line(b'{"kind":"x"}'), ONE, n, digest, bytes(16))[0]  # noqa: E731
    assert anchor(1, bytes(32)) and sound == (whys(tmp_path, anchors=[WHOLE.lines[3]]) == [])
    assert whys(tmp_path, anchors=[WHOLE.lines[2]])[0:1] == ([] if sound else [(FILE, 2, why)])


def test_a_report_counts_what_it_has_read(tmp_path):
    """Lines, streams, segments, signed lines, open streams, and lines that no signature covers yet."""
    two(tmp_path, [SIGNING.end()], more=[decision(8), decision(9)])
    report = verified(tmp_path, anchors=[SIGNING.lines[3], b"torn"])
    assert report.sound and (report.lines, report.streams, report.segments) == (8, 2, 2)
    assert (report.checkpoints, report.anchors, report.heads, report.crashed) == (2, 1, 0, 0)
    assert report.open == [ONE, TWO] and report.not_vouched == {TWO: 2} and report.clock == []


def test_a_clock_that_went_back_is_told_with_the_line_that_says_so(tmp_path):
    """And the time from which."""
    Made().add(genesis(), decision(1, timestamp=at(900)), checkpoint("clock", back_from=at(900))).put(tmp_path)
    assert verified(tmp_path).clock == [f"{FILE}:3: from {at(900)}"]


def test_a_request_that_two_lines_decide_is_told_at_the_last(tmp_path):
    """Alone or one of several events; with the others' places."""
    Made().add(genesis(), decision(1, count=2), decision(2), decision("1.1"), decision(2)).put(tmp_path)
    assert sorted(whys(tmp_path)) == [
        (FILE, 4, f"decides the request req_1.1, which {FILE}:2 decided"),
        (FILE, 5, f"decides the request req_2, which {FILE}:3 decided"),
    ]  # fmt: skip


def test_two_forms_of_a_segment_hold_the_same(tmp_path):
    """As after a compression that was cut off."""
    made = Made().add(genesis())
    made.put(tmp_path)
    name = made.put(tmp_path, packed=True).name
    assert whys(tmp_path) == []
    (tmp_path / FILE).write_bytes(b"other\n")
    assert whys(tmp_path) == [(name, 0, f"does not hold what {FILE} holds")]
    (tmp_path / "x").write_bytes(b"")
    assert ("x", 0, "is not a file of the log") in whys(tmp_path)


ANCHORS = {
    "a-line": (SIGNING.lines[3], []),
    "with-another-end": (SIGNING.lines[3].rstrip(b"\n") + b"\r\n", []),
    "torn": (SIGNING.lines[3][:-9], []),
    "no-line": (b'{"a":1}', "is not a line of a log"),
    "no-object": (b"nothing}", "is not a line of a log"),
    "another-line": (
        Made().add(genesis(), decision(1), decision(3), checkpoint()).lines[3],
        f"names another line 4 of {ONE} than the one there is",
    ),
    "of-another-number": (
        Made().add(genesis(), decision(1), decision(2), checkpoint(begun=OF_BOTH)).lines[3], "knows of 2 streams",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("anchor", "why"), ANCHORS.values(), ids=ANCHORS)
def test_an_anchor_is_a_line_of_the_log(tmp_path, anchor, why):
    """What is torn says nothing; its number tells it from others."""
    SIGNING.put(tmp_path)
    found = whys(tmp_path, anchors=[SIGNING.lines[3], anchor])
    assert found == [] if why == [] else all(one[:2] == ("anchor", 2) for one in found) and why in str(found)


def test_a_genesis_vouches_for_the_ends_that_it_takes_over(tmp_path):
    """Though nothing signed comes behind it; what follows the end that it names is not vouched for."""
    one = Made().add(genesis(), decision(1), decision(2))
    one.put(tmp_path)
    assert verified(tmp_path).not_vouched == {ONE: 2}
    end = {"stream": ONE, "n": 3, "hash": one.end()[2], "torn": 0}
    Made(TWO).add(genesis(begun=OF_BOTH, adopted=[end])).put(tmp_path)
    report = verified(tmp_path)
    assert report.sound and report.not_vouched == {} and (report.crashed, report.open) == (1, [TWO])


def test_a_stream_that_was_taken_over_vouches_for_those_that_it_took_over(tmp_path):
    """In whichever order they are read."""
    one = Made(THREE).add(genesis(begun=[1, chain.begun([THREE]).hex()]), decision(1))
    one.put(tmp_path)
    end = {"stream": THREE, "n": 2, "hash": one.end()[2], "torn": 0}
    two = Made(TWO).add(genesis(begun=[2, chain.begun([THREE, TWO]).hex()], adopted=[end]), decision(2))
    two.put(tmp_path)
    last = {"stream": TWO, "n": 2, "hash": two.end()[2], "torn": 0}
    Made().add(genesis(begun=[3, chain.begun([THREE, TWO, ONE]).hex()], adopted=[last])).put(tmp_path)
    report = verified(tmp_path)
    assert report.sound and report.not_vouched == {} and report.crashed == 2


def test_ends_that_the_database_knows_are_there(tmp_path):
    """A part of a log may lack them; how many ends that are is told."""
    one = Made().add(genesis(), decision(1))
    one.put(tmp_path)
    stream, n, digest = one.end()
    assert verified(tmp_path, heads=[Head(stream, n, digest)]).heads == 1
    assert whys(tmp_path, heads=[Head(stream, n, digest)]) == []
    late = [Head(stream, n, digest), Head(stream, 3, digest), Head(TWO, 1, digest)]
    assert whys(tmp_path, heads=late) == [
        ("the database", 2, f"names line 3 of {ONE}, which ends at 2"),
        ("the database", 3, f"names the stream {TWO}, which is missing"),
    ]
    report = verified(tmp_path, heads=late, partial=True)
    assert report.sound and (report.waiting, report.heads) == (2, 3)


def test_what_an_end_goes_on_to_is_told(tmp_path):
    """A line that is not whole behind an end that was taken over: its process lives, or another hand wrote it."""
    one = Made().add(genesis(), decision(1), {"_raw": b'{"stream":"x'})
    one.put(tmp_path)
    end = {"stream": ONE, "n": 2, "hash": one.end()[2], "torn": 0}
    Made(TWO).add(genesis(begun=OF_BOTH, adopted=[end])).put(tmp_path)
    assert whys(tmp_path) == [(ONE, 0, "goes on after it was taken over")]


def test_what_was_removed_in_another_log_is_told_where_it_is_signed_for(tmp_path):
    """By the log, the stream and its lines."""
    said = redaction([2, 3], log="other")
    made = Made().add(genesis(), said)
    made.put(tmp_path)
    assert verified(tmp_path).elsewhere == []
    made.add(checkpoint()).put(tmp_path)
    assert verified(tmp_path).elsewhere == [("other", ONE, 2, 3)]
