"""Running the command as a user does: another process, its output and exit code."""

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

# The last: `--show-completion` takes a shell's name, and does not look which shell started it.
ENV = {"NO_COLOR": "1", "COLUMNS": "120", "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
LIMIT = 60.0  # seconds for one command


@contextmanager
def forks(**env):
    """The process that forks commands; it has imported what they need."""
    command = [sys.executable, "-m", "tests.cli.forking"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=os.environ | ENV | env, **pipes) as process:
        yield process
        process.stdin.close()
        process.wait(60)


@pytest.fixture(scope="session")
def forking():
    """The one of all tests."""
    with forks() as process:
        yield process


@pytest.fixture
def gatekeeper(tmp_path, tmp_path_factory, forking):
    """`gatekeeper("check", "--json")` in a fresh folder."""
    return commanded(tmp_path, tmp_path_factory.mktemp("command"), forking)


@pytest.fixture
def of_ascii(tmp_path, tmp_path_factory):
    """The same, where streams are of ASCII: they get their encoding when their process starts."""
    with forks(PYTHONIOENCODING="ascii") as process:
        yield commanded(tmp_path, tmp_path_factory.mktemp("command"), process)


def commanded(fresh, beside, forking):
    """How a command is run in a folder, with files beside it."""
    files = {name: beside / name for name in ("in", "out", "err")}

    def run(*words, stdin=None, env=None, code=None, folder=fresh):
        for name, file in files.items():
            file.write_text((stdin or "") if name == "in" else "", "utf-8")
        order = {"words": list(map(str, words)), "env": env or {}, "folder": str(folder)}
        limit = threading.Timer(LIMIT, forking.kill)
        limit.start()
        forking.stdin.write(json.dumps(order | {name: str(file) for name, file in files.items()}).encode() + b"\n")
        forking.stdin.flush()
        ended = forking.stdout.readline()
        limit.cancel()
        assert ended, f"{words}: not done within {LIMIT} seconds"
        out, err = (files[name].read_text("utf-8") for name in ("out", "err"))
        done = subprocess.CompletedProcess(words, int(ended), out, err)
        if code is not None:
            assert done.returncode == code, out + err
        return done

    return run


@pytest.fixture
def log(tmp_path):
    """A folder with a policy, its archive, and forty decisions of the last hour."""
    from tests.cli.logs import write  # the command's own tests need none of the product in this process

    write(tmp_path)
    return tmp_path
