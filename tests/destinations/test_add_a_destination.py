"""docs/add-a-destination.md, built as it stands: a copy of the package, the page's file, its edit and its tests."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import gatekeeper

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "add-a-destination.md").read_text("utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))
PLAIN = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # the page asks for none, and some take a second to load
EDITS = re.findall(r"<!-- edit: (\S+) -->\n```diff\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_is_under_a_hundred_lines():
    """The file itself, imports, docstrings and blank lines included."""
    assert len(FILES["gatekeeper/vendors/example_ads.py"].splitlines()) < 100


def test_the_page_builds_what_it_says(tmp_path):
    """Followed to the letter, the example loads from a policy and its own tests pass."""
    shutil.copytree(Path(gatekeeper.__file__).parent, tmp_path / "gatekeeper")  # with what is compiled of it
    (tmp_path / "tests").mkdir()
    for name in ("__init__.py", "builders.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests" / name)
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, "utf-8")
    for name, diff in EDITS:
        text = (tmp_path / name).read_text("utf-8")
        lines = diff.splitlines()
        for old, new in zip(lines[::2], lines[1::2], strict=True):
            assert (old[0], new[0], text.count(old[1:])) == ("-", "+", 1), old
            text = text.replace(old[1:], new[1:])
        (tmp_path / name).write_text(text, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_example_ads.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)} | PLAIN,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
