"""Running the command as a user does: another process, its output and exit code."""

import json
import os
import subprocess
import sys
import threading

import pytest

ENV = {"NO_COLOR": "1", "COLUMNS": "120"}
LIMIT = 60.0  # seconds for one command


@pytest.fixture(scope="session")
def forking():
    """The process that forks commands; it has imported what they need."""
    command = [sys.executable, "-m", "tests.cli.forking"]
    with subprocess.Popen(command, env=os.environ | ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.stdin.close()
        process.wait(10)


@pytest.fixture
def gatekeeper(tmp_path, tmp_path_factory, forking):
    """`gatekeeper("check", "--json")` in a fresh folder."""
    files = {name: tmp_path_factory.mktemp("command") / name for name in ("in", "out", "err")}

    def run(*words, stdin=None, env=None, code=None, folder=tmp_path):
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
