"""The arrows of DESIGN section 2, read from the imports: stages are pure, and none knows another."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "gatekeeper"


def dotted(path):
    """`gatekeeper.consent.resolve` for a file of the package."""
    parts = ("gatekeeper", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


MODULES = {dotted(path): path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py"}
# What everybody may know.
SHARED = ("model", "errors", "fields", "reasons")
# What each stage may know besides itself and SHARED.
ALLOWED = {
    "signals": (),
    "jurisdiction": (),
    "consent": (),
    "decision": ("vendors",),  # `Destination`, a compiled policy table, is described there
    "vendors": ("wire",),  # the strict reading of JSON
    "scrub": (),
    "fields": (),
    "model": (),
    "errors": (),
    "reasons": (),
}
# Modules of the standard library and others that read a clock, a file or a network.
IMPURE = {
    "time", "socket", "http", "urllib.request", "asyncio", "threading", "subprocess", "os", "pathlib", "random",
    "secrets", "ssl", "httpx", "httptools", "starlette", "uvicorn", "maxminddb", "logging", "sqlite3", "tempfile",
    "shutil",
}  # fmt: skip


def imports(path):
    """Every module a file imports, also inside functions; names under TYPE_CHECKING are not run."""
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms(path):
    """The rooms of the package that a file imports from."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("gatekeeper.")}


PURE = [name for name in MODULES if name.split(".")[1] in ALLOWED]


@pytest.mark.parametrize("name", PURE)
def test_no_arrow_runs_the_wrong_way(name):
    """A stage imports the shared nouns and itself; the order is written in gate.py alone."""
    room = name.split(".")[1]
    assert rooms(MODULES[name]) - {room, *SHARED, *ALLOWED[room]} == set()


@pytest.mark.parametrize("name", PURE)
def test_stages_import_no_clock_file_or_network(name):
    """Time, ids and look-ups are passed in; packaged data is read through importlib.resources."""
    found = {module for module in imports(MODULES[name]) if module in IMPURE or module.split(".")[0] in IMPURE}
    assert found == set()


VENDOR_TOOLS = [
    name
    for name in MODULES
    if name.startswith("gatekeeper.vendors.formats.") or name.removeprefix("gatekeeper.vendors.") in ("dialect", "kind")
]


@pytest.mark.parametrize("name", VENDOR_TOOLS)
def test_shared_tools_know_no_vendor(name):
    """A vendor is put together from the tools; a rule of one vendor stands with that vendor."""
    known = {module for module in imports(MODULES[name]) if module.startswith("gatekeeper.vendors.")}
    tools = ("gatekeeper.vendors.formats", "gatekeeper.vendors.dialect", "gatekeeper.vendors.kind")
    assert {module for module in known if not module.startswith(tools)} == set()


def test_only_gate_calls_the_stages():
    """Whoever wants a decision asks the gate; `recompute` makes one again, of a line of the log."""
    callers = {
        name
        for name, path in MODULES.items()
        if any(f"gatekeeper.{stage}" in set(imports(path)) for stage in ("decision", "consent.resolve"))
    }
    assert callers - {"gatekeeper.decision", "gatekeeper.consent.resolve"} == {
        "gatekeeper.gate",
        "gatekeeper.calls",
        "gatekeeper.recompute",
    }


def test_only_delivery_opens_connections_to_vendors():
    """One seam to the network: whoever has an Outgoing gives it to a sender. The link is to the app behind the gate."""
    ways = {"create_connection", "open_connection", "sock_connect"}
    dialling = {
        name
        for name, path in MODULES.items()
        if any(getattr(node, "attr", "") in ways for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    }
    assert dialling == {"gatekeeper.delivery.connect", "gatekeeper.shells.link"}
    users = {name for name, path in MODULES.items() if "gatekeeper.delivery.connect" in set(imports(path))}
    assert users == {"gatekeeper.delivery.send"}


def test_the_package_says_what_is_public():
    """A sorted __all__ that exists."""
    import gatekeeper

    assert gatekeeper.__all__ == sorted(gatekeeper.__all__)
    assert all(hasattr(gatekeeper, name) for name in gatekeeper.__all__)


def test_the_architecture_test_can_fail(tmp_path):
    """A planted wrong import is seen."""
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from gatekeeper.delivery import send\n    import time\n")
    assert rooms(bad) == {"delivery"} and "time" in set(imports(bad))
