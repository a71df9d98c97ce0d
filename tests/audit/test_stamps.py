"""Time stamps (RFC 3161): a third party says since when a checkpoint has existed; both verifiers check it."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.audit import authority, stamp
from gatekeeper.audit.authority import Authority
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stamp import Stamp
from gatekeeper.audit.stream import Stream
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.errors import AuditError, ConfigError
from gatekeeper.policy import load_policy
from tests.audit import logs
from tests.audit.logs import SIGNER, Clock, decision
from tests.audit.tsa import AT, YEAR, Tsa
from tests.builders import NOW

KINDS = ("rsa", "ec")
TSA = {key: Tsa(key=key) for key in KINDS}
INDEPENDENT = logs.independent()


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A log of one stream, and its last checkpoint."""
    folder = tmp_path_factory.mktemp("stamped")
    clock = Clock(NOW - 60)
    stream = Stream(folder / "audit", signer=SIGNER, clock=clock)
    logs.write(stream, clock, 0, 6)
    line = stream.close()
    logs.pack(folder / "audit", stream)
    return folder / "audit", line.rstrip(b"\n")


def stamps(folder, url, tsa, **more):
    """The authority of a policy."""
    folder.mkdir(exist_ok=True)
    (folder / "roots.pem").write_bytes(tsa.pem())
    return Authority(url, folder / "roots.pem", folder / "anchors", **{"every": 86_400.0, "clock": lambda: NOW} | more)


@pytest.mark.parametrize("key", KINDS)
def test_a_good_time_stamp_is_good_for_both_verifiers(log, key):
    """And the report says how many there are, and of when the last is."""
    folder, line = log
    made = Stamp(line, TSA[key].of(line)).written()
    assert logs.ours(folder, made, roots=TSA[key].pem()) == [] == logs.theirs(folder, made, roots=TSA[key].pem())
    report = verify(folder, anchors=[made], roots=stamp.roots(TSA[key].pem()))
    assert (report.anchors, report.stamps, report.stamped, report.unchecked) == (1, 1, "2026-11-24T00:00:00Z", 0)


def test_without_certificates_a_stamp_is_an_anchor_and_no_more(log):
    """What it names is compared; that its signature was not checked is counted."""
    folder, line = log
    report = verify(folder, anchors=[Stamp(line, TSA["rsa"].of(line)).written()])
    assert (report.sound, report.anchors, report.stamps, report.unchecked) == (True, 1, 0, 1)


def other_line(line):
    """A stamp on a line that is not the log's: another hash of it."""
    at = line.rindex(b'"hash":"') + 8
    return line[:at] + (b"0" if line[at : at + 1] != b"0" else b"1") + line[at + 1 :]


def younger(line, tsa):
    """The authority saw the line a year before it says that it was written."""
    tsa.at = AT - YEAR / 2
    return Stamp(line, tsa.of(line))


FORGERIES = {
    "of-another-authority": lambda line, _: Stamp(line, Tsa(key="ec").of(line)),
    "of-another-line": lambda line, tsa: Stamp(line, tsa.of(line + b" ")),
    "of-a-line-that-is-not-in-the-log": lambda line, tsa: Stamp(other_line(line), tsa.of(other_line(line))),
    "older-than-its-line": younger,
    "its-time-was-changed": lambda line, tsa: Stamp(line, tsa.of(line).replace(b"20261124000000Z", b"20261124000100Z")),
    "refused": lambda line, tsa: Stamp(line, b"0\x050\x03\x02\x01\x02"),
    "cut-off": lambda line, tsa: Stamp(line, tsa.of(line)[:-9]),
    "empty": lambda line, _: Stamp(line, b""),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_bad_time_stamp_is_found_by_both_verifiers(log, name):
    """Whatever is wrong with it."""
    folder, line = log
    tsa = Tsa(key="ec")
    made = FORGERIES[name](line, tsa).written()
    assert logs.ours(folder, made, roots=tsa.pem()) != []
    assert logs.theirs(folder, made, roots=tsa.pem()) != []


@pytest.mark.parametrize(
    "tsa",
    [
        pytest.param({"stamping": False}, id="for-another-use"),
        pytest.param({"until": AT - timedelta(days=1)}, id="expired"),
        pytest.param({"since": AT + timedelta(days=1)}, id="not-yet-valid"),
    ],
)
def test_a_certificate_must_be_fit_for_stamping_then(log, tsa):
    """Its use and its days are looked at, the days at the time of the stamp and not of the check."""
    folder, line = log
    made = Tsa(key="ec", **tsa)
    anchor = Stamp(line, made.of(line)).written()
    assert logs.ours(folder, anchor, roots=made.pem()) != [] != logs.theirs(folder, anchor, roots=made.pem())


LINE = b'{"timestamp":"2026-11-24T00:00:00Z"}'
ANSWER = TSA["ec"].of(LINE)
BELIEVED = stamp.roots(TSA["ec"].pem())


@settings(deadline=None)
@given(st.integers(0, len(ANSWER) - 1), st.integers(0, 7))
def test_a_changed_bit_gives_no_other_time(place, bit):
    """Both refuse the answer, or it says the same: then the bit stands where nothing is said."""
    answer = bytearray(ANSWER)
    answer[place] ^= 1 << bit
    try:
        ours = stamp.time_of(Stamp(LINE, bytes(answer)), BELIEVED)
    except AuditError:
        ours = None
    try:
        theirs = INDEPENDENT["stamped"](bytes(answer), LINE, BELIEVED)
    except Exception:
        theirs = None
    assert ours in (None, AT) and theirs in (None, AT.replace(tzinfo=None))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("key", KINDS)
def test_openssl_takes_a_stamp_as_it_is_kept(log, tmp_path, key):
    """A third check, by a program that everybody has; the authority of these tests is a real one to it."""
    _, line = log
    (tmp_path / "line").write_bytes(line)
    (tmp_path / "answer").write_bytes(stamp.parse(Stamp(line, TSA[key].of(line)).written()).answer)
    (tmp_path / "roots").write_bytes(TSA[key].pem())
    words = ["-in", "answer", "-data", "line", "-CAfile", "roots", "-attime", str(int(NOW))]
    done = subprocess.run(
        ["openssl", "ts", "-verify", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_stamp_is_fetched_once_in_its_time(log, tmp_path):
    """By the clock of this machine; a clock that went far back is no reason to wait."""
    _, line = log
    tsa = Tsa(key="ec")
    now = [NOW + 10]
    with tsa.serving() as url:
        one = stamps(tmp_path, url, tsa, clock=lambda: now[0])
        path = one.take(line + b"\n")
        assert path.name == f"20261124T000000Z-{Stamp(line, b'').name}.json" and one.newest() == int(NOW)
        assert one.take(line) is None and tsa.asked == 1
        assert one.take(line, now=True) == path and tsa.asked == 2
        now[0] = NOW + 86_401
        assert one.take(line) == path and tsa.asked == 3
    assert authority.files(one.folder) == [path] and stamp.parse(path.read_bytes()).line == line


def answered(tsa, **change):
    """What an authority can do wrong."""
    for name, value in change.items():
        setattr(tsa, name, value)


REPEATED = []  # the line that is shown
WRONG = {
    "refuses": (lambda tsa: answered(tsa, status=2), "the authority refused (not today)"),
    "answers-nonsense": (lambda tsa: answered(tsa, answer=lambda _: b"<html>"), "is not a good time stamp"),
    "answers-without-end": (lambda tsa: answered(tsa, answer=lambda _: b"x" * 200_000), "with more than 131072 bytes"),
    "repeats-an-old-answer": (lambda tsa: answered(tsa, answer=lambda _, old=tsa: old.of(b"old")), "is not a good"),
    "repeats-a-good-answer": (
        lambda tsa: answered(tsa, answer=lambda query, old=tsa: old.of(REPEATED[0])),
        "is not a good time stamp",
    ),
    "is-behind-our-clock": (lambda tsa: answered(tsa, at=AT - timedelta(hours=1)), "seconds ahead of the authority's"),
    "is-not-there": (None, "cannot be reached (ConnectError)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_authority_that_fails_stops_nothing_and_is_said(log, tmp_path, caplog, name):
    """No stamp is kept, the process log says why, and the metric is told."""
    _, line = log
    REPEATED[:] = [line]
    spoil, why = WRONG[name]
    tsa = Tsa(key="ec")
    told = []
    with tsa.serving() as url:
        if spoil is None:
            url = "http://127.0.0.1:1/tsr"
        else:
            spoil(tsa)
        one = stamps(tmp_path, url, tsa)
        one.put(line, told.append)
    assert told == [False] and why in caplog.text and authority.files(one.folder) == []


def test_an_answer_to_another_question_is_refused(log):
    """The number of the request must come back: an answer that was kept cannot be given again."""
    _, line = log
    with pytest.raises(AuditError, match="Nonce mismatch"):
        stamp.time_of(Stamp(line, TSA["ec"].of(line, nonce=8)), stamp.roots(TSA["ec"].pem()), nonce=7)


def test_the_writer_has_its_checkpoints_stamped_and_goes_on_without(tmp_path):
    """The log is written whatever the authority does; when it answers again, all is well."""
    tsa = Tsa(key="ec")
    changes = []
    with tsa.serving() as url:
        one = stamps(tmp_path, url, tsa, every=60.0)
        tsa.status = 2
        writer = AuditWriter(
            tmp_path / "audit", signer=Signer(tmp_path / "keys"), authority=one, clock=Clock(NOW - 60),
            changed=lambda: changes.append(writer.anchor_failing()),
        )  # fmt: skip
        writer.append([decision(1)], signed=True).result(10)
        writer.close()
        assert changes == [True] and not writer.failing()
        tsa.status = 0
        writer.append([decision(2)], signed=True).result(10)
        writer.close()
    assert changes == [True, False]
    kept = [path.read_bytes() for path in authority.files(one.folder)]
    report = verify(tmp_path / "audit", anchors=kept, roots=stamp.roots(tsa.pem()))
    assert report.sound and report.stamps == len(kept) == 1


def test_what_was_taken_back_is_found_by_a_stamp(tmp_path):
    """The whole log written once more, by somebody who holds the keys: the stamp names a line that is not there."""
    first, again = tmp_path / "first" / "audit", tmp_path / "again" / "audit"
    lines = []
    for folder in (first, again):
        clock = Clock(NOW - 60)
        stream = Stream(folder, signer=SIGNER, clock=clock)
        logs.write(stream, clock, 0, 3)
        lines.append(stream.close().rstrip(b"\n"))
        logs.pack(folder, stream)
    made = Stamp(lines[0], TSA["ec"].of(lines[0])).written()
    assert logs.ours(first, made, roots=TSA["ec"].pem()) == []
    assert "which is missing" in logs.ours(again, made, roots=TSA["ec"].pem())[0]
    assert "which is missing" in logs.theirs(again, made, roots=TSA["ec"].pem())[0]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        pytest.param('authority = "https://tsa.example/"', "belong together; give both or none", id="no-roots"),
        pytest.param('roots = "r.pem"', "belong together; give both or none", id="no-authority"),
        pytest.param('authority = "tsa"\nroots = "r.pem"', "audit.anchors.authority", id="no-address"),
        pytest.param(
            'authority = "https://tsa.example/"\nroots = "no.pem"', "no.pem: cannot be read (No such", id="no-file"
        ),
        pytest.param(
            'authority = "https://tsa.example/"\nroots = "gatekeeper.toml"', "is not a file of PEM", id="no-pem"
        ),
        pytest.param('every = "1s"', "audit.anchors.every", id="too-often"),
    ],
)
def test_a_policy_names_whom_to_believe(tmp_path, table, said):
    """Each fault with its key."""
    path = tmp_path / "gatekeeper.toml"
    path.write_text(f'[policy]\nversion = "1"\ncontroller = "c"\n[audit.anchors]\n{table}\n')
    with pytest.raises(ConfigError, match=r"audit\.anchors") as caught:
        load_policy(path)
    assert said in str(caught.value)


def test_the_authority_of_a_policy_is_the_one_that_it_names(tmp_path):
    """With its certificates and its folder beside the policy; without a name there is none."""
    (tmp_path / "r.pem").write_bytes(TSA["ec"].pem())
    path = tmp_path / "gatekeeper.toml"
    table = 'authority = "https://tsa.example/"\nroots = "r.pem"\npath = "stamps"\n'
    path.write_text(f'[policy]\nversion = "1"\ncontroller = "c"\n[audit.anchors]\n{table}')
    found = authority.of_policy(load_policy(path))
    assert (found.url, found.pem, found.folder) == ("https://tsa.example/", tmp_path / "r.pem", tmp_path / "stamps")
    path.write_text('[policy]\nversion = "1"\ncontroller = "c"\n')
    assert authority.of_policy(load_policy(path)) is None


def test_without_the_extra_one_sentence_names_it(monkeypatch, log):
    """Where stamps are asked for, and where they are checked."""
    _, line = log
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(ConfigError, match=r"gatekeeper-consent\[timestamps\]"):
        stamp.time_of(Stamp(line, b""), [])


def test_a_stamp_can_be_written_and_read_again():
    """As one line, whatever the answer is."""
    made = Stamp(b'{"a":"\xc3\xa4"}', bytes(range(256)))
    assert stamp.parse(made.written()) == made and stamp.is_stamp(made.written())
    assert json.loads(made.written())["line"] == '{"a":"\u00e4"}' and replace(made, answer=b"").name == made.name
    for bad in (b'{"line":"x"}', b'{"line":1,"answer":""}', b'{"line":"x","answer":"%"}', b"[]"):
        with pytest.raises(ValueError):
            stamp.parse(bad)
    assert not authority.files(Path("/nowhere"))


def test_why_a_stamp_is_not_good_is_told_in_a_few_words():
    """The part of the library's error that a reader needs, however long it is."""
    other = Tsa(key="ec")
    for made, why in (
        (Stamp(LINE, other.of(LINE)), "certificate signature failure"),
        (Stamp(LINE, TSA["ec"].of(LINE + b" ")), "Mismatch between messages"),
    ):
        with pytest.raises(AuditError) as caught:
            stamp.time_of(made, BELIEVED)
        assert str(caught.value) == f"is not a good time stamp ({why})"
