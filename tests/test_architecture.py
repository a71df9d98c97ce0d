"""The arrows between rooms, read from all imports: no circles, stages are pure, and none knows another."""

import ast
import shutil
import subprocess
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "gatekeeper"


def dotted(path):
    """`gatekeeper.consent.resolve` for a file of the package."""
    parts = ("gatekeeper", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


MODULES = {dotted(path): path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py"}
# What may stand at the top of the project.
TOP = set(
    """.ci .github .gitignore .pre-commit-config.yaml CHANGELOG.md CONTRIBUTING.md LICENSE Makefile README.md
    SECURITY.md benchmarks deploy docs gatekeeper geoip middleware_examples mkdocs.yml pyproject.toml
    requirements-dev.lock tests""".split()
)
# What everybody may know.
SHARED = ("model", "errors", "fields", "memory", "counting")
# What each stage may know besides itself and SHARED.
ALLOWED = {
    "signals": (),
    "jurisdiction": (),
    "consent": (),
    "decision": ("vendors",),  # `Destination`, a compiled policy table, is described there
    "vendors": (),
    "scrub": (),
    "fields": (),
    "model": (),
    "errors": (),
}
# Modules of the standard library and others that read a clock, a file or a network.
IMPURE = {
    "time", "socket", "http", "urllib.request", "asyncio", "threading", "subprocess", "os", "pathlib", "random",
    "secrets", "ssl", "httpx", "httptools", "starlette", "uvicorn", "maxminddb", "logging", "sqlite3", "tempfile",
    "shutil",
}  # fmt: skip


@cache
def imports(path):
    """Every module a file imports, also inside functions and for types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def rooms(path):
    """The rooms of the package that a file imports from."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("gatekeeper.")}


def arrows():
    """Which rooms each room imports from; a room is a folder of the package, or a file beside them."""
    found = {}
    for name, path in MODULES.items():
        room = name.split(".")[1]
        found.setdefault(room, set()).update(rooms(path) - {room, "__version__", "_version"})
    return found


def circle(graph):
    """A circle of arrows, if there is one."""
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return error.args[1]
    return None


def test_the_top_level_holds_what_the_design_draws():
    """What a test or a tool leaves behind in the project's folder is not committed with a change."""
    if shutil.which("git") is None or not (ROOT.parent / ".git").exists():
        pytest.skip("this is no clone: there is no list of what is kept")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT.parent, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("git does not tell what is kept here")
    assert {name.partition("/")[0] for name in listed.stdout.splitlines()} <= TOP


def test_no_rooms_import_each_other():
    """Not in a circle of any length, for types alone, or inside functions: a room is read without those above it."""
    assert circle(arrows()) is None


def modules(path):
    """The modules that a file reads a name from; of a package that is asked for a module of it, that module alone."""
    everything = {*MODULES, "gatekeeper"}
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & everything
            if inner - everything:
                found.add(node.module)
    return found & everything


def test_no_modules_import_each_other():
    """Inside a room, too, and with the package's own file, which gathers what is public."""
    paths = {**MODULES, "gatekeeper": ROOT / "__init__.py"}
    assert circle({name: modules(path) - {name} for name, path in paths.items()}) is None


def test_a_name_of_a_package_is_an_arrow_to_it(tmp_path):
    """A module of it is not: importing one reads nothing of what the package's own file gathers."""
    bad = tmp_path / "bad.py"
    bad.write_text("from gatekeeper import __version__, context\nfrom gatekeeper.gate import incoming\n")
    assert modules(bad) == {"gatekeeper", "gatekeeper.context", "gatekeeper.gate.incoming"}


def test_a_circle_is_found():
    """A planted one, of three."""
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) is not None


@pytest.mark.parametrize("module", ["gatekeeper", "gatekeeper.django"])
def test_importing_the_package_loads_no_server(module):
    """A WSGI worker and a script need none."""
    probe = f"import sys, {module}; print(*sorted({{'uvicorn', 'starlette', 'hypercorn'}} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


PURE = [name for name in MODULES if name.split(".")[1] in ALLOWED]


# Of the reports one module reads the log; what a document says follows from what is passed in.
REPORTS = [name for name in MODULES if name.startswith("gatekeeper.reports.")]
DOCUMENTS = (
    "audited", "cells", "consents", "declared", "dpa", "formats", "law", "lia", "notice", "rates", "ropa",
    "self_audit_page", "transfers",
)  # fmt: skip


NIGHTLY = ("gatekeeper.reports.self_audit", "gatekeeper.reports.checks")


@pytest.mark.parametrize("name", [f"gatekeeper.reports.{one}" for one in DOCUMENTS])
def test_a_report_is_made_of_what_is_passed_in(name):
    """No clock, file or network; the day and the observation are arguments."""
    assert {module for module in imports(MODULES[name]) if module in IMPURE or module.split(".")[0] in IMPURE} == set()


@pytest.mark.parametrize("name", REPORTS)
def test_only_commands_and_shells_ask_for_reports(name):
    """The gate knows none of them; what runs it starts its nightly self-audit, and the console shows what they say."""
    users = {other.split(".")[1] for other, path in MODULES.items() if name in imports(path)}
    asked = {"runtime"} if name in NIGHTLY else set()
    assert users <= {"reports", "cli", "console", "shells", *asked}


@pytest.mark.parametrize("name", PURE)
def test_no_arrow_runs_the_wrong_way(name):
    """A stage imports the shared nouns and itself; the order is written in gate/ alone."""
    room = name.split(".")[1]
    assert rooms(MODULES[name]) - {room, *SHARED, *ALLOWED[room]} == set()


@pytest.mark.parametrize("name", PURE)
def test_stages_import_no_clock_file_or_network(name):
    """Time, ids and look-ups are passed in; packaged data is read through importlib.resources."""
    found = {module for module in imports(MODULES[name]) if module in IMPURE or module.split(".")[0] in IMPURE}
    # A memory cannot be told from working it out again; it has a key of the process, and a lock.
    assert found == ({"os", "threading"} if name == "gatekeeper.memory" else set())


# The lists of what is packaged, and who reads them: all others go by the policy, which knows what was brought, too.
REGISTRIES = {
    "gatekeeper.vendors.KINDS": {"gatekeeper.policy.registry", "gatekeeper.policy.file"},
    "gatekeeper.vendors.DIALECTS": {"gatekeeper.policy.registry"},
    "gatekeeper.signals.cookies.READERS": {"gatekeeper.policy.registry"},
    "gatekeeper.signals.cookies.registry.READERS": {
        "gatekeeper.signals.cookies",
        "gatekeeper.signals.cookies.compiled",
    },
}


@pytest.mark.parametrize("registry", REGISTRIES)
def test_what_is_brought_from_outside_is_known_everywhere(registry):
    """Nothing looks a kind, a format or a reader up in the packaged list alone."""
    assert {name for name, path in MODULES.items() if registry in set(imports(path))} == REGISTRIES[registry]


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


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("gatekeeper.integrations")])
def test_an_integration_is_one_file_that_nothing_else_imports(name):
    """So that who uses one library needs no other; what they share knows none."""
    users = {other for other, path in MODULES.items() if name in imports(path) and other != name}
    shared = name == "gatekeeper.integrations.carried"
    assert all(other.startswith("gatekeeper.integrations.") for other in users)
    assert bool(users) == shared
    assert rooms(MODULES[name]) <= {"context", "errors", "integrations", "outbound"}


def test_only_gate_calls_the_stages():
    """Whoever wants a decision asks the gate; `recompute` makes one again, of a line of the log."""
    callers = {
        name
        for name, path in MODULES.items()
        if any(f"gatekeeper.{stage}" in imports(path) for stage in ("decision", "consent.resolve"))
    }
    assert callers - {"gatekeeper.decision", "gatekeeper.consent.resolve"} == {
        "gatekeeper.gate.asking",
        "gatekeeper.gate.deciding",
        "gatekeeper.gate.recompute",
        "gatekeeper.gate.situation",
    }


# What is remembered of names; what these modules do not know, no key of theirs can have forgotten.
BY_NAMES = ("gatekeeper.decision", "gatekeeper.gate.outcome", "gatekeeper.gate.program")
OF_A_REQUEST = frozenset({"Event", "Leaf", "Element", "Native", "Caller", "Consent", "Place", "Call", "Posted", "Plan"})


def of_a_request(path):
    """What a module knows of one request: nouns that hold values, and modules that read a clock."""
    names = {name.rpartition(".")[2] for name in imports(path)}
    return (names & OF_A_REQUEST) | {name for name in imports(path) if name.split(".")[0] in IMPURE}


@pytest.mark.parametrize("name", BY_NAMES)
def test_what_is_judged_by_names_knows_no_values(name):
    """A verdict depends on the arguments that it is remembered by: no event, leaf, caller or clock is at hand."""
    assert of_a_request(MODULES[name]) == set()


def test_a_judgement_that_knows_an_event_is_seen(tmp_path):
    """The check can fail."""
    bad = tmp_path / "bad.py"
    bad.write_text("import time\nfrom gatekeeper.model import Event, Purpose\n")
    assert of_a_request(bad) == {"Event", "time"}


def changes_of_a_gate(path):
    """Assignments to an attribute of a gate that was made elsewhere."""
    targets = [
        target
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    return {
        name
        for name in (ast.unparse(target) for target in targets if isinstance(target, ast.Attribute))
        if "gate" in name.split(".")[:-1]
    }


def test_a_gate_is_never_changed():
    """Another policy, ring of keys or place is another gate: what the old one remembers goes with it."""
    assert {name: found for name, path in MODULES.items() if (found := changes_of_a_gate(path))} == {}


def test_a_change_of_a_gate_is_seen(tmp_path):
    """The check can fail."""
    bad = tmp_path / "bad.py"
    bad.write_text("def look(self, ring):\n    self.keys = self.gate.keys = ring\n    gate.situations.placed = None\n")
    assert changes_of_a_gate(bad) == {"self.gate.keys", "gate.situations.placed"}


def test_only_delivery_opens_connections_to_vendors():
    """One seam to the network: whoever has an Outgoing gives it to a sender. The link is to the app behind the gate."""
    ways = {"create_connection", "open_connection", "sock_connect"}
    dialling = {
        name
        for name, path in MODULES.items()
        if any(getattr(node, "attr", "") in ways for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    }
    assert dialling == {"gatekeeper.delivery.connect", "gatekeeper.shells.proxy.link"}
    users = {name for name, path in MODULES.items() if "gatekeeper.delivery.connect" in imports(path)}
    assert users == {"gatekeeper.delivery.send"}


def test_reason_codes_stand_in_their_table_alone():
    """Elsewhere the constants are used: a code that is misspelt is then no code at all."""
    from gatekeeper.model.reasons import TABLE

    found = {
        (name, node.value)
        for name, path in MODULES.items()
        if name != "gatekeeper.model.reasons"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        # Words that are also something else: of an age, and of a request for erasure.
        if isinstance(node, ast.Constant) and node.value in set(TABLE) - {"minor", "suppressed"}
    }
    assert found == set()


def test_the_package_says_what_is_public():
    """A sorted __all__ that exists."""
    import gatekeeper

    assert gatekeeper.__all__ == sorted(gatekeeper.__all__)
    assert all(hasattr(gatekeeper, name) for name in gatekeeper.__all__)


def test_the_architecture_test_can_fail(tmp_path):
    """A planted wrong import is seen."""
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from gatekeeper.delivery import send\n    import time\n")
    assert rooms(bad) == {"delivery"} and "time" in imports(bad)


# A fork may find a lock held by another thread, and the child then waits for it for ever: so each is one of the fork's
# own (`installation.forks.Guard`), or what has it makes another one in `forked()`.
NEVER_WAITED_FOR = {"memory.py"}


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES.values() if path.relative_to(ROOT).parts[0] != "testing"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_child_of_a_fork_finds_a_lock_held(path):
    """Locks of the standard library, wherever they are made."""
    tree = ast.parse(path.read_text("utf-8"))
    kinds = {"Lock", "RLock", "Condition"}
    named = {f"threading.{kind}" for kind in kinds}
    named |= {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "threading"
        for alias in node.names
        if alias.name in kinds
    }
    made = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) in named]
    name = str(path.relative_to(ROOT))
    if made and name != "installation/forks.py" and name not in NEVER_WAITED_FOR:
        assert "def forked(" in path.read_text("utf-8"), f"{name} makes a lock, and no other one after a fork"
