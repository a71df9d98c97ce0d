"""A folder of its own for niquests: it puts urllib3.future in the place of urllib3, for all that is beside it.

python -m tests.outbound.niquests_env      makes `.venv-niquests` beside `pyproject.toml`, once; prints its interpreter
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-niquests"
PYTHON = FOLDER / "bin" / "python"
_DONE = FOLDER / "ready"


class NotThereError(Exception):
    """The environment cannot be had; the text says why."""


def interpreter() -> Path:
    """Its interpreter, made if it is not there. Raises NotThereError where the packages cannot be had."""
    if _DONE.exists():
        return PYTHON
    venv.create(FOLDER, with_pip=True, clear=True)
    wanted = ["niquests>=3.14", "requests", "aiohttp", "pytest", "-e", ".[demo]"]
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", *wanted]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    except subprocess.TimeoutExpired:
        raise NotThereError("niquests cannot be installed: it took longer than ten minutes") from None
    if done.returncode != 0:
        raise NotThereError(f"niquests cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    _DONE.touch()
    return PYTHON


if __name__ == "__main__":
    try:
        print(interpreter())
    except NotThereError as error:
        sys.exit(str(error))
