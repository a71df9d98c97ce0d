"""`gatekeeper bench`: run, show, write. What was measured before an interruption is written, and marked as partial."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from gatekeeper import __version__

from . import compare, curves, drawing, result, rows, second, terminal
from .charts import figures
from .machine import describe
from .options import Options, checked
from .page import page
from .profile import SUBJECTS, profile
from .run import run_scenario
from .scenarios import ALL
from .shape import Outcome

INTERRUPTED = 130
Tell = Callable[[str, float], None]


def run(options: Options, *, out: Console | None = None, told: Console | None = None) -> int:
    """Do it; the exit code: 0, or 130 if it was interrupted. Raises ConfigError before anything is measured."""
    out, told = out or Console(highlight=False), told or Console(stderr=True, highlight=False)
    checked(options, tuple(ALL))
    old = result.read(options.compare) if options.compare else None
    found = blank(options)
    for line in found["warnings"]:
        told.print(line, style="yellow")
    start = time.monotonic()
    try:
        with _progress(told, len(_parts(options))) as tell:
            for name, part in _parts(options):
                with _saved(options, found, start):
                    part(found, options, lambda what, share, name=name: tell(name, what, share))
                tell(name, "", 1.0)
        found["complete"] = True
    except KeyboardInterrupt:
        found["warnings"].append("Interrupted: these are partial results.")
    _save(options, found, start)
    compared = [*_compared(old, found)] if old else []
    terminal.show(out, [*rows.tables(found), *compared])
    (options.out / "bench.html").write_text(page(found, compared), "utf-8")
    written = ["bench.json", "bench.html"]
    if not drawing.can_draw_png():
        told.print("bench.png was not drawn: pip install 'gatekeeper-consent[bench]'", markup=False)
    elif drawn := figures(found):
        (options.out / "bench.png").write_bytes(drawing.png(drawn))
        written.append("bench.png")
    if not found["complete"]:
        told.print(found["warnings"][-1], style="yellow")
    told.print(f"{', '.join(written)} are in {options.out.resolve().name}, after {found['seconds']:.0f} s")
    return 0 if found["complete"] else INTERRUPTED


def blank(options: Options) -> dict[str, Any]:
    """A result without any figure, with what a reader has to be warned of."""
    machine = describe()
    warnings = []
    if machine["cores"] == 1:
        warnings.append(
            "One core: server, load and vendor share it. CPU per request holds; throughput and latency say little."
        )
    if machine["load_before"] is not None and machine["load_before"] > 0.5:
        warnings.append(
            f"The machine was busy before (load {machine['load_before']:.1f}): compare ratios, not microseconds."
        )
    told = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(options).items()}
    return {
        "format": result.FORMAT, "gatekeeper": __version__,
        "started": datetime.now(UTC).isoformat(timespec="seconds"), "seconds": 0.0, "complete": False,
        "options": told, "machine": machine, "warnings": warnings,
        "scenarios": {}, "profile": {}, "curves": {}, "wrk": {},
    }  # fmt: skip


Part = Callable[[dict[str, Any], Options, Tell], None]


def _parts(options: Options) -> list[tuple[str, Part]]:
    """What a run consists of: each chosen scenario, then the profiles and curves that belong to it."""
    chosen = options.scenarios or tuple(ALL)
    parts = [(name, _scenario(name)) for name in ALL if name in chosen]
    parts += [("profile", _profile(subject)) for subject, (name, _) in SUBJECTS.items() if name in chosen]
    if "middleware" in chosen and second.wrk():
        parts.append(("wrk", _second))
    drawn = [curve for curve in curves.CURVES if curve.needs in chosen and (options.soak or curve.name != "memory")]
    parts += [("curve", _curve(curve)) for curve in drawn]
    return parts


def _scenario(name: str) -> Part:
    def part(found: dict[str, Any], options: Options, tell: Tell) -> None:
        outcomes: dict[str, Outcome] = {}
        try:
            run_scenario(ALL[name], options, tell, outcomes)
        finally:
            found["scenarios"][name] = result.scenario_record(ALL[name], outcomes)

    return part


def _profile(subject: str) -> Part:
    def part(found: dict[str, Any], options: Options, tell: Tell) -> None:
        tell(subject, 0.0)
        try:
            found["profile"][subject] = profile(subject, options)
        except Exception as error:  # noqa: BLE001  # said in its place; the run goes on
            found["profile"][subject] = {"why": str(error) or type(error).__name__}

    return part


def _second(found: dict[str, Any], options: Options, tell: Tell) -> None:
    tell(second.SUBJECT, 0.0)
    try:
        found["wrk"] = second.opinion(options)
    except Exception as error:  # noqa: BLE001  # said in its place; the run goes on
        found["wrk"] = {"why": str(error) or type(error).__name__}


def _curve(curve: curves.Curve) -> Part:
    def part(found: dict[str, Any], options: Options, tell: Tell) -> None:
        record = found["curves"][curve.name] = curves.record(curve)
        tell(curve.name, 0.0)
        try:
            for x, rounds in curve.points(options):
                record["points"].append(curves.point(x, rounds))
                tell(f"{curve.name}, {x:,}", 0.5)
        except Exception as error:  # noqa: BLE001  # said in its place; the run goes on
            record["why"] = str(error) or type(error).__name__

    return part


@contextmanager
def _saved(options: Options, found: dict[str, Any], start: float) -> Iterator[None]:
    """Whatever ends the block: what there is, is on disk."""
    try:
        yield
    finally:
        _save(options, found, start)


def _save(options: Options, found: dict[str, Any], start: float) -> None:
    found["seconds"] = round(time.monotonic() - start, 1)
    result.write(options.out / "bench.json", found)


def _compared(old: dict[str, Any], new: dict[str, Any]) -> Iterator[rows.Table]:
    yield rows.comparison(list(compare.changes(old, new)))
    gone, come = compare.only_in_one(old, new)
    notes = [f"only in the older result: {', '.join(gone)}"] if gone else []
    notes += [f"only in this one: {', '.join(come)}"] if come else []
    if not compare.same_machine(old, new):
        notes.append("the two were measured on different machines: only ratios within each can be compared")
    if old["options"]["quick"] != new["options"]["quick"]:
        notes.append("one of the two is a quick run: its windows are shorter, and its figures higher")
    if not old["complete"]:
        notes.append("the older result is partial")
    if notes:
        yield rows.Table("of the comparison", ("",), tuple((note,) for note in notes))


@contextmanager
def _progress(console: Console, parts: int) -> Iterator[Callable[[str, str, float], None]]:
    done: list[str] = []
    with terminal.progress(console) as bar:
        task = bar.add_task("", total=max(1, parts), scenario="")

        def tell(name: str, what: str, share: float) -> None:
            bar.update(task, completed=len(done) + min(1.0, share), description=what, scenario=name)
            if share >= 1.0:
                done.append(name)

        yield tell


def main(*, scenarios: list[str], out: Path, compare: Path | None, quick: bool, soak: float, as_json: bool) -> None:
    """The command, with its options as they were typed."""
    options = Options(scenarios=tuple(scenarios), out=out, compare=compare, soak=soak)
    chosen = options.hurried() if quick else options
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell had it ignored
        signal.signal(number, signal.default_int_handler)
    code = run(chosen, out=Console(stderr=True, highlight=False) if as_json else None)
    if as_json:
        sys.stdout.write((out / "bench.json").read_text("utf-8") + "\n")
    sys.exit(code)
