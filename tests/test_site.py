"""The site of the docs is built without a dead link, and every page is in its menu."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
MENU = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]


def entries(part):
    """The pages of a part of the menu."""
    if isinstance(part, str):
        yield part
        return
    for one in part.values() if isinstance(part, dict) else part:
        yield from entries(one)


def test_every_page_is_in_the_menu_once():
    """A page that is written is found."""
    pages = list(entries(yaml.safe_load(MENU)))
    assert sorted(pages) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def test_every_page_is_on_the_index():
    """Under what a reader wants to do."""
    linked = set(re.findall(r"\]\(([\w-]+\.md)", (ROOT / "docs" / "index.md").read_text("utf-8")))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - linked == {"index.md"}


@pytest.mark.site
@pytest.mark.skipif(importlib.util.find_spec("material") is None, reason="the extra docs is not installed")
def test_the_site_is_built_without_a_dead_link(tmp_path):
    """Strictly: links, anchors and pages; the reference shows what the package offers."""
    environ = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    reference = (tmp_path / "api.html").read_text("utf-8")
    assert all(f'id="gatekeeper.{name}"' in reference for name in ("GatekeeperMiddleware", "load_policy", "track"))
    assert "gatekeeper.errors.ConfigError" in reference and (tmp_path / "search").is_dir()
    assert 'class="mermaid"' in (tmp_path / "architecture.html").read_text("utf-8")
