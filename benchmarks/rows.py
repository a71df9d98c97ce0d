"""A result as rows of text: the same in the terminal, on the page and in the README. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .charts import is_ours, number
from .compare import Change

HEADINGS = ("", "CPU µs", "spread", "× ours", "req/s", "p50 ms", "p90", "p99", "p99.9", "max", "MB", "")

BESIDE = (
    "call",
    "call-500",
    "call-2000",
    "collect",
)  # scenarios in which others do our work: their cost is told as a multiple of ours


@dataclass(frozen=True, slots=True)
class Table:
    """A heading and rows of cells, all text. Columns without any cell are left out."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(result: Mapping[str, Any]) -> Iterator[Table]:
    """One table per scenario, then the stage profiles and the curves."""
    for name, scenario in result["scenarios"].items():
        contestants = scenario["contestants"]
        beside = contestants if name in BESIDE else {}
        rows = [_row(one, found, beside) for one, found in contestants.items()]
        yield _narrow(Table(f"{name}: {scenario['title']}", HEADINGS, tuple(rows)))
    for subject, profile in result["profile"].items():
        if "stages" in profile:
            total = sum(profile["stages"].values()) or 1.0
            stages = [(name, number(us), f"{us / total:.0%}") for name, us in profile["stages"].items()]
            yield Table(f"stages of {subject}", ("", "CPU µs", "share"), (*stages, ("all", number(total), "")))
        else:
            yield Table(f"stages of {subject}", ("",), ((profile["why"],),))
    for curve in result["curves"].values():
        points = [
            (f"{point['x']:,}", number(point["median"]), f"{number(point['low'])}–{number(point['high'])}")
            for point in curve["points"]
        ]
        if points:
            unit = "CPU µs" if curve["unit"] == "µs" else curve["unit"]
            yield Table(curve["title"], (curve["x"], unit, "spread"), tuple(points))

    if told := result["wrk"]:
        by = [(name, number(one["per_second"]), number(one["cpu_us"])) for name, one in told.items() if name != "why"]
        title = "our load generator beside wrk, on uvicorn with a bare app"
        yield Table(title, ("", "req/s", "CPU µs"), tuple(by) if by else ((told["why"], "", ""),))


def _row(name: str, found: Mapping[str, Any], contestants: Mapping[str, Any]) -> tuple[str, ...]:
    if found["status"] != "measured" and not found["metrics"]:
        return (name, *[""] * (len(HEADINGS) - 2), f"{found['status']}: {found['why']}")
    metrics, latency = found["metrics"], found["latency"] or {}
    cpu = metrics.get("cpu_us")
    said = [found["note"], found["why"] or ""]
    if paced := metrics.get("paced_us"):
        said.insert(0, f"{number(paced['median'])} µs at {found['latency']['rate']:,.0f} a second")
    if servers := metrics.get("servers_us"):
        said.insert(0, f"{number(servers['median'])} µs of the servers")
    if added := metrics.get("added_us"):
        said.insert(0, f"adds {number(added['median'])} µs")
    for key, words in (("lost", "events lost"), ("refused", "refused")):
        if key in metrics:
            said.append(f"{number(metrics[key]['median'])} {words}")
    if latency.get("unsent"):
        said.append(f"{latency['unsent']} were due and not answered: it could not keep up")
    if cpu and cpu["unclean"]:
        said.append(f"{cpu['unclean']} of {len(cpu['rounds'])} rounds disturbed by others")
    return (
        name,
        number(cpu["median"]) if cpu else "",
        f"{number(cpu['low'])}–{number(cpu['high'])}" if cpu else "",
        _ratio(name, found, contestants),
        number(metrics["per_second"]["median"]) if "per_second" in metrics else "",
        *(number(latency[key]) if key in latency else "" for key in ("p50", "p90", "p99", "p99.9", "max")),
        f"{found['memory_mb']:.0f}" if found["memory_mb"] else "",
        "; ".join(word for word in said if word),
    )


def ours(name: str, contestants: Mapping[str, Any]) -> str | None:
    """The contestant of ours that this one stands beside: the same vendor's call, with the same input."""
    group = name.partition(": ")[0] if ": " in name else ""
    of_ours = [other for other in contestants if is_ours(other) and other.startswith(group)]
    _, varied, which = name.partition(", ")
    alike = [other for other in of_ours if varied and not is_ours(name) and other.endswith(which)]
    return next(iter((*alike, *of_ours)), None)


def _ratio(name: str, found: Mapping[str, Any], contestants: Mapping[str, Any]) -> str:
    mine = ours(name, contestants)
    if mine is None or mine == name or "cpu_us" not in contestants[mine]["metrics"]:
        return ""
    base = contestants[mine]["metrics"]["cpu_us"]["median"]
    return f"{number(found['metrics']['cpu_us']['median'] / base)}" if base and "cpu_us" in found["metrics"] else ""


def comparison(changes: list[Change]) -> Table:
    """What changed: only what is more than noise, or one line that nothing is."""
    told = [
        (f"{one.scenario}: {one.contestant}", one.metric, *map(number, (one.old, one.new, one.ratio)), one.verdict)
        for one in changes
        if one.verdict != "noise"
    ]
    quiet = sum(one.verdict == "noise" for one in changes)
    rest = (f"{quiet} figures of {len(changes)} differ by noise only", "", "", "", "", "")
    return Table("compared with the older result", ("", "figure", "then", "now", "ratio", "verdict"), (*told, rest))


def _narrow(table: Table) -> Table:
    kept = [place for place in range(len(table.headings)) if any(row[place] for row in table.rows)]
    return Table(
        table.title, tuple(table.headings[place] for place in kept),
        tuple(tuple(row[place] for place in kept) for row in table.rows),
    )  # fmt: skip


def machine_line(result: Mapping[str, Any]) -> str:
    """The machine in one line."""
    machine = result["machine"]
    memory = f", {machine['memory_mb'] / 1024:.0f} GB" if machine.get("memory_mb") else ""
    pinned = "pinned" if machine["pinned"] else "not pinned"
    return (
        f"{machine['processor']}, {machine['cores']} cores{memory}, {machine['system']} {machine['architecture']}, "
        f"{machine['python']}, {machine['event_loop']}; processes {pinned}; gatekeeper {result['gatekeeper']}"
    )
