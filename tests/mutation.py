"""Plants faults in the pure core, one at a time, and counts those that the tests of that room see (by mutmut).

    python -m tests.mutation --minutes 20 consent decision

Works in a copy under `var/mutation`. The faults are tried in a random order (`--seed`), so that a room that is too
large for the minutes is a sample, whose score has bounds (Wilson, 95 %). Prints the score and the faults that no test
saw. The next run goes on where this one ended. After tests were added, delete the room's copy and take another seed:
the same faults, tried again, would flatter them.

Each fault runs in a fork of a Python that has imported the tests already, and only those tests that call its function,
the quickest first. What was remembered before the fault is forgotten. What they miss is shown to slower tests in a
Python of its own. A function that runs while modules are imported has run before the fault is planted: what is missed
in one is shown to all tests in a Python of its own, in which the fault stands from the beginning.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import math
import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# What is planted with faults, the tests that must see them, and slower ones, which look at what the others missed.
CORE = {
    "consent": ("gatekeeper/consent/*.py", ("tests/consent", "tests/test_guide_tables.py"), ()),
    "decision": (
        "gatekeeper/decision.py",
        ("tests/test_decide.py", "tests/test_decision.py", "tests/test_guide_tables.py"),
        (),
    ),
    "fields": (
        "gatekeeper/fields/*.py",
        (
            "tests/destinations/test_bad_input.py",
            "tests/destinations/test_hashing_vectors.py",
            "tests/destinations/test_phone_numbers.py",
            "tests/test_accept.py",
            "tests/test_base64url.py",
            "tests/test_bounds.py",
            "tests/test_fields.py",
            "tests/test_formats.py",
            "tests/test_guide_tables.py",
            "tests/test_scrubbing_in_the_gate.py",
            "tests/test_strict.py",
        ),
        ("tests/exchanges", "tests/laws/test_laws.py"),
    ),
    "scrub": (
        "gatekeeper/scrub/*.py",
        (
            "tests/scrub/test_scrub_click_ids.py",
            "tests/scrub/test_scrub_fields.py",
            "tests/scrub/test_scrub_identifier.py",
            "tests/scrub/test_scrub_meter.py",
            "tests/scrub/test_scrub_paths.py",
            "tests/scrub/test_scrub_shapes.py",
            "tests/scrub/test_scrub_spans.py",
            "tests/scrub/test_scrub_taint.py",
            "tests/scrub/test_scrub_text.py",
            "tests/scrub/test_scrub_url.py",
            "tests/scrub/test_scrub_views.py",
            "tests/test_scrubbing_in_the_gate.py",
        ),
        (
            "tests/scrub/test_scrub_edges.py",
            "tests/scrub/test_quick_looks.py",
            "tests/scrub/test_scrub_rates.py",
            "tests/laws/test_declared.py",
        ),
    ),
    "gate": (
        "gatekeeper/gate/*.py",
        (
            "tests/corpus",
            "tests/destinations/test_formatted_events.py",
            "tests/gate",
            "tests/laws/test_recompute.py",
            "tests/native/test_google_web.py",
            "tests/native/test_meta_capi.py",
            "tests/outbound/test_graph_batch.py",
            "tests/reports/test_replay.py",
            "tests/rights/test_suppression.py",
            "tests/shells/test_limits.py",
            "tests/signals/test_services.py",
            "tests/test_decide.py",
            "tests/test_decision.py",
            "tests/test_guide_tables.py",
            "tests/test_scrubbing_in_the_gate.py",
        ),
        ("tests/shells/test_exchange.py", "tests/shells/test_wire.py"),
    ),
    "audit": (
        "gatekeeper/audit/*.py",
        (
            "tests/audit/test_about.py",
            "tests/audit/test_archive.py",
            "tests/audit/test_asking.py",
            "tests/audit/test_begun.py",
            "tests/audit/test_believed.py",
            "tests/audit/test_chain.py",
            "tests/audit/test_counted.py",
            "tests/audit/test_facts.py",
            "tests/audit/test_files.py",
            "tests/audit/test_format_1.py",
            "tests/audit/test_format_1_reading.py",
            "tests/audit/test_groups.py",
            "tests/audit/test_heads.py",
            "tests/audit/test_identifiers.py",
            "tests/audit/test_lines.py",
            "tests/audit/test_machines.py",
            "tests/audit/test_moving_lines.py",
            "tests/audit/test_numbering.py",
            "tests/audit/test_own_keys.py",
            "tests/audit/test_page.py",
            "tests/audit/test_proof.py",
            "tests/audit/test_pruning.py",
            "tests/audit/test_query.py",
            "tests/audit/test_questions.py",
            "tests/audit/test_reading.py",
            "tests/audit/test_recent.py",
            "tests/audit/test_recover.py",
            "tests/audit/test_retention.py",
            "tests/audit/test_s3_client.py",
            "tests/audit/test_sentences.py",
            "tests/audit/test_small_lines.py",
            "tests/audit/test_stale_columns.py",
            "tests/audit/test_stamps.py",
            "tests/audit/test_statistics_kept.py",
            "tests/audit/test_strangers.py",
            "tests/audit/test_time.py",
            "tests/audit/test_trail.py",
            "tests/audit/test_verify.py",
            "tests/audit/test_vocabulary.py",
            "tests/console/test_machines.py",
            "tests/console/test_now.py",
            "tests/corpus",
            "tests/laws/test_audit_laws.py",
            "tests/laws/test_heads.py",
            "tests/laws/test_lines.py",
            "tests/storage/test_s3.py",
            "tests/test_subjects.py",
        ),
        (
            "tests/audit/test_redact.py",
            "tests/console/test_audit.py",
            "tests/rights/test_retention.py",
            "tests/shells/test_admin.py",
            "tests/audit/test_forgeries.py",
            "tests/audit/test_writer.py",
        ),
    ),
}
COPIED = (
    "gatekeeper",
    "tests",
    "deploy",
    "docs",
    "geoip",
    "benchmarks",
    "middleware_examples",
    "README.md",
    "pyproject.toml",
)
SEEN, UNSEEN = ("killed", "timeout", "segfault"), ("survived", "no tests")
# mutmut collects the tests several times in one process, and pytest escapes an escaped name once more each time.
# Tests that measure time would see, on a busy machine, faults that are not there.
PLAIN = (
    "-k", "not time_grows", "-p", "no:cacheprovider", "-p", "tests.mutation",
    "-o", "disable_test_id_escaping_and_forfeit_all_rights_to_community_support=true",
)  # fmt: skip
PART = 100  # faults of one start of mutmut
AT_A_TIME = 2  # faults; `--at-a-time` says otherwise
LONGEST = 1_800.0  # seconds for the slower tests; a fault that makes them go on without end is seen
MUTMUT = (sys.executable, "-m", "mutmut")
MUTANT = (sys.executable, "-m", "pytest", "-x", *PLAIN)


def copy(room: str, folder: Path) -> None:
    """The tree, with what mutmut is to do in its pyproject.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy2)(
            ROOT / name, folder / name, **({"dirs_exist_ok": True} if (ROOT / name).is_dir() else {})
        )
    files, tests, _ = CORE[room]
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'\n[tool.mutmut]\nsource_paths = ["gatekeeper"]\nonly_mutate = ["{files}"]\n'
            f"pytest_add_cli_args_test_selection = {json.dumps(tests)}\nalso_copy = {json.dumps(COPIED[1:])}\n"
            f"pytest_add_cli_args = {json.dumps(PLAIN)}\n"
        )


def results(folder: Path) -> dict[str, str]:
    """Every fault that mutmut knows to plant, and what became of it."""
    command = [*MUTMUT, "results", "--all", "true"]
    lines = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.strip().rsplit(": ", 1) for line in lines)


def bounds(seen: int, tried: int, every: int) -> tuple[float, float]:
    """Between which shares the whole room's score is, with a probability of 95 % (Wilson, for a finite number)."""
    if not 0 < tried < every:
        return (seen / max(tried, 1),) * 2
    z2 = 1.96**2 * (every - tried) / (every - 1)  # for a part of a room, not of an endless one
    share, scale = seen / tried, 1 + z2 / tried
    middle, reach = share + z2 / (2 * tried), math.sqrt(z2 * (share * (1 - share) + z2 / (4 * tried)) / tried)
    return (middle - reach) / scale, (middle + reach) / scale


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """In the copy: tests in the order of the time that they took when mutmut ran them without a fault."""
    path = Path("mutmut-stats.json")
    if path.exists():
        took = json.loads(path.read_text("utf-8"))["duration_by_test"]
        items.sort(key=lambda item: took.get(item.nodeid, math.inf))  # the slower tests have no time: they come last


def pytest_sessionstart() -> None:
    """In the copy: what was worked out before the fault was planted is forgotten. A fork has its parent's memories."""
    from gatekeeper.memory import Compiled, Memory  # later: what is imported here is not planted with faults
    from gatekeeper.scrub.remembered import Remembered

    cached = type(functools.lru_cache(len))
    for one in gc.get_objects():
        if type(one) is cached and str(one.__module__).startswith("gatekeeper"):
            one.cache_clear()
        elif type(one) is Compiled:
            one.clear()
        elif type(one) in (Memory, Remembered):
            for held in gc.get_referents(one):
                if hasattr(held, "clear"):
                    held.clear()


def pytest_make_parametrize_id(val: object) -> str | None:
    """In the copy: with names as they are, as PLAIN wants them, pytest cannot name bytes."""
    return val.decode("ascii", "backslashreplace") if isinstance(val, bytes) else None


def early(folder: Path) -> set[str]:
    """The functions that ran while the tests were imported: mutmut says of them that the first test calls them."""
    stats = json.loads((folder / "mutants" / "mutmut-stats.json").read_text("utf-8"))
    first = next(iter(stats["duration_by_test"]), None)
    return {name for name, tests in stats["tests_by_mangled_function_name"].items() if first in tests}


def function_of(name: str) -> str:
    """The function that a fault is in, as mutmut calls it."""
    return name.rpartition("__mutmut_")[0].replace("__init__.", "")


def looked(folder: Path, room: str, names: list[str], at_a_time: int, quick_only: bool) -> None:
    """Writes down which of the faults a Python of its own sees: in the slower tests, or in all of them."""
    if not names:
        return
    known = later(folder)
    _, quick, slow = CORE[room]
    slow = () if quick_only else slow
    every = early(folder)
    tests = {name: (*quick, *slow) if function_of(name) in every else slow for name in names}
    tests = {name: those for name, those in tests.items() if those} | {"": (*quick, *slow)}

    def sees(name: str) -> bool:
        environ = os.environ | {"MUTANT_UNDER_TEST": name}
        quiet = subprocess.DEVNULL
        try:
            ran = subprocess.run(
                [*MUTANT, *tests[name]],
                cwd=folder / "mutants",
                env=environ,
                stdout=quiet,
                stderr=quiet,
                timeout=LONGEST,
            )
        except subprocess.TimeoutExpired:
            return True
        return ran.returncode > 0  # less: it was stopped from outside

    names = [name for name in names if name in tests]
    if not names:
        return
    if sees(""):
        raise SystemExit(f"{room}: its tests fail without a fault")
    with ThreadPoolExecutor(at_a_time) as pool:
        for name, found in zip(names, pool.map(sees, names), strict=True):
            known[name] = found
            (folder / "later.json").write_text(json.dumps(known), "utf-8")


def missed(folder: Path, room: str, at_a_time: int, quick_only: bool) -> None:
    """Shows to the slower tests what the others missed, and they have not seen yet."""
    known = later(folder)
    unseen = [name for name, fate in results(folder).items() if fate in UNSEEN and name not in known]
    looked(folder, room, sorted(unseen), at_a_time, quick_only)


def later(folder: Path) -> dict[str, bool]:
    """Of faults that the first tests missed, whether the slower ones saw them."""
    path = folder / "later.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def score(room: str, minutes: float, most: int, seed: int, at_a_time: int, quick_only: bool) -> dict[str, str]:
    """What became of each fault of the room, after as many minutes or faults."""
    folder = ROOT / "var" / "mutation" / room
    until = time.monotonic() + 60 * minutes
    copy(room, folder)
    with (folder / "run.log").open("wb") as log:
        # A name that fits no fault: mutmut makes the faults, times the tests, and ends.
        subprocess.run([*MUTMUT, "run", "none"], cwd=folder, check=False, stdout=log, stderr=log)
        missed(folder, room, at_a_time, quick_only)  # of a run that was broken off
        left = sorted(name for name, fate in results(folder).items() if fate == "not checked")
        random.Random(seed).shuffle(left)
        left = left[:most]
        while left and time.monotonic() < until:
            part, left = left[:PART], left[PART:]  # to its end: mutmut begins with the quick ones, which are no sample
            command = [*MUTMUT, "run", "--max-children", str(at_a_time), *part]
            subprocess.run(command, cwd=folder, check=True, stdout=log, stderr=log)
            missed(folder, room, at_a_time, quick_only)
    seen = {name for name, found in later(folder).items() if found}
    return {name: "killed" if name in seen else fate for name, fate in results(folder).items()}


def main() -> int:
    """Fails if nothing could be tried: then the tests are red before any fault, or the minutes too few."""
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("rooms", nargs="*", choices=CORE, default=list(CORE))
    words.add_argument("--minutes", type=float, default=20.0, help="for all rooms together")
    words.add_argument("--most", type=int, default=10**6, help="faults that are tried of each room")
    words.add_argument("--seed", type=int, default=0, help="of the order in which faults are tried")
    words.add_argument("--at-a-time", type=int, default=AT_A_TIME, help="faults that are tried at once")
    words.add_argument("--quick", action="store_true", help="without the slower tests: the score is a little lower")
    given = words.parse_args()
    every = True
    for room in given.rooms:
        fates = score(room, given.minutes / len(given.rooms), given.most, given.seed, given.at_a_time, given.quick)
        seen = sum(fate in SEEN for fate in fates.values())
        unseen = [f"{name}: {fate}" for name, fate in fates.items() if fate in UNSEEN]
        tried = seen + len(unseen)
        low, high = bounds(seen, tried, len(fates))
        print(*unseen, sep="\n")
        print(
            f"{room}: {seen} of {tried} planted faults were seen ({seen / max(tried, 1):.1%});"
            f" of all {len(fates)} between {low:.1%} and {high:.1%}",
            flush=True,
        )
        every &= tried > 0
    return 0 if every else 1


if __name__ == "__main__":
    sys.exit(main())
