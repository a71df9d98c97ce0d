"""A process that has imported everything once and forks a child for every order: `python -m tests.torture.zygote`.

An order is a JSON line on stdin; answers are JSON lines on stdout: the child's process id, then how it ended. A child
with `wait` begins when a byte comes through the pipe `<folder>.go`: there is time to attach a tracer.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path

import orjson

from tests.torture import bugs
from tests.torture.scenario import SCENARIOS, Saying


def main() -> None:
    """Until stdin ends."""
    while line := sys.stdin.buffer.readline():
        order = orjson.loads(line)
        go = os.open(Path(order["folder"]).with_suffix(".go"), os.O_RDONLY) if order.get("wait") else None
        child = os.fork()
        if child == 0:
            _child(order, go)
        if go is not None:
            os.close(go)
        _answer({"pid": child})
        limit = threading.Timer(order.get("limit", 40.0), os.kill, (child, signal.SIGKILL))
        limit.start()
        _, status = os.waitpid(child, 0)
        limit.cancel()
        limit.join()
        _answer({"ended": os.waitstatus_to_exitcode(status)})


def _answer(what: dict[str, int]) -> None:
    sys.stdout.buffer.write(orjson.dumps(what) + b"\n")
    sys.stdout.buffer.flush()


def _child(order: dict[str, object], go: int | None) -> None:
    code = 1
    try:
        folder = Path(str(order["folder"]))
        say = Saying(folder.with_suffix(".said"))
        errors = os.open(folder.with_suffix(".err"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(errors, 2)
        logging.basicConfig(level=logging.WARNING, force=True)
        if go is not None:
            os.read(go, 1)
            os.close(go)
        if order.get("bug"):
            bugs.BUGS[str(order["bug"])]()
        SCENARIOS[str(order["do"])](order, say)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
