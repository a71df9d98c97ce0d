"""A second opinion on our own load generator, where wrk is installed: the same server, loaded by either in turn."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

from . import samples
from .cpu import Meter
from .load import Load
from .options import Options
from .process import Process, StartError, loaded
from .run import stage, warm_up
from .scenarios import ALL
from .shape import Served

SUBJECT = "uvicorn, bare app"
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_COUNT = re.compile(r"(\d+) requests in")


def wrk() -> str:
    """Its path, empty without it."""
    return shutil.which("wrk") or ""


def opinion(options: Options) -> dict[str, Any]:
    """Requests a second and CPU microseconds per request of a bare app under each. Raises CannotMeasureError."""
    (served,) = (one for one in ALL["middleware"].contestants if one.name == SUBJECT)
    assert isinstance(served, Served)
    seconds = max(1.0, options.seconds)
    with stage(ALL["middleware"]) as at, served.start(at) as process:
        warm_up(served, process, at, options)
        load = Load(process.port, tuple(served.requests()), options.connections, seconds, core=at.load_core)
        meter = Meter(process.pid)
        sent = loaded(load)
        ours = {"per_second": sent.answered / sent.seconds, "cpu_us": meter.seconds() / max(1, sent.answered) * 1e6}
        return {"ours": ours, "wrk": _by_wrk(process, options.connections, seconds, at.load_core)}


def _by_wrk(process: Process, connections: int, seconds: float, core: int | None) -> dict[str, float]:
    pinned = ["taskset", "-c", str(core)] if core is not None and shutil.which("taskset") else []
    headers = [word for header in samples.browser_headers().items() for word in ("-H", ": ".join(header))]
    command = [*pinned, wrk(), "-t1", f"-c{connections}", f"-d{round(seconds)}s", *headers]
    meter = Meter(process.pid)
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{process.port}/"], capture_output=True, text=True, timeout=seconds + 30
    )
    rate, requests = _RATE.search(done.stdout), _COUNT.search(done.stdout)
    if rate is None or requests is None:
        raise StartError(f"wrk said nothing of requests: {done.stderr.strip()[:200]}")
    return {"per_second": float(rate[1]), "cpu_us": meter.seconds() / max(1, int(requests[1])) * 1e6}
