"""Docs are tested: every key, code, endpoint, command and field is on its page, and generated parts are fresh."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.testclient import TestClient
from typer.testing import CliRunner

from gatekeeper import GatekeeperMiddleware, __version__
from gatekeeper.cli import app
from gatekeeper.fields import CATALOGUE
from gatekeeper.model.reasons import TABLE
from gatekeeper.policy.file import PolicyFile
from gatekeeper.policy.findings import findings
from gatekeeper.testing import Simulators
from gatekeeper.vendors import KINDS

ROOT = Path(__file__).parent.parent
DOCS = {path.stem: path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
README = (ROOT / "README.md").read_text("utf-8")
CAUSES = "unknown_field purpose not_needed opt_out invalid".split()


def named_files():
    """Every file of the package that README or a page names, with the page; but those that a page has one write."""
    for page, text in {"README": README, **DOCS}.items():
        written = set(re.findall(r"<!-- file: (\S+) -->", text))
        for name in sorted(set(re.findall(r"(?<![/\w])gatekeeper/[\w/]+(?:\.\w+|/)", text)) - written):
            yield pytest.param(name, id=f"{page}-{name}")


@pytest.mark.parametrize("name", list(named_files()))
def test_a_file_that_a_page_names_is_there(name):
    """A file that moved takes its name in the pages along."""
    assert (ROOT / name).exists()


def test_the_files_that_readme_tells_to_read_are_there():
    """Those in its chapter on how it works, with their folders."""
    chapter = README.partition("## How it works")[2].partition("## What it costs")[0]
    bare = set(re.findall(r"`([\w/]+/|\w+\.py)`", chapter))
    assert {"fields/", "ports.py"} <= bare
    for name in bare - {"gatekeeper/"}:
        folder = "gatekeeper/gate" if name.endswith(".py") else "gatekeeper"
        assert (ROOT / folder / name).exists(), name


def code(word):
    return f"`{word}`"


def between(text, name):
    """What a page holds between `<!-- name -->` and `<!-- /name -->`, or its end."""
    return text.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- /{name} -->")[0].strip()


def policy_keys():
    """Every table and key of the policy file."""
    for name, field in PolicyFile.model_fields.items():
        yield name
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from model.model_fields
    for module in KINDS.values():
        yield from module.Settings.model_fields


@pytest.mark.parametrize("key", sorted(set(policy_keys())))
def test_every_policy_key_is_documented(key):
    """In docs/policy.md, as code or as part of a table's heading."""
    assert re.search(rf"`[^`\n]*\b{key}\b[^`\n]*`|\[+{key}\b", DOCS["policy"])


@pytest.mark.parametrize("word", CAUSES)
def test_every_cause_is_documented(word):
    """In docs/reasons.md."""
    assert code(word) in DOCS["reasons"]


def reasons_table():
    """The reason codes as the table that docs/reasons.md holds."""
    rows = ["| Code | Means | What to do |", "|---|---|---|"]
    rows += [f"| {code(row.code)} | {row.means} | {row.remedy} |" for row in TABLE.values()]
    return "\n".join(rows)


def test_the_table_of_reasons_is_the_code_s():
    """Generated: run `python -m tests.test_docs` after a change of `gatekeeper/model/reasons.py`."""
    assert between(DOCS["reasons"], "reasons") == reasons_table()


def test_every_audit_key_is_documented(tmp_path):
    """In docs/audit.md, from real lines."""
    from gatekeeper.audit import lines, read
    from gatekeeper.audit.signing import Signer
    from gatekeeper.audit.stream import Stream
    from tests.builders import GUIDE_EVENT, NOW, make_gate, plan

    gate = make_gate()
    record = lines.decision_record(plan(GUIDE_EVENT, gate=gate, headers=[("sec-gpc", "1")]), gate.policy)
    joined = read.join(record, [])
    stream = Stream(tmp_path, signer=Signer(tmp_path / "keys"))
    stream.write([lines.decision_line(plan(GUIDE_EVENT, gate=gate), gate.policy)])
    stream.close()
    words = {*record, *joined, *record["jurisdiction"], *record["gpc"], *record["policy"], *record["signals"][0]}
    words |= {key for delivery in record["deliveries"] for key in delivery}
    outcome = lines.outcome_line(at=NOW, destination="x", request_ids=[], status="delivered", why=None, attempts=1)
    words |= set(json.loads(outcome.core))
    # Of lines that are not in this log:
    words |= {
        "redaction",
        "key",
        "previous",
        "number",
        "successor",
        "ranges",
        "before",
        "clock",
        "back_from",
        "incident",
        "day",
        "findings",
    }
    for raw in next(tmp_path.glob("*.jsonl")).read_bytes().splitlines():
        found = json.loads(raw)
        words |= {*found, found["kind"]}
    assert {word for word in words if code(word) not in DOCS["audit"]} == set()


def commands():
    groups = [(app, ""), *((group.typer_instance, f"{group.name} ") for group in app.registered_groups)]
    for group, prefix in groups:
        for command in group.registered_commands:
            yield prefix + (command.name or command.callback.__name__)


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_is_documented(command):
    """Somewhere in the README or docs/."""
    everything = README + "".join(DOCS.values())
    assert f"gatekeeper {command}" in everything


@pytest.mark.parametrize(
    "endpoint", ["/gk/collect", "/gk/consent", "/gk/gatekeeper.js", "/gk/banner.js", "/gk/healthz", "/gk/readyz"]
)
def test_every_endpoint_is_documented(endpoint):
    """In the tour."""
    assert endpoint in DOCS["start"]


def fields_table():
    """The catalogue as the table that docs/policy.md holds."""
    rows = ["| Field | Purposes | Type | Personal data | What it is |", "|---|---|---|---|---|"]
    for row in CATALOGUE.by_key.values():
        name = code(row.name) + (f", {code(row.hashed_as)}" if row.hashed_as else "")
        purposes = ", ".join(sorted(row.purposes))
        rows.append(f"| {name} | {purposes} | {row.type} | {row.personal} | {row.description} |")
    return "\n".join(rows)


def test_the_field_table_is_the_catalogue():
    """Generated: run `python -m tests.test_docs` after a change of the catalogue."""
    assert between(DOCS["policy"], "fields") == fields_table()


def test_the_changelog_begins_with_this_version():
    """A release has its entry."""
    assert re.search(rf"^## {re.escape(__version__)}\b", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)


def test_every_entry_of_the_changelog_stands_under_its_kind():
    """Added, Changed, Fixed, Removed and Security, in this order, and no entry twice."""
    kinds = ["Added", "Changed", "Fixed", "Removed", "Security"]
    for release in (ROOT / "CHANGELOG.md").read_text("utf-8").split("\n## ")[1:]:
        loose, *parts = re.split(r"^### ", release, flags=re.MULTILINE)
        assert "\n- " not in loose, "put the entry under ### Added, ### Changed, ### Fixed, ### Removed or ### Security"
        found = [part.partition("\n")[0] for part in parts]
        assert found == [kind for kind in kinds if kind in found]
        entries = re.findall(r"^- (?:.+\n)(?:  .+\n)*", release, re.MULTILINE)
        assert len(set(entries)) == len(entries)


def test_a_decision_is_a_heading_and_a_few_sentences():
    """So that it can be linked, and read in a minute; its figures and its history are elsewhere."""
    _, *decisions = re.split(r"^### ", DOCS["decisions"], flags=re.MULTILINE)
    bodies = {head: body.partition("\n## ")[0] for head, _, body in (one.partition("\n") for one in decisions)}
    assert len(bodies) == len(decisions)
    assert {
        head for head, body in bodies.items() if not 5 <= len(body.split()) <= 100 or len(head.split()) > 16
    } == set()
    assert not re.search(r"^\*\*20\d\d-", DOCS["decisions"], re.MULTILINE)


def test_every_page_is_reachable_and_no_link_is_dead():
    """Each page is linked from the README or another page; each link leads to a file."""
    everything = {"README": README, **DOCS}
    linked = set()
    for text in everything.values():
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", text) + re.findall(r"`docs/([\w-]+\.md)`", text):
            name = target.removeprefix("docs/")
            assert (ROOT / "docs" / name).exists() or (ROOT / target).exists(), target
            linked.add(name.removesuffix(".md"))
    assert set(DOCS) - linked == set()


def test_no_page_names_a_registry_or_a_machine():
    """Docs are for everywhere."""
    for text in (README, *DOCS.values()):
        assert not re.search(r"/root/|/home/\w+/|/tmp/", text)


def test_the_template_is_a_policy(tmp_path):
    """What `gatekeeper init` writes loads, and every key in it is real."""
    path = tmp_path / "gatekeeper.toml"
    subprocess.run([sys.executable, "-m", "gatekeeper", "init", str(path)], check=True, capture_output=True)
    from gatekeeper import load_policy

    policy = load_policy(path, environ={"GA4_API_SECRET": "s", "META_ACCESS_TOKEN": "t"})
    assert set(policy.destinations) == {"ga4", "meta_capi", "errors", "own"}


INSTALL_LINES = [
    *ROOT.glob("docs/*.md"), *ROOT.glob("*.md"), *ROOT.glob("middleware_examples/**/*"), *ROOT.glob("deploy/**/*"),
    *ROOT.glob("gatekeeper/**/*.py"), *ROOT.glob("benchmarks/**/*.py"),
]  # fmt: skip


def test_nothing_tells_to_install_another_distribution():
    """The name `gatekeeper` is another project's in the registry; README says so until the first release."""
    wrong = re.compile(r"pip install (?:--?\S+ )*[\"']?gatekeeper(?![-_]consent)(?!` is something else)")
    texts = {
        path: path.read_text("utf-8")
        for path in INSTALL_LINES
        if path.is_file() and path.suffix not in {".pyc", ".png"}
    }
    assert {str(path.relative_to(ROOT)) for path, text in texts.items() if wrong.search(text)} == set()
    if re.search(r"^## \S+ \(unreleased\)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE):
        assert "not on PyPI yet" in README and "not on PyPI yet" in DOCS["start"]


def init_policy(folder, monkeypatch):
    """What `gatekeeper init` writes there, with its secrets."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GA4_API_SECRET", "a-secret-of-ga4")
    monkeypatch.setenv("META_ACCESS_TOKEN", "a-token-of-meta")
    assert CliRunner().invoke(app, ["init"]).exit_code == 0
    return folder / "gatekeeper.toml"


def test_what_check_says_of_a_new_policy_is_on_the_page(tmp_path, monkeypatch):
    """Line by line, with the numbers; but the age of the location database, which depends on the day."""
    path = init_policy(tmp_path, monkeypatch)
    _, warned = findings(path)
    lines = [f"warning  {line}" for line in warned if not line.startswith("location database")]
    page = [f"    {line}" for line in [*lines, f"gatekeeper.toml: 0 errors, {len(lines)} warnings"]]
    assert "\n".join(page) in DOCS["start"] and len(lines) == 6
    monkeypatch.delenv("GA4_API_SECRET")
    monkeypatch.delenv("META_ACCESS_TOKEN")
    assert len(findings(path)[0]) == 2 and "Without those variables it has two errors" in DOCS["start"]


def test_the_curl_lines_of_readme_do_what_it_shows(tmp_path, monkeypatch):
    """With the policy that `init` writes; a simulator stands for GA4."""
    path = init_policy(tmp_path, monkeypatch)
    shown = README.partition("With the policy that `gatekeeper init` wrote")[2].partition("Everything else streams")[0]
    (target,) = re.findall(r'HIT="http://127\.0\.0\.1:8787(\S+)"', shown)
    (received,) = re.findall(r"^GET (\S+) HTTP", shown, re.MULTILINE)
    with Simulators(only=["ga4"]) as sims:
        path.write_text(path.read_text().replace('kind = "ga4"\n', f'kind = "ga4"\nendpoint = "{sims.ga4.url}"\n'))
        cookie = CliRunner().invoke(app, ["cookie", "--analytics"]).stdout.strip()
        with TestClient(GatekeeperMiddleware(Starlette(), config=path)) as client:
            answers = [client.get(target), client.get(target, headers={"Cookie": cookie})]
        assert [answer.status_code for answer in answers] == [204, 204]
        decisions = [answer.headers["gatekeeper-decision"] for answer in answers]
        assert decisions == re.findall(r"gatekeeper-decision: (.*)", shown)
        (one,) = sims.ga4.received
    assert one.target == received


if __name__ == "__main__":
    for name, part, table in (("policy", "fields", fields_table()), ("reasons", "reasons", reasons_table())):
        page = ROOT / "docs" / f"{name}.md"
        head, mark, rest = page.read_text("utf-8").partition(f"<!-- {part} -->\n")
        _, end, rest = rest.partition(f"<!-- /{part} -->")
        page.write_text(f"{head}{mark}\n{table}\n\n{end}{rest}".rstrip("\n") + "\n", "utf-8")
