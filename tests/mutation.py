"""Plants faults in the pure core, one at a time, and counts those that the tests of that room see (by mutmut).

    python -m tests.mutation --minutes 20 consent decision

Works in a copy under `var/mutation`, prints the score, and the faults that no test saw. What was not tried when the
minutes are over counts neither way; the next run goes on there.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# What is planted with faults, and the tests that must see them.
CORE = {
    "consent": ("gatekeeper/consent/*.py", ("tests/consent", "tests/test_guide_tables.py")),
    "decision": (
        "gatekeeper/decision.py",
        ("tests/test_decide.py", "tests/test_decision.py", "tests/test_guide_tables.py"),
    ),
    "fields": ("gatekeeper/fields/*.py", ("tests/policy", "tests/destinations/test_hashing_vectors.py")),
    "scrub": ("gatekeeper/scrub/*.py", ("tests/scrub",)),
}
COPIED = ("gatekeeper", "tests", "docs", "geoip", "benchmarks", "middleware_examples", "README.md", "pyproject.toml")
SEEN, UNSEEN = ("killed", "timeout", "segfault"), ("survived", "no_tests")


def copy(room: str, folder: Path) -> None:
    """The tree, with what mutmut is to do in its pyproject.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy2)(
            ROOT / name, folder / name, **({"dirs_exist_ok": True} if (ROOT / name).is_dir() else {})
        )
    files, tests = CORE[room]
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'\n[tool.mutmut]\nsource_paths = ["gatekeeper"]\nonly_mutate = ["{files}"]\n'
            f"pytest_add_cli_args_test_selection = {json.dumps(tests)}\nalso_copy = {json.dumps(COPIED[1:])}\n"
        )


def score(room: str, minutes: float) -> tuple[int, int, str]:
    """Faults that were seen, faults that were tried, and the list of the others."""
    folder = ROOT / "var" / "mutation" / room
    copy(room, folder)
    mutmut = [sys.executable, "-m", "mutmut"]
    try:
        with (folder / "run.log").open("wb") as log:
            command = [*mutmut, "run", "--max-children", "2"]
            subprocess.run(command, cwd=folder, timeout=60 * minutes, check=True, stdout=log, stderr=log)
    except subprocess.TimeoutExpired:
        print(f"{room}: {minutes:g} minutes are over")
    subprocess.run([*mutmut, "export-cicd-stats"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    stats = json.loads((folder / "mutants" / "mutmut-cicd-stats.json").read_text("utf-8"))
    seen = sum(stats.get(name, 0) for name in SEEN)
    left = subprocess.run([*mutmut, "results"], cwd=folder, capture_output=True, text=True, check=True).stdout
    unseen = "\n".join(line for line in left.splitlines() if line.endswith((": survived", ": no tests")))
    return seen, seen + sum(stats.get(name, 0) for name in UNSEEN), unseen


def main() -> int:
    """Fails if nothing could be tried: then the tests are red before any fault, or the minutes too few."""
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("rooms", nargs="*", choices=CORE, default=list(CORE))
    words.add_argument("--minutes", type=float, default=20.0, help="for all rooms together")
    given = words.parse_args()
    every = True
    for room in given.rooms:
        seen, tried, unseen = score(room, given.minutes / len(given.rooms))
        print(unseen)
        print(f"{room}: {seen} of {tried} planted faults were seen ({seen / max(tried, 1):.1%})", flush=True)
        every &= tried > 0
    return 0 if every else 1


if __name__ == "__main__":
    sys.exit(main())
