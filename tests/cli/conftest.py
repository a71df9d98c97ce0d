"""Running the command as a user does: another process, its output and exit code."""

import os
import subprocess
import sys

import pytest


@pytest.fixture
def gatekeeper(tmp_path):
    """`gatekeeper("check", "--json")` in a fresh folder."""

    def run(*words, stdin=None, env=None, code=None, folder=tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", "gatekeeper", *map(str, words)],
            cwd=folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | {"NO_COLOR": "1", "COLUMNS": "120"} | (env or {}),
        )
        if code is not None:
            assert done.returncode == code, done.stdout + done.stderr
        return done

    return run
