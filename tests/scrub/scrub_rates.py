"""Recall and false positives of the scrubber on the labelled set.

    PYTHONPATH=. python tests/scrub/scrub_rates.py            the tables of docs/scrubbing.md
    PYTHONPATH=. python tests/scrub/scrub_rates.py --misses   what the tuning part gets wrong, value by value

The files `*_heldout*` are other values, written after the detector was tuned on the rest. Their failures are
never printed, so that nobody tunes on them.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from gatekeeper.scrub import personal_shape, scrub_text, scrub_url

LABELLED = Path(__file__).parent / "labelled"
SECRETS = frozenset({"key", "token", "jwt"})  # one secret is not always told from the other; gone is gone


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled value; `shape` is `None` for an ordinary one.

    `core` is the personal part, which may not be seen afterwards, nor `packed`, the word it is encoded in.
    """

    kind: str
    door: str
    value: str
    shape: str | None = None
    core: str = ""
    packed: str = ""
    held_out: bool = False


PARTS = (("", False), ("_heldout", True))


def positives() -> Iterator[Row]:
    """Values that hold something personal."""
    for part, held_out in PARTS:
        for row in json_lines(f"positives{part}.jsonl"):
            shape, core, packed = row["shape"], row["core"], row["packed"]
            yield Row(row["carrier"], row["door"], row["value"], shape, core, packed, held_out)


def ordinary() -> Iterator[Row]:
    """Values that hold nothing personal."""
    for part, held_out in PARTS:
        kind = door = ""
        for line in (LABELLED / f"ordinary{part}.txt").read_text(encoding="utf-8").split("\n"):
            if line.startswith("## "):
                kind, door = (word.strip() for word in line[3:].split("|"))
            elif line:
                plain = line.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")
                yield Row(kind, door, plain, held_out=held_out)
        for row in json_lines(f"ordinary_numbers{part}.jsonl"):
            yield Row(row["kind"], row["door"], row["value"], held_out=held_out)


def json_lines(name: str) -> Iterator[dict[str, str]]:
    """The objects of one file."""
    for line in (LABELLED / name).read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def right(row: Row) -> bool:
    """Whether the scrubber does with the row what its label says."""
    if row.door == "id":
        return same(personal_shape(row.value), row.shape)
    result = scrub_text(row.value) if row.door == "text" else scrub_url(row.value)
    if row.shape is None:
        return result.text == row.value and not result.found
    return any(same(found, row.shape) for found in result.found) and not survives(row, result.text)


def same(found: str | None, label: str | None) -> bool:
    """Equal, or both the name of a secret."""
    return found == label or (found in SECRETS and label in SECRETS)


def survives(row: Row, text: str) -> bool:
    """Whether the packed word, or five characters of the core with a digit or at sign, can still be read."""
    if row.packed and row.packed in text:
        return True
    telling = re.compile(r"[\d@＠﹫]")
    readable = unquote(unquote(text)) + text
    pieces = (row.core[i : i + 5] for i in range(max(1, len(row.core) - 4)))
    return any(piece in readable for piece in pieces if telling.search(piece))


def rates(rows: list[Row]) -> dict[str, tuple[int, int]]:
    """Shape or kind -> (rows that are right, rows)."""
    total: Counter[str] = Counter()
    good: Counter[str] = Counter()
    for row in rows:
        name = row.shape or row.kind
        total[name] += 1
        good[name] += right(row)
    return {name: (good[name], total[name]) for name in total}


def table(rows: list[Row], what: str, *, brief: bool = False) -> str:
    """A Markdown table over both parts of the set; a brief one sums up the lines that have no failure."""
    parts = [rates([row for row in rows if row.held_out is held]) for held in (False, True)]
    shown, flawless = [], []
    for name in sorted(parts[0] | parts[1]):
        counts = [part.get(name, (0, 0)) for part in parts]
        (flawless if brief and all(good == total for good, total in counts) else shown).append((name, counts))
    if flawless:
        shown.append((f"{len(flawless)} other kinds", [added(column) for column in columns(flawless)]))
    shown.append(("**all**", [added(column) for column in columns(shown)]))
    body = [f"| {name} | {' | '.join(map(share, counts))} |" for name, counts in shown]
    return "\n".join([f"| {what} | tuned on | held out |", "|---|---|---|", *body])


def columns(lines: list[tuple[str, list[tuple[int, int]]]]) -> Iterator[tuple[tuple[int, int], ...]]:
    """The counts of all lines, part by part."""
    return zip(*(counts for _, counts in lines), strict=True)


def added(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The sums of (right, all)."""
    right_ones, every_one = zip(*counts, strict=True)
    return sum(right_ones), sum(every_one)


def share(counts: tuple[int, int]) -> str:
    """`98.2 % (112 of 114)`."""
    good, total = counts
    return f"{100 * good / total:.1f} % ({good} of {total})" if total else "–"


if __name__ == "__main__":
    if "--misses" in sys.argv:
        for each in [*positives(), *ordinary()]:
            if not each.held_out and not right(each):
                shown = scrub_url(each.value) if each.door == "url" else scrub_text(each.value)
                print(
                    each.shape or "FALSE",
                    each.kind,
                    each.door,
                    ascii(each.value)[:150],
                    "->",
                    ascii(shown.text)[:120],
                    shown.found,
                )
    else:
        print(table(list(positives()), "shape, found and gone"), end="\n\n")
        print(table(list(ordinary()), "ordinary, left as it was", brief=True))
