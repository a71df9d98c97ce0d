"""An adopter's pytest suite: no secrets, no event in the log that is evidence, mocks that work."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gatekeeper.testing import Simulators

# The interpreter that has the package and what an adopter's tests need: `make pythons` names one that has the wheel.
PYTHON = os.environ.get("ADOPTER_PYTHON", sys.executable)
PAGE = Path(__file__).parents[2] / "docs" / "in-your-tests.md"
POLICY = """
[policy]
version = "1"
controller = "Shop"
[destinations.ga4]
kind = "ga4"
measurement_id = "G-TEST"
api_secret = { env = "SHOP_GA4_SECRET" }
[destinations.meta]
kind = "meta_capi"
pixel_id = "123"
access_token = { env = "SHOP_META_TOKEN" }
"""


def block(name):
    """A code block of the page, by the file that its first line names."""
    found = re.search(rf"```(?:python|toml)\n# {re.escape(name)}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found, name
    return found[1]


def run(folder, *words, env=None):
    """A command in the adopter's folder, without secrets."""
    clean = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder), "HOME": str(folder)} | (env or {})
    return subprocess.run(
        [PYTHON, *map(str, words)], cwd=folder, env=clean, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def shop(tmp_path):
    """A project with the page's app and tests."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    (tmp_path / "pyproject.toml").write_text(block("pyproject.toml"))
    (tmp_path / "shop.py").write_text(block("shop.py"))
    (tmp_path / "test_shop.py").write_text(block("test_shop.py"))
    return tmp_path


def pytest_run(folder, *words):
    """The adopter's pytest."""
    return run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "gatekeeper.testing.plugin", *words)


def test_the_tests_of_the_page_pass_as_they_are_written(shop):
    """With responses and respx; nothing is left in the project's folder."""
    done = pytest_run(shop)
    assert done.returncode == 0 and re.search(r"\d+ passed", done.stdout), done.stdout + done.stderr
    assert not (shop / "var").exists()


def test_a_gate_that_was_made_before_test_mode_is_refused_with_the_remedy(shop):
    """Its log would be the one that is evidence."""
    (shop / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (shop / "gatekeeper.toml").write_text(re.sub(r"\{ env = .* \}", '"clear-secret-of-a-test"', POLICY))
    done = pytest_run(shop)
    assert done.returncode == 1 and "gatekeeper_test = true" in done.stdout


def test_a_project_without_a_gate_is_not_touched(tmp_path):
    """The plugin alone begins nothing."""
    (tmp_path / "test_nothing.py").write_text(
        "from gatekeeper.policy import trial\n\n\ndef test_it():\n    assert not trial.on()\n"
    )
    assert pytest_run(tmp_path).returncode == 0
    assert not (tmp_path / "var").exists()


def test_a_failing_assertion_shows_why_nothing_was_called(shop):
    """The warning of the gate stands in pytest's report."""
    (shop / "test_shop.py").write_text(
        "import respx\nfrom shop import report\n\n\n"
        "@respx.mock\ndef test_it(gatekeeper_gate):\n"
        "    route = respx.post('https://www.google-analytics.com/mp/collect').respond(204)\n"
        "    report()\n    assert route.called\n"
    )
    done = pytest_run(shop)
    assert done.returncode == 1 and "a call to ga4 was blocked (no_analytics_consent)" in done.stdout


def test_the_gate_itself_delivers_nothing(shop):
    """However real the destination's endpoint is; what would go there is told."""
    with Simulators(only=["ga4"]) as sims:
        (shop / "gatekeeper.toml").write_text(
            POLICY.replace("[destinations.meta]", f'endpoint = "{sims.ga4.url}"\n[destinations.meta]')
        )
        (shop / "test_shop.py").write_text(
            "import gatekeeper\n\n\ndef test_it(gatekeeper_gate):\n"
            "    with gatekeeper_gate.granted(analytics=True):\n"
            "        gatekeeper.track('purchase', order_value=149.0, currency='EUR', session_id='s_1')\n"
            "    assert [one.destination for one in gatekeeper_gate.sent] == ['ga4']\n"
            "    gatekeeper_gate.clear()\n"
            "    assert gatekeeper_gate.sent == gatekeeper_gate.blocked == []\n"
        )
        done = pytest_run(shop)
        assert done.returncode == 0, done.stdout
        assert sims.ga4.received == ()
