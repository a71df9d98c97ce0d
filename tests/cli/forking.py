"""A process that has imported the command line once and forks a child per command: `python -m tests.cli.forking`.

A command is a JSON line on stdin (words, env, folder, files); its exit code is a line on stdout, its output is in the
files `out` and `err`. What a command imports is most of what it costs.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import sys
import traceback

import typer.main

import gatekeeper.cli
from gatekeeper.__main__ import main


def serve() -> None:
    """Until stdin ends."""
    for module in pkgutil.walk_packages(gatekeeper.cli.__path__, "gatekeeper.cli."):
        importlib.import_module(module.name)
    importlib.import_module("rich.markdown")  # which `--help` loads
    gatekeeper.cli.app = typer.main.get_command(gatekeeper.cli.app)  # made once; it is called alike
    gc.freeze()  # a child that looks for garbage copies what it looks at
    while line := sys.stdin.buffer.readline():
        child = os.fork()
        if child == 0:
            run(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.buffer.write(b"%d\n" % os.waitstatus_to_exitcode(status))
        sys.stdout.buffer.flush()


def run(order: dict) -> None:
    """One command, as `python -m gatekeeper` would run it; ends the process."""
    code = 1
    try:
        os.chdir(order["folder"])
        os.environ.update(order["env"])
        for number, name, mode in ((0, "in", os.O_RDONLY), (1, "out", os.O_WRONLY), (2, "err", os.O_WRONLY)):
            file = os.open(order[name], mode)
            os.dup2(file, number)
            os.close(file)
        sys.argv = ["gatekeeper", *order["words"]]
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
