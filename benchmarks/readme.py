"""Put a run's figures where readers look: a table between two marks of the README, and the picture beside the docs.

    python -m benchmarks.readme FOLDER README.md docs/benchmarks.png

FOLDER is what `gatekeeper bench --out` wrote to. A partial or a quick result is refused unless `--any` is given.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gatekeeper.errors import ConfigError

from . import result
from .charts import is_ours, number
from .rows import BESIDE, machine_line, ours
from .run import HURRIED

START, END = "<!-- bench -->", "<!-- /bench -->"
_SHOWN = ("middleware", "decide", "call", "collect", "outbound")


def section(found: Mapping[str, Any], picture: str) -> str:
    """The README's text between its marks."""
    kind = "a quick run" if found["options"]["quick"] else "a whole run"
    warned = "".join(f" {line}" for line in found["warnings"])
    head = (
        f"Measured {found['started'][:10]} ({kind}) on: {machine_line(found)}.{warned}\n"
        "CPU µs are of the process under test per request, medians; × is that cost over ours in the same run, + what "
        "wrapping adds.\n\n"
        "| | CPU µs | × or + | req/s | p50 ms | p99 ms | MB |\n|---|---:|---:|---:|---:|---:|---:|\n"
    )
    return head + "\n".join(_rows(found)) + f"\n\n![What the gate costs]({picture})\n"


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


def put(text: str, between: str) -> str:
    """The README with another section. Raises ConfigError if it has no marks."""
    head, start, rest = text.partition(START)
    _, end, tail = rest.partition(END)
    if not start or not end:
        raise ConfigError(f"the README has no {START} … {END}")
    return f"{head}{START}\n{between}{END}{tail}"


def main() -> None:
    """Update README and picture."""
    words = [word for word in sys.argv[1:] if word != "--any"]
    folder, readme, picture = (Path(word) for word in words)
    found = result.read(folder / "bench.json")
    if (found["options"]["quick"] or not found["complete"]) and "--any" not in sys.argv:
        sys.exit("readme: this is a quick or partial result; measure in full, or say --any")
    shutil.copyfile(folder / "bench.png", picture)
    where = picture.relative_to(readme.parent) if picture.is_relative_to(readme.parent) else picture
    readme.write_text(put(readme.read_text("utf-8"), section(found, where.as_posix())), "utf-8")


if __name__ == "__main__":
    main()
