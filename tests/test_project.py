"""What stands around the code says what is true: links, commands, forms, and the Pythons that CI tries."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PAGES = ["CONTRIBUTING.md", "SECURITY.md", ".github/pull_request_template.md"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
KNOWN = {"markdown", "textarea", "input", "dropdown", "checkboxes"}  # docs.github.com, issue forms, read 2026-11-30


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_command_of_a_page_is_there(page):
    """Links within the project, `make` targets, and files that are named as code."""
    text = (ROOT / page).read_text("utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / link).exists(), link
    for target in re.findall(r"\bmake ([a-z-]+)", text):
        assert target in TARGETS, target
    for name in re.findall(r"`((?:gatekeeper|tests|docs|geoip|\.ci)/[\w/.-]*)`", text):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("form", [one for one in FORMS if one.name != "config.yml"], ids=lambda form: form.stem)
def test_an_issue_form_can_be_shown(form):
    """With a name, a description, and elements of known types whose ids are different."""
    told = yaml.safe_load(form.read_text("utf-8"))
    assert told["name"] and told["description"] and {one["type"] for one in told["body"]} <= KNOWN
    ids = [one["id"] for one in told["body"] if one["type"] != "markdown"]
    assert len(ids) == len(set(ids)) and all(one["attributes"] for one in told["body"])


def test_the_workflow_runs_what_lands_every_change():
    """The same script, and every Python that the package says it supports."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]
    assert ".ci/run" in [step.get("run") for step in jobs["run"]["steps"]]
    said = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["classifiers"]
    supported = [one.rpartition(" ")[2] for one in said if re.search(r"Python :: 3\.\d+$", one)]
    assert jobs["pythons"]["strategy"]["matrix"]["python"] == supported


def test_the_hooks_call_tools_that_the_lock_file_pins():
    """Each as `make check` does."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")
    for tool in ("ruff", "mypy", "pytest"):
        assert any(tool in hook["entry"] for hook in hooks) and re.search(rf"^{tool}==", lock, re.M)
