"""Every cookie reader has its own cases: accepted, rejected, partial, no choice yet, malformed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.model import Purpose, Role, Standing
from gatekeeper.signals import cookies
from gatekeeper.signals.cookies import READERS, CookieReaders
from tests.signals.reading import opted_out

HERE = Path(__file__).parent / "cookies"
KINDS = ("accepted", "rejected", "partial", "undecided", "malformed")
NO_READERS = {"__init__", "reader", "registry", "compiled"}

FILES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(HERE.glob("*.json"))}
SOURCES = {reader.__name__.rpartition(".")[2]: reader.SOURCE for reader in READERS}  # type: ignore[attr-defined]
EXTRA = ("opaque", "opted_out")
CASES = [
    pytest.param(SOURCES[stem], case, id=f"{stem}-{kind}")
    for stem, table in FILES.items()
    for kind, case in [*table["cases"].items(), *((name, table[name]) for name in EXTRA if name in table)]
]


def test_every_module_in_the_folder_is_registered() -> None:
    """A reader that is not in `READERS` would never run."""
    modules = {path.stem for path in Path(cookies.__path__[0]).glob("*.py")} - NO_READERS
    assert modules == set(SOURCES)


def test_every_reader_has_a_file_of_cases() -> None:
    """A reader without cases is a reader nobody has tried."""
    assert set(FILES) == set(SOURCES)


@pytest.mark.parametrize("stem", FILES)
def test_every_file_has_all_five_kinds_of_case_or_says_why_not(stem: str) -> None:
    """A kind that a format cannot express is named in `without`, with the reason."""
    table = FILES[stem]
    assert set(KINDS) == set(table["cases"]) | set(table.get("without", {}))


@pytest.mark.parametrize(("source", "case"), CASES)
def test_a_case_reads_as_it_says(source: str, case: dict[str, Any]) -> None:
    """Standing and words of the platform's signal, its opt-out, and nothing from any other platform."""
    site = {name: Purpose(purpose) for name, purpose in case.get("map", {}).items()}
    signals = CookieReaders(categories={source: site}).read([case["cookie"].encode()])
    assert {source} == {signal.source for signal in signals}
    role = Role(case.get("role", "choice"))
    told = [signal for signal in signals if signal.role is role]
    assert [Standing(case["standing"])] == [signal.standing for signal in told]
    said = {purpose.value: answer.value for purpose, answer in told[0].says.items()}
    if role is Role.CHOICE:
        assert case["says"] == said
    assert case.get("opt_out", False) == opted_out(signals)
