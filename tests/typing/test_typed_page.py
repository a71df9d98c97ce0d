"""docs/extend.md is typed: what the page brings is what mypy takes for it. Run by `make check`."""

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.test_extend import FILES

ROOT = Path(__file__).parents[2]


def test_the_page_is_typed(tmp_path):
    """Each of its modules, strictly."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, "utf-8")
    sources = [name for name in FILES if not name.startswith("test_")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", os.devnull, *sources],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
