"""`make release` builds nothing as long as the tree still says that it is unreleased."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
URLS = "[project.urls]\n" + "".join(
    f'{name} = "https://a.example/"\n' for name in ("Source", "Changelog", "Documentation", "Issues")
)
WORDS = {"README.md": "not on PyPI yet", "docs/start.md": "not on PyPI yet", "docs/in-process.md": "from a clone of"}


def without_urls(text):
    """The project's table without its addresses."""
    return re.sub(r"^\[project\.urls\]\n(?:\w+ = .*\n)*", "", text, flags=re.MULTILINE)


def begun(text, word):
    """The changelog, whose first chapter has this word beside the version."""
    return re.sub(r"^(## \S+) \(.*\)$", rf"\1 ({word})", text, count=1, flags=re.MULTILINE)


DONE = {
    "pyproject.toml": lambda text: f"{without_urls(text)}\n{URLS}",
    "CHANGELOG.md": lambda text: begun(text, "2026-12-24"),
    **{name: lambda text, words=words: text.replace(words, "") for name, words in WORDS.items()},
}
LEFT_OUT = {
    "pyproject.toml": without_urls,
    "CHANGELOG.md": lambda text: begun(text, "unreleased"),
    **{name: lambda text, words=words: text + words for name, words in WORDS.items()},
}


def rewrite(path, change):
    """Change the text of a file."""
    path.write_text(change(path.read_text("utf-8")), "utf-8")


@pytest.fixture
def tree(tmp_path):
    """What the check reads of this tree, without its history; as it is when all steps of a release are done."""
    for name in (*DONE, "gatekeeper/_version.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    for name, change in DONE.items():
        rewrite(tmp_path / name, change)
    return tmp_path


def asked(tree):
    """The exit code, and what has to be done."""
    done = subprocess.run([sys.executable, ROOT / ".ci" / "release", tree], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def test_a_tree_with_all_steps_done_is_ready(tree):
    """The command ends with exit code 0 and names the next steps."""
    assert asked(tree) == (0, "ready: make dist, then the tag\n")


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_step_that_is_left_out_is_named(tree, name):
    """With the file that it is in, and nothing else."""
    rewrite(tree / name, LEFT_OUT[name])
    code, said = asked(tree)
    assert code == 1 and {line.partition(":")[0] for line in said.splitlines()} == {name}
