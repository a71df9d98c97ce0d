"""`gatekeeper bench`: what it writes, and what becomes of bad input and of an interruption."""

import contextlib
import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from benchmarks import command, machine, process, result
from benchmarks.cpu import tree
from benchmarks.options import Options, checked
from benchmarks.scenarios import ALL
from benchmarks.shape import InProcess, Scenario
from gatekeeper.errors import ConfigError
from tests.benchmarks.builders import finished, outcome, tiny


def run(options):
    """The exit code, what was printed, and what was said beside it."""
    out, told = Console(file=io.StringIO(), width=100), Console(file=io.StringIO(), width=200)
    code = command.run(options, out=out, told=told)
    return code, out.file.getvalue(), told.file.getvalue()


def test_a_run_writes_json_page_and_picture(tmp_path):
    """And prints a table, and says where they are."""
    code, printed, said = run(tiny(tmp_path, "geoip", "decide"))
    assert code == 0
    found = result.read(tmp_path / "bench.json")
    assert found["complete"] and list(found["scenarios"]) == ["decide", "geoip"]
    figure = found["scenarios"]["geoip"]["contestants"]["look-up, one address"]["metrics"]["cpu_us"]
    assert len(figure["rounds"]) == 2 and figure["low"] <= figure["median"] <= figure["high"]
    assert [point["x"] for point in found["curves"]["destinations"]["points"]] == [1, 4]
    assert found["machine"]["processor"] and found["machine"]["cores"] >= 1
    assert "look-up, one address" in printed and "plan, four destinations" in printed
    page = (tmp_path / "bench.html").read_text("utf-8")
    assert "<svg" in page and "look-up, one address" in page
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert f"bench.json, bench.html, bench.png are in {tmp_path.name}" in said


@pytest.fixture
def interrupted(monkeypatch):
    """A second scenario in which Ctrl-C is pressed at its second contestant."""

    @contextlib.contextmanager
    def first(at):
        yield lambda n: sum(range(n))

    @contextlib.contextmanager
    def second(at):
        raise KeyboardInterrupt
        yield

    both = Scenario("audit", "interrupted", (InProcess("first", first), InProcess("second", second)))
    monkeypatch.setitem(ALL, "audit", both)


def test_an_interrupted_run_keeps_what_it_has_and_says_that_it_is_partial(tmp_path, interrupted):
    """The scenario before is whole, the contestant under way is there, the exit code is 130."""
    code, printed, said = run(tiny(tmp_path, "geoip", "audit", "outbound"))
    assert code == 130
    found = result.read(tmp_path / "bench.json")
    assert not found["complete"] and list(found["scenarios"]) == ["geoip", "audit"]
    assert found["scenarios"]["geoip"]["contestants"]["look-up, one address"]["metrics"]["cpu_us"]["rounds"]
    assert set(found["scenarios"]["audit"]["contestants"]) == {"first", "second"}
    assert "Interrupted: these are partial results." in said
    assert "Interrupted: these are partial results." in (tmp_path / "bench.html").read_text("utf-8")
    assert "look-up, one address" in printed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_with_what_it_has(tmp_path, number):
    """And nothing that it started goes on."""
    bench = [sys.executable, "-m", "gatekeeper", "bench", "--quick", "geoip", "middleware"]
    with subprocess.Popen(bench, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as started:
        deadline = time.monotonic() + 60
        while len(tree(started.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)  # until the first server under test is there
        below = set(tree(started.pid)) - {started.pid}
        started.send_signal(number)
        _, said = started.communicate(timeout=60)
    assert started.returncode == 130 and b"Interrupted: these are partial results." in said
    assert not result.read(tmp_path / "bench.json")["complete"]
    assert below and not any(Path(f"/proc/{one}").exists() for one in below)


def test_a_signal_while_a_server_starts_leaves_no_process(tmp_path, monkeypatch):
    """It comes before the harness knows the process that it has just begun."""
    begun = []

    def interrupted(pid, core):
        begun.append(pid)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(process, "pin", interrupted)
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (
        pytest.raises(KeyboardInterrupt),
        process.running(sleeping, machine.free_port(), folder=tmp_path, core=None),
    ):
        pytest.fail("it was not interrupted")
    assert len(begun) == 1 and not Path(f"/proc/{begun[0]}").exists()


def test_a_machine_with_one_core_is_told_what_holds_there(tmp_path, monkeypatch):
    """Nothing is pinned, and the result says why throughput means little."""
    monkeypatch.setattr(machine, "cores", lambda: [0])
    _, _, said = run(tiny(tmp_path, "geoip"))
    line = "One core: server, load and vendor share it. CPU per request holds; throughput and latency say little."
    assert line in said
    found = result.read(tmp_path / "bench.json")
    assert line in found["warnings"] and found["machine"]["pinned"] is False


def test_without_pillow_the_picture_is_not_drawn_and_that_is_said(tmp_path, monkeypatch):
    """Everything else is written."""
    monkeypatch.setattr(command.drawing, "can_draw_png", lambda: False)
    code, _, said = run(tiny(tmp_path, "geoip"))
    assert code == 0 and (tmp_path / "bench.html").exists() and not (tmp_path / "bench.png").exists()
    assert "bench.png was not drawn: pip install 'gatekeeper-consent[bench]'" in said


def test_compare_tells_what_is_more_than_noise(tmp_path):
    """With what only one of the two has, and that the machines differ."""
    old = finished(geoip={"look-up, one address": outcome(1e6, 1.1e6, served=False), "gone": outcome(1)})
    result.write(tmp_path / "old.json", {**old, "complete": False})
    _, printed, _ = run(tiny(tmp_path, "geoip", compare=tmp_path / "old.json"))
    printed = " ".join(printed.split())
    assert "compared with the older result" in printed and "better" in printed
    assert "only in the older result: geoip: gone" in printed
    assert "the two were measured on different machines" in printed and "the older result is partial" in printed


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(None, "no such file or directory", id="not-there"),
        pytest.param(b"{", "is not JSON", id="not-json"),
        pytest.param(b"[]", "is not a result of gatekeeper bench", id="something-else"),
        pytest.param(
            orjson.dumps({"format": 0}),
            "has format 0, this version reads 1; measure the older state again with this harness",
            id="an-older-version",
        ),
    ],
)
def test_a_result_that_cannot_be_compared_with_is_refused_before_anything_is_measured(tmp_path, content, expected):
    """In one line that names the file."""
    path = tmp_path / "old.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=expected) as raised:
        run(tiny(tmp_path, "geoip", compare=path))
    assert str(path) in str(raised.value) and not (tmp_path / "bench.json").exists()


def test_wrong_options_name_the_value_and_what_would_be_right(tmp_path):
    """A scenario that there is not; a folder that there is not."""
    known = "middleware, decide, signals, geoip, audit, consent, outbound, call, call-500, call-2000, collect, nodes"
    with pytest.raises(ConfigError, match=rf"^'colect' is not a scenario; use one of {known}$"):
        checked(Options(scenarios=("colect",)), tuple(ALL))
    with pytest.raises(ConfigError, match=r"^--out: .*nowhere is not a folder$"):
        checked(Options(out=tmp_path / "nowhere"), tuple(ALL))


def test_the_command_line_is_the_same_thing(tmp_path):
    """One line for a wrong word, and JSON on standard output if asked."""
    bench = [sys.executable, "-m", "gatekeeper", "bench"]
    wrong = subprocess.run([*bench, "colect"], capture_output=True, text=True, cwd=tmp_path)
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("gatekeeper: 'colect' is not a scenario; use one of middleware, ")
    assert len(wrong.stderr.splitlines()) == 1
    asked = subprocess.run([*bench, "--quick", "--json", "geoip"], capture_output=True, cwd=tmp_path)
    assert asked.returncode == 0, asked.stderr
    told = orjson.loads(asked.stdout)
    assert told["options"]["quick"] and told == orjson.loads((tmp_path / "bench.json").read_bytes())
