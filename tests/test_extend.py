"""docs/extend.md, built as it stands: the page's files, its tests, and the command line with what they bring."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extend.md").read_text("utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))
POLICY = '[policy]\nversion = "1"\ncontroller = "c"\n[jurisdiction]\nalways = ["gdpr"]\n'
ADS = '[destinations.ads]\nkind = "acme_ads"\npassword = "p-4711"\ndpa = "2026-1"\n'


@pytest.fixture
def shop(tmp_path):
    """A folder with the page's files, and a policy that names what they bring."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, "utf-8")
    (tmp_path / "gatekeeper.toml").write_text(POLICY + ADS)
    return tmp_path


def run(shop, *command):
    """A Python module as a command, in the shop's folder."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=shop,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        input='{"event": "purchase", "data": {"msclkid": "c-1"}}',
    )


def test_the_page_builds_what_it_says(shop):
    """Each of its tests passes: an event, a call through the format, and a store."""
    done = run(shop, "pytest", "-q", "-p", "no:cacheprovider", "test_shop_gate.py", "test_shop_store.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_page_is_typed(shop):
    """What the page brings is what mypy takes for it."""
    sources = [name for name in FILES if not name.startswith("test_")]
    done = run(shop, "mypy", "--strict", "--cache-dir", os.devnull, *sources)
    assert done.returncode == 0, done.stdout


def test_the_command_line_is_told_what_is_brought(shop):
    """Every command loads the policy with it, and not without."""
    told = ("--extend", "shop_gate:EXTENSIONS")
    checked = run(shop, "gatekeeper", *told, "check")
    assert checked.returncode == 0 and "0 errors" in checked.stdout, checked.stdout
    assert '"acme_ads" is not a kind; use one of ga4' in run(shop, "gatekeeper", "check").stdout
    explained = run(shop, "gatekeeper", *told, "explain", "--cookie", "acme_consent=marketing", "--json")
    assert '"fields_sent"' in explained.stdout and '"msclkid"' in explained.stdout, explained.stdout
    assert "acme_ads" in run(shop, "gatekeeper", *told, "schema").stdout
    assert "acme_banner" in run(shop, "gatekeeper", *told, "signals", "--cookie", "acme_consent=marketing").stdout


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("shop_gate", '"shop_gate" is not a module and a name; write shop_gate:EXTENSIONS'),
        ("shop_wrong:WRONG", "shop_wrong:WRONG has a store that is not a function; name one that opens a store"),
        ("nowhere:X", "No module named 'nowhere'; name a module of this folder, or an installed one"),
        ("shop_gate:OTHER", "the module shop_gate has no OTHER"),
        ("json:dumps", "json:dumps is not a dict with some of kinds, readers, dialects, store"),
    ],
)
def test_what_cannot_be_brought_is_said(shop, name, sentence):
    """One sentence, and exit code 1."""
    (shop / "shop_wrong.py").write_text("WRONG = {'store': 'sqlite'}\n")
    done = run(shop, "gatekeeper", "--extend", name, "check")
    assert (done.returncode, done.stderr.strip()) == (1, f"gatekeeper: --extend: {sentence}")
