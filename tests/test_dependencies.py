"""What pyproject.toml declares is what the package imports, and the lock file pins all of it."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gatekeeper.__main__ import main

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OURS = canonicalize_name(PROJECT["name"])
EXTRAS = PROJECT["optional-dependencies"]
# What a command needs, and who imports it there; the rest of the package runs without.
COMMANDS = {
    "cli": ("gatekeeper/cli", "gatekeeper/demo"),
    "serve": ("gatekeeper/shells/server",),
    "demo": ("gatekeeper/demo",),
}
LOCK = (ROOT / "requirements-dev.lock").read_text("utf-8")
# Servers and loops that are named as text: uvicorn loads uvloop; the tests' servers load the rest.
BY_NAME = {"uvloop"}
# Types of a client's or a framework's own dependency, imported only where that one is there.
BROUGHT_ALONG = {"pydantic-core": "pydantic", "asgiref": "django", "multidict": "aiohttp", "yarl": "aiohttp",
                 "markupsafe": "jinja2"}  # fmt: skip
# Dependencies whose private members we use: a minor release may break them.
BOUNDED = {"httpx", "prometheus-client"}


def declared(*groups):
    """The distributions of some groups; an extra that takes another one along is this distribution itself."""
    return {canonicalize_name(Requirement(line).name) for group in groups for line in group} - {OURS}


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
                if top not in sys.stdlib_module_names and top != "gatekeeper":
                    found |= {canonicalize_name(name) for name in known.get(top, ())}
    return found


def locked():
    """Name and version of each pin; a name may have several, by Python version."""
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.MULTILINE)
    return [(canonicalize_name(name), version) for name, version in pins]


def test_nothing_is_declared_that_the_package_does_not_import():
    """A dependency that nothing imports is a download and a risk for nothing."""
    groups = [PROJECT["dependencies"], *(EXTRAS[name] for name in COMMANDS)]
    assert declared(*groups) - BY_NAME - imported("gatekeeper") == set()


def test_whatever_the_package_imports_is_declared():
    """By the package itself, or by the extra of the integration that needs it."""
    known = declared(PROJECT["dependencies"], *EXTRAS.values())
    brought = {name for name, by in BROUGHT_ALONG.items() if by in known}
    assert imported("gatekeeper") - known - brought == set()


@pytest.mark.parametrize("extra", COMMANDS)
def test_only_the_commands_import_what_only_commands_need(extra):
    """A library of an extra is imported in the rooms of its commands alone."""
    libraries = declared(EXTRAS[extra])
    users = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gatekeeper").rglob("*.py")
        if re.search(rf"^\s*(?:import|from) (?:{'|'.join(libraries)})\b", path.read_text("utf-8"), re.MULTILINE)
    }
    assert users and all(user.startswith(COMMANDS[extra]) for user in users)


def without_extras(code):
    """A process in which no library of the commands' extras is installed."""
    block = f"import sys; sys.modules.update(dict.fromkeys({sorted(declared(*map(EXTRAS.get, COMMANDS)))}))"
    return subprocess.run([sys.executable, "-c", f"{block}\n{code}"], capture_output=True, text=True)


def test_an_app_needs_none_of_the_extras():
    """The middleware, the clients, Django's app, the Starlette shell and the test mode."""
    names = (
        "gatekeeper.outbound",
        "gatekeeper.django.checks",
        "gatekeeper.testing.plugin",
        "gatekeeper.shells.asgi.relay",
    )
    done = without_extras("\n".join(f"import {name}" for name in names))
    assert done.returncode == 0, done.stderr


def test_the_command_without_its_extra_says_what_to_install():
    """One sentence, exit code 1."""
    done = without_extras("from gatekeeper.__main__ import main; main()")
    said = r"gatekeeper: this command: needs (typer|rich), which is not installed; pip install "
    assert done.returncode == 1, done.stderr
    assert re.fullmatch(said + r'"gatekeeper-consent\[cli\]"\n', done.stderr), done.stderr


@pytest.mark.parametrize(
    ("library", "extra"), [("typer", "cli"), ("rich", "cli"), ("uvicorn", "serve"), ("starlette", "demo")]
)
def test_a_command_whose_library_is_missing_names_its_extra(library, extra, monkeypatch, capsys):
    """Whatever part of the library is asked for."""

    def app():
        raise ModuleNotFoundError(f"No module named '{library}.part'", name=f"{library}.part")

    monkeypatch.setattr("gatekeeper.cli.app", app)
    with pytest.raises(SystemExit, match="1"):
        main()
    assert capsys.readouterr().err.endswith(f'needs {library}, which is not installed; pip install "{OURS}[{extra}]"\n')


def test_a_module_of_another_name_that_is_missing_stays_an_error(monkeypatch):
    """It is a fault of ours, and no extra brings it."""

    def app():
        raise ModuleNotFoundError("No module named 'apsw'", name="apsw")

    monkeypatch.setattr("gatekeeper.cli.app", app)
    with pytest.raises(ModuleNotFoundError):
        main()


@pytest.mark.parametrize("name", sorted(BOUNDED))
def test_a_dependency_whose_private_members_are_used_has_an_upper_bound(name):
    """The next minor release is tried before it is allowed."""
    lines = [*PROJECT["dependencies"], *(line for name in COMMANDS for line in EXTRAS[name])]
    bounds = {str(Requirement(line).specifier) for line in lines if Requirement(line).name == name}
    assert bounds and all("<" in bound for bound in bounds)


def private_of(library, text):
    """What a file uses of a library besides the names that its package gives out."""
    tree = ast.parse(text)
    public = set(importlib.import_module(library).__all__)
    parts = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    parts |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    names = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == library and node.attr not in public
    }
    return {part for part in parts if part.startswith(f"{library}.")} | names


def test_of_uvicorn_only_public_names_are_used():
    """So no release of it needs to be tried before it is allowed: its protocols are not ours."""
    texts = {path.name: path.read_text("utf-8") for path in (ROOT / "gatekeeper").rglob("*.py")}
    used = {name: private_of("uvicorn", text) for name, text in texts.items() if "import uvicorn" in text}
    used |= {name: text for name, text in texts.items() if "from uvicorn" in text}
    assert used == {"sidecar.py": set()}


def test_a_private_name_is_seen():
    """The check can fail."""
    text = "import uvicorn\nfrom uvicorn.server import ServerState\nuvicorn.config.LOG, uvicorn.Server\n"
    assert private_of("uvicorn", text) == {"uvicorn.server", "config"}


@pytest.mark.parametrize("line", [*PROJECT["dependencies"], *EXTRAS["dev"], *EXTRAS["bench"]])
def test_the_lock_file_pins_every_dependency_within_its_bounds(line):
    """`make lock` writes it anew after pyproject.toml changed."""
    wanted = Requirement(line)
    if wanted.name == OURS:
        assert wanted.extras <= COMMANDS.keys()
        return
    versions = [version for name, version in locked() if name == canonicalize_name(wanted.name)]
    assert versions and all(wanted.specifier.contains(version, prereleases=True) for version in versions)


def test_the_lock_file_has_hashes_and_names_no_index():
    """The same file serves whatever index a machine uses."""
    assert "://" not in LOCK and "--index" not in LOCK and "--find-links" not in LOCK
    pins = re.findall(r"^[\w.-]+==.*?(?=^[\w.-]+==|\Z)", LOCK, re.MULTILINE | re.DOTALL)
    assert len(pins) == len(locked()) and all("--hash=sha256:" in pin for pin in pins)


def pins():
    """The packages of the demo, as `make run` installs them."""
    done = subprocess.run([sys.executable, ROOT / ".ci" / "pins"], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_demo_is_installed_from_the_lock_file_and_with_less():
    """Entry by entry as it stands there, with what the demo imports and none of what only tests do."""
    text = pins()
    found = {canonicalize_name(one) for one in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
    assert all(entry.strip() in LOCK for entry in re.split(r"\n(?=[\w.-]+==)", text))
    assert declared(PROJECT["dependencies"], *(EXTRAS[name] for name in COMMANDS)) <= found
    assert not found & {"pytest", "django", "hypothesis"} and len(found) < len(locked()) / 2
