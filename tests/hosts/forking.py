"""A process that forks while its threads track: `python -m tests.hosts.forking POLICY FORKS THREADS [HOW]`.

It prints JSON.

HOW: `fork` (os.fork), or a start method of multiprocessing. Each child says what of its parent's was open in it, tracks
one event, and ends as multiprocessing ends it, or by os._exit after a flush.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import sys
import threading
import time
from pathlib import Path

import gatekeeper
from gatekeeper import context
from gatekeeper.shells.asgi.caller import here


def visit(runtime):
    """Make the visitor of this context one who permits analytics."""
    cookie = gatekeeper.issue_consent(config=runtime.policy, analytics=True).partition(";")[0].encode()
    context.current.set(here(runtime.gate, {"type": "http", "headers": [(b"cookie", cookie)]}))


def ours_open(folder):
    """Descriptors of this process that are the gate's: files below the policy's folder, sockets, wake-up pipes."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = str(link.readlink())
            if (
                stat.S_ISSOCK(os.fstat(int(link.name)).st_mode)
                or "eventpoll" in target
                or target.startswith(str(folder))
            ):
                found.append(target)
        except OSError:  # the one that lists
            pass
    return found


def child(n, runtime, folder, report):
    """What a child does; its report goes into a file of its own."""
    found = ours_open(folder)
    visit(runtime)
    kept = gatekeeper.track("page_view", session_id=f"child-{n}") is not None
    Path(report).write_text(json.dumps({"open": found, "kept": kept}))


def spawned(n, policy, report):
    """What a child does that has nothing of its parent's memory."""
    child(n, gatekeeper.start(policy), Path(policy).parent, report)


def fork(n, runtime, folder, how, report):
    """Start one child, and how long that took, in seconds; and the child."""
    if how != "fork":
        work = (
            (child, (n, runtime, folder, report)) if how == "mp-fork" else (spawned, (n, runtime.policy.path, report))
        )
        process = multiprocessing.get_context(how.removeprefix("mp-")).Process(target=work[0], args=work[1])
        started = time.perf_counter()
        process.start()
        return time.perf_counter() - started, process
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        child(n, runtime, folder, report)
        os._exit(0 if gatekeeper.flush(20.0) else 3)
    return time.perf_counter() - started, pid


def main(policy, forks, threads, how="fork"):
    """Fork beside threads that track, and say what came of it."""
    folder = Path(policy).parent
    runtime = gatekeeper.start(policy)
    stopped = threading.Event()
    tracked = [0] * threads

    def track(number):
        visit(runtime)
        while not stopped.is_set():
            assert gatekeeper.track("page_view", session_id=f"parent-{number}-{tracked[number]}")
            tracked[number] += 1
            time.sleep(0.01)

    running = [threading.Thread(target=track, args=(number,)) for number in range(threads)]
    for one in running:
        one.start()
    while threads and (min(tracked) < 20 or not runtime._deliverer.leading):
        time.sleep(0.005)
    took, children = [], []
    for n in range(forks):
        seconds, one = fork(n, runtime, folder, how, str(folder / f"child-{n}.json"))
        took.append(seconds)
        children.append(one)
        time.sleep(0.01)
    codes = []
    for one in children:
        if isinstance(one, int):
            codes.append(os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]))
        else:
            one.join()
            codes.append(one.exitcode)
    before = sum(tracked)
    while threads and sum(tracked) < before + 20:  # tracking goes on
        time.sleep(0.005)
    stopped.set()
    for one in running:
        one.join()
    kept = gatekeeper.flush(20.0)
    problems = runtime.health.problems()
    runtime.start()
    deadline = time.monotonic() + 60.0
    while not runtime.idle() and time.monotonic() < deadline:
        time.sleep(0.01)
    runtime.close()
    reports = [folder / f"child-{n}.json" for n in range(forks)]
    said = [json.loads(one.read_text()) if one.exists() else {"open": ["no report"], "kept": False} for one in reports]
    print(
        json.dumps(
            {
                "took": took,
                "codes": codes,
                "tracked": tracked,
                "kept": kept,
                "problems": problems,
                "open": sorted({name for one in said for name in one["open"]}),
                "refused": sum(not one["kept"] for one in said),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
