"""The pytest plugin: the ini option `gatekeeper_test` and the fixture `gatekeeper_gate`. Loaded by an entry point.

It does nothing in a project that uses neither.
"""

from __future__ import annotations

import pytest

from gatekeeper.policy import trial
from gatekeeper.testing.gate import TrialGate


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's ini options."""
    parser.addini("gatekeeper_test", "Every gate of the test process is in test mode.", type="bool", default=False)
    parser.addini(
        "gatekeeper_config", "The policy of `gatekeeper_gate` where the app has none.", default="gatekeeper.toml"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Begin test mode before the app is imported, which makes its gate."""
    if early_config.getini("gatekeeper_test"):
        trial.begin()


@pytest.fixture
def gatekeeper_gate(pytestconfig: pytest.Config) -> TrialGate:
    """The app's gate in test mode, which has decided nothing yet in this test; see docs/in-your-tests.md."""
    return TrialGate.of_process(pytestconfig.rootpath / str(pytestconfig.getini("gatekeeper_config")))
