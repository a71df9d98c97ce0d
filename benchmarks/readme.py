"""Put a run's figures where readers look: four rows in the README, the whole table and the picture in the docs.

    python -m benchmarks.readme FOLDER README.md docs/benchmarks.md docs/benchmarks.png

FOLDER is what `gatekeeper bench --out` wrote to. A partial or a quick result is refused unless `--any` is given.
Either text is replaced between two marks; what stands around them is the author's.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from os.path import relpath
from pathlib import Path
from typing import Any

from gatekeeper.errors import ConfigError

from . import result
from .charts import is_ours, number
from .rows import BESIDE, machine_line, ours
from .run import HURRIED

START, END = "<!-- bench -->", "<!-- /bench -->"
_SHOWN = ("middleware", "decide", "call", "collect", "outbound")
CHOSEN = (  # the README's rows: what is done, the scenario, the contestant of ours, those that stand beside it
    ("an app asks for a visitor's consent", "middleware", "gatekeeper, consent asked", ("BaseHTTPMiddleware",)),
    ("a vendor's call through the sidecar", "call", "GA4: gatekeeper",
     ("GA4: nginx + Lua", "GA4: node + undici", "GA4: starlette + httpx")),
    ("one event to four destinations, durable", "collect", "gatekeeper", ("walkerOS collector",)),
    ("an app's own call with httpx, in its process", "outbound", "httpx, gated", ("httpx",)),
)  # fmt: skip

TAKES = (  # what one core takes, the scenario, the contestant of ours
    ("calls to GA4", "call", "GA4: gatekeeper"),
    ("calls to Meta", "call", "Meta: gatekeeper"),
    ("events, each delivered to four destinations", "collect", "gatekeeper"),
)


def _measured(found: Mapping[str, Any]) -> str:
    kind = "a quick run" if found["options"]["quick"] else "a whole run"
    warned = "".join(f" {line}" for line in found["warnings"])
    return f"Measured {found['started'][:10]} ({kind}) on: {machine_line(found)}.{warned}\n"


def short(found: Mapping[str, Any]) -> str:
    """The README's text between its marks: four rows, each with what one would use instead."""
    head = (
        "| CPU µs per request | Gatekeeper | beside it, in the same run (× is its cost over ours) |\n|---|---:|---|\n"
    )
    return _measured(found) + "\n" + head + "\n".join(_few(found)) + "\n"


def _few(found: Mapping[str, Any]) -> Iterator[str]:
    for what, name, mine, others in CHOSEN:
        contestants = found["scenarios"].get(name, {}).get("contestants", {})
        costs = {
            one: told["metrics"]["cpu_us"]["median"]
            for one, told in contestants.items()
            if "cpu_us" in told["metrics"] and told["why"] != HURRIED
        }
        if mine not in costs:
            yield f"| {what} | not measured | |"
            continue
        wrapping = added(contestants[mine]["metrics"])
        beside = [
            f"{one.partition(': ')[2] or one} {number(costs[one])} (× {number(costs[one] / costs[mine])})"
            for one in others
            if one in costs
        ]
        cost = number(costs[mine]) + (f", of which {wrapping.removeprefix('+ ')} are the gate's" if wrapping else "")
        yield f"| {what} | {cost} | {', '.join(beside)} |"


def section(found: Mapping[str, Any], picture: str) -> str:
    """The whole table, for docs/benchmarks.md."""
    head = (
        "CPU µs are of the process under test per request, medians; × is that cost over ours in the same run, + what "
        "wrapping adds.\n\n"
        "| | CPU µs | × or + | req/s | p50 ms | p99 ms | MB |\n|---|---:|---:|---:|---:|---:|---:|\n"
    )
    table = _measured(found) + head + "\n".join(_rows(found))
    return f"{table}\n\n{capacity(found)}\n![What the gate costs]({picture})\n"


def capacity(found: Mapping[str, Any]) -> str:
    """What one core takes at its limit: of each kind of request how many in a second and in a day."""
    made = "| What one core takes | a second | millions a day |\n|---|---:|---:|\n"
    for what, name, mine in TAKES:
        contestants = found["scenarios"].get(name, {}).get("contestants", {})
        metrics = contestants.get(mine, {}).get("metrics", {})
        rate = metrics.get("delivered_per_second") or metrics.get("per_second")
        if rate is None:
            made += f"| {what} | not measured | |\n"
        else:
            made += f"| {what} | {number(rate['median'])} | {number(rate['median'] * 86_400 / 1e6)} |\n"
    return made


def _rows(found: Mapping[str, Any]) -> Iterator[str]:
    for name in _SHOWN:
        contestants = found["scenarios"].get(name, {}).get("contestants", {})
        for one, told in contestants.items():
            metrics, latency = told["metrics"], told["latency"] or {}
            label = f"**{name}: {one}**" if is_ours(one) or name == "decide" else f"{name}: {one}"
            if told["why"] == HURRIED:
                continue
            if "cpu_us" not in metrics:
                yield f"| {label} | {told['status']}: {told['why']} | | | | | |"
                continue
            cpu, mine = metrics["cpu_us"]["median"], ours(one, contestants) if name in BESIDE else None
            base = contestants[mine]["metrics"].get("cpu_us") if mine and mine != one else None
            yield "| " + " | ".join((
                label, number(cpu), f"× {number(cpu / base['median'])}" if base else added(metrics),
                number(metrics["per_second"]["median"]) if "per_second" in metrics else "",
                *(number(latency[key]) if key in latency else "" for key in ("p50", "p99")),
                f"{told['memory_mb']:.0f}" if told["memory_mb"] else "",
            )) + " |"  # fmt: skip


def added(metrics: Mapping[str, Any]) -> str:
    """What a wrapped app costs more than the bare one."""
    if "added_us" not in metrics:
        return ""
    value = metrics["added_us"]["median"]
    return f"+ {number(value)}" if value >= 0 else f"− {number(-value)}"  # less than nothing: noise


def put(path: Path, between: str) -> str:
    """The file's text with another section. Raises ConfigError if it has no marks."""
    head, start, rest = path.read_text("utf-8").partition(START)
    _, end, tail = rest.partition(END)
    if not start or not end:
        raise ConfigError(f"{path.name} has no {START} … {END}")
    return f"{head}{START}\n{between}{END}{tail}"


def main() -> None:
    """Update README, page and picture: all of them or, if one has no marks, none."""
    words = [word for word in sys.argv[1:] if word != "--any"]
    folder, readme, page, picture = (Path(word) for word in words)
    found = result.read(folder / "bench.json")
    if (found["options"]["quick"] or not found["complete"]) and "--any" not in sys.argv:
        sys.exit("readme: this is a quick or partial result; measure in full, or say --any")
    texts = {
        readme: put(readme, short(found)),
        page: put(page, section(found, Path(relpath(picture, page.parent)).as_posix())),
    }
    shutil.copyfile(folder / "bench.png", picture)
    for path, text in texts.items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
