"""docs/reliability.md out of a run's figures: `python -m tests.torture.report FIGURES`. `make torture` calls it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import apsw

from gatekeeper import __version__

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
FLOOD = "flood: "
TEMPLATE = Path(__file__).with_name("reliability.template.md")


def table(figures: list[dict[str, Any]]) -> list[str]:
    """A row per check; errors inside answers together."""
    rows = []
    several = ("planted bug", "errors inside answers", FLOOD)
    single = [one for one in figures if not one["check"].startswith(several)]
    inside = [one for one in figures if one["check"] == "errors inside answers"]
    if inside:
        single.append(
            {"check": "errors inside answers", "cases": len(inside)}
            | {"broken": sum(one["broken"] for one in inside)}
            | {"seconds": sum(one["seconds"] for one in inside), "accepted": len(inside)}
        )
    floods = list({one["check"]: one for one in figures if one["check"].startswith(FLOOD)}.values())
    if floods:
        single.append(
            {"check": f"floods of {len(floods)} shapes"}
            | {key: sum(one[key] for one in floods) for key in ("cases", "broken", "seconds")}
        )
    for one in single:
        cells = [one["check"], one["cases"], one.get("accepted", ""), one["broken"], one.get("repeated", "")]
        rows.append("| " + " | ".join(str(cell) for cell in [*cells, f"{one['seconds']:.0f}"]) + " |")
    return rows


def page(figures: list[dict[str, Any]]) -> str:
    """The whole of it."""
    by_name = {one["check"]: one for one in figures}
    strace = subprocess.run(["strace", "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    notes = []
    if sweep := by_name.get("system calls that kill or fail"):
        notes.append(
            f"Of {sweep['of']} possible points {sweep['cases']} were tried; {sweep['died']} ended the process; "
            f"the slowest recovery took {sweep['slowest']} s."
        )
    soaks = [one for one in figures if one["check"].startswith("steady load")]
    soak = "; ".join(
        f"{one['seconds']:.0f} s, {one['accepted']:,} events, {one['cases']} scrapes; resident memory "
        f"{one['first']} MiB at the first look, {one['middle']} in the second third, {one['last']} in the last"
        for one in soaks
    )
    forks = "; ".join(
        f"{one['check']}: {one['cases']} children that track, {one['median']} ms for the median fork, "
        f"{one['longest']} ms for the longest"
        for one in figures
        if one["check"].startswith("forks")
    )
    floods = list({one["check"]: one for one in figures if one["check"].startswith(FLOOD)}.values())
    flood = "Not part of this run."
    if floods:
        flood = (
            f"At the worst of them `healthz` took {max(one['health'] for one in floods)} s (without a flood "
            f"{max(one['control'] for one in floods)}), another client's event "
            f"{max(one['event'] for one in floods)} s ({max(one['control_event'] for one in floods)}), "
            f"memory grew by {max(one['memory'] for one in floods)} MiB."
        )
    bad_lines = by_name.get("bad lines to a vendor")
    return TEMPLATE.read_text("utf-8").format(
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        version=__version__,
        python=platform.python_version(),
        sqlite=apsw.sqlite_lib_version(),
        kernel=platform.release().split("-")[0],
        strace=strace.replace(" -- version", ""),
        cores=os.cpu_count(),
        seed=figures[0]["seed"],
        rows="\n".join(table(figures)),
        notes=" ".join(notes),
        sound=f" (its five events arrive {bad_lines['sound']} s after their 202)" if bad_lines else "",
        floods=len(floods) or "many",
        flood=flood,
        soak=soak or "not part of this run",
        forks=forks or "not part of this run",
        bugs="\n".join(
            f"| {one['text']} | {_first(one['first'])} |" for one in figures if one["check"] == "planted bug"
        ),
    )


def _first(sentence: str) -> str:
    return sentence.split("\n")[0].split(": /")[0][:110]


if __name__ == "__main__":
    found = [json.loads(line) for name in sys.argv[1:] for line in Path(name).read_text("utf-8").splitlines()]
    PAGE.write_text(page(found), "utf-8")
    print(f"{PAGE.name} written")
