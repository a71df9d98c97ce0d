"""What pyproject.toml declares is what the package imports, and the lock file pins all of it."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCK = (ROOT / "requirements-dev.lock").read_text("utf-8")
# Servers and loops that are named as text: uvicorn loads uvloop; the tests' servers load the rest.
BY_NAME = {"uvloop"}
# Types of a client's or a framework's own dependency, imported only where that one is there.
BROUGHT_ALONG = {"pydantic-core": "pydantic", "asgiref": "django", "multidict": "aiohttp", "yarl": "aiohttp"}
# Dependencies whose private members we use: a minor release may break them.
BOUNDED = {"uvicorn"}


def declared(*groups):
    return {canonicalize_name(Requirement(line).name) for group in groups for line in group}


def imported(*folders):
    """The distributions that the files of some folders import, at whatever depth."""
    known = packages_distributions()
    found = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for top in (name.partition(".")[0] for name in names):
                if top not in sys.stdlib_module_names:
                    found |= {canonicalize_name(name) for name in known.get(top, ())}
    return found


def locked():
    """Name and version of each pin; a name may have several, by Python version."""
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.MULTILINE)
    return [(canonicalize_name(name), version) for name, version in pins]


def test_nothing_is_declared_that_the_package_does_not_import():
    """A dependency that nothing imports is a download and a risk for nothing."""
    assert declared(PROJECT["dependencies"]) - BY_NAME - imported("gatekeeper") == set()


def test_whatever_the_package_imports_is_declared():
    """By the package itself, or by the extra of the integration that needs it."""
    known = declared(PROJECT["dependencies"], *EXTRAS.values())
    brought = {name for name, by in BROUGHT_ALONG.items() if by in known}
    assert imported("gatekeeper") - known - brought - {canonicalize_name(PROJECT["name"])} == set()


@pytest.mark.parametrize("name", sorted(BOUNDED))
def test_a_dependency_whose_private_members_are_used_has_an_upper_bound(name):
    """The next minor release is tried before it is allowed."""
    bounds = {str(Requirement(line).specifier) for line in PROJECT["dependencies"] if Requirement(line).name == name}
    assert bounds and all("<" in bound for bound in bounds)


@pytest.mark.parametrize("line", [*PROJECT["dependencies"], *EXTRAS["dev"], *EXTRAS["bench"]])
def test_the_lock_file_pins_every_dependency_within_its_bounds(line):
    """`make lock` writes it anew after pyproject.toml changed."""
    wanted = Requirement(line)
    versions = [version for name, version in locked() if name == canonicalize_name(wanted.name)]
    assert versions and all(wanted.specifier.contains(version, prereleases=True) for version in versions)


def test_the_lock_file_has_hashes_and_names_no_index():
    """The same file serves whatever index a machine uses."""
    assert "://" not in LOCK and "--index" not in LOCK and "--find-links" not in LOCK
    pins = re.findall(r"^[\w.-]+==.*?(?=^[\w.-]+==|\Z)", LOCK, re.MULTILINE | re.DOTALL)
    assert len(pins) == len(locked()) and all("--hash=sha256:" in pin for pin in pins)
