"""A process that has imported everything once and forks a child for every order: `python -m tests.torture.zygote`.

An order is a JSON line on stdin; answers are JSON lines on stdout: the child's process id, then how it ended. A child
with `wait` begins when somebody opens its pipe `<folder>.go`: there is time to attach a tracer.
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
        child = os.fork()
        if child == 0:
            _child(order)
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


def _child(order: dict[str, object]) -> None:
    code = 1
    try:
        folder = Path(str(order["folder"]))
        say = Saying(folder.with_suffix(".said"))
        errors = os.open(folder.with_suffix(".err"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(errors, 2)
        logging.basicConfig(level=logging.WARNING, force=True)
        if order.get("wait"):
            os.close(os.open(folder.with_suffix(".go"), os.O_RDONLY))
        if order.get("bug"):
            bugs.BUGS[str(order["bug"])]()
        SCENARIOS[str(order["do"])](order, say)
        code = 0
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
