"""docs/extend.md, built as it stands: the page's files, its tests, and the command line with what they bring."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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


@pytest.fixture
def run(shop, gatekeeper):
    """The command, in the shop's folder, which is in no path that modules are looked for in."""
    event = '{"event": "purchase", "data": {"msclkid": "c-1"}}'
    return functools.partial(gatekeeper, stdin=event, env={"COLUMNS": "200"}, folder=shop)


def test_the_page_builds_what_it_says(shop):
    """Each of its tests passes: an event, a call through the format, and a store."""
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shop_gate.py", "test_shop_store.py"]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=shop,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_command_line_is_told_what_is_brought(run):
    """Every command loads the policy with it, and not without."""
    told = ("--extend", "shop_gate:EXTENSIONS")
    checked = run(*told, "check")
    assert checked.returncode == 0 and "0 errors" in checked.stdout, checked.stdout
    assert '"acme_ads" is not a kind; use one of ga4' in run("check").stdout
    explained = run(*told, "explain", "--cookie", "acme_consent=marketing", "--json")
    assert '"fields_sent"' in explained.stdout and '"msclkid"' in explained.stdout, explained.stdout
    assert "acme_ads" in run(*told, "schema").stdout
    assert "acme_banner" in run(*told, "signals", "--cookie", "acme_consent=marketing").stdout


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
def test_what_cannot_be_brought_is_said(shop, run, name, sentence):
    """One sentence, and exit code 1."""
    (shop / "shop_wrong.py").write_text("WRONG = {'store': 'sqlite'}\n")
    done = run("--extend", name, "check")
    assert (done.returncode, done.stderr.strip()) == (1, f"gatekeeper: --extend: {sentence}")
