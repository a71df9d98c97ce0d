"""The shops of `middleware_examples`: what their vendors receive of three visitors, without the gate and with it."""

import configparser
import importlib
import subprocess

import pytest

from middleware_examples import sidecar
from middleware_examples.stage import VISITORS, python, run, show

SHOPS = ["starlette_shop", "fastapi_shop", "django_shop", "sidecar"]
AGREES, REFUSES, OPTED_OUT = (visitor.name for visitor in VISITORS)
LEAKS = {"e-mail", "URL query"}


@pytest.fixture(scope="module", params=SHOPS)
def both(request):
    """The example and its two runs."""
    example = importlib.import_module(f"middleware_examples.{request.param}").EXAMPLE
    return example, run(example, gated=False), run(example, gated=True)


def test_without_the_gate_everybodys_data_leave(both):
    """The leak: whatever a visitor chose."""
    example, bare, _ = both
    for visitor in VISITORS:
        for vendor in example.vendors:
            assert set(bare[visitor.name, vendor]) >= LEAKS


def test_with_consent_the_purchase_arrives_without_what_nobody_needs(both):
    """Hashed for the one vendor that matches on it; an address for that one only."""
    example, _, gated = both
    for vendor in example.vendors:
        found = gated[AGREES, vendor]
        assert found == (["order", "e-mail hash", "IP"] if vendor == "meta" else ["order"])


def test_without_consent_only_the_error_monitor_hears_of_it(both):
    """And of the error only."""
    example, _, gated = both
    assert {vendor: gated[REFUSES, vendor] for vendor in example.vendors} == {
        vendor: ["order"] if vendor == "errors" else [] for vendor in example.vendors
    }


def test_under_sec_gpc_no_advertising(both):
    """Analytics, which was agreed to, is none."""
    example, _, gated = both
    assert {vendor: gated[OPTED_OUT, vendor] for vendor in example.vendors} == {
        vendor: [] if vendor == "meta" else ["order"] for vendor in example.vendors
    }


def test_the_readme_shows_both_outputs(both):
    """As they are."""
    example, *runs = both
    text = (example.folder / "README.md").read_text("utf-8")
    assert show(example, runs) in text
    assert len(text.splitlines()) <= 60 and f"python -m middleware_examples.{example.folder.name}" in text


def test_a_bare_script_behind_the_sidecar_is_as_the_shop_in_another_language():
    """The same calls, the same end."""
    seen = run(sidecar.SCRIPT, gated=True)
    assert seen[AGREES, "ga4"] == ["order"] and seen[AGREES, "meta"] == ["order", "e-mail hash", "IP"]
    assert seen[REFUSES, "ga4"] == seen[REFUSES, "meta"] == seen[OPTED_OUT, "meta"] == []


def test_the_unit_starts_the_command_that_there_is():
    """With options that it has."""
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str
    unit.read(sidecar.FOLDER / "gatekeeper.service")
    words = unit["Service"]["ExecStart"].split()
    usage = subprocess.run(
        python("-m", "gatekeeper", "serve", "--help"), capture_output=True, text=True, timeout=60
    ).stdout
    assert words[1] == "serve" and all(word in usage for word in words if word.startswith("--"))
