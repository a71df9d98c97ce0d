"""The page for users: its example runs, and it tells of everything there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from gatekeeper.testing import Received, Simulator, Simulators

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"<!-- runs: .*? -->\n```python\n(.*?)```", PAGE, re.DOTALL)
TESTS = [(name, code) for code in EXAMPLES for name in re.findall(r"^def (test_\w+)", code, re.MULTILINE)]


def public(kind: type) -> list[str]:
    """The names that users may use."""
    return [name for name in dir(kind) if not name.startswith("_")]


@pytest.mark.parametrize(("name", "code"), TESTS, ids=[name for name, _ in TESTS])
def test_the_example_runs(name: str, code: str, request: pytest.FixtureRequest) -> None:
    """Each test function of the page passes as it stands, with the fixtures it asks for."""
    namespace: dict = {}
    exec(compile(code, "docs/testing.md", "exec"), namespace)
    test = namespace[name]
    test(**{fixture: request.getfixturevalue(fixture) for fixture in inspect.signature(test).parameters})


@pytest.mark.parametrize("name", Simulators().names)
def test_each_simulator_is_in_the_table(name: str) -> None:
    """A new vendor comes with its line."""
    assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize("name", [*public(Simulator), *public(Received)])
def test_each_public_name_is_on_the_page(name: str) -> None:
    """A new method comes with its sentence; constructors and the like are for us."""
    internal = {"kind", "read", "judged", "content_type", "take"}
    assert name in internal or re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", PAGE)
