"""Processes under test: started, waited for, stopped by their own id."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from .cpu import CannotMeasureError
from .load import Load, Sent
from .machine import free_port, pin, taken

ROOM = __package__ or "benchmarks"
SOURCE = Path(__file__).parents[len(ROOM.split("."))]  # the folder from which this package is imported
STARTING = 20.0  # seconds a process may take until it listens


class StartError(CannotMeasureError):
    """A process under test did not come up."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running process that listens on a loopback port; or several that are alike, with servers that they use."""

    pid: int
    port: int
    pids: tuple[int, ...] = ()  # of the others that are alike
    ports: tuple[int, ...] = ()
    servers: tuple[int, ...] = ()  # process ids

    def exchange(self, request: bytes, timeout: float = 10.0) -> tuple[int, dict[str, str], bytes]:
        """Send one whole request on a connection of its own: status, headers, body."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as connection:
            connection.sendall(request)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


@dataclass(frozen=True, slots=True)
class Vendor(Process):
    """The mock vendor's process."""

    def told(self, word: str) -> dict[str, object]:
        """Say a word of control to it, such as `clear` or `seen`."""
        request = f"GET /_bench/{word} HTTP/1.1\r\nhost: vendor\r\nconnection: close\r\n\r\n"
        answer: dict[str, object] = orjson.loads(self.exchange(request.encode())[2])
        return answer

    def count(self) -> int:
        """How many events arrived since it was cleared."""
        events = self.told("seen")["events"]
        assert isinstance(events, dict)
        return sum(events.values())


@contextlib.contextmanager
def running(
    command: Sequence[str], port: int, *, folder: Path, core: int | None, environ: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """A process that listens on `port`, kept on a core; it and its children are ended at the end.

    Raises StartError, with the last line it said, if it does not listen in time.
    """
    if taken(port):
        raise StartError(f"port {port} is in use by another program")
    log = folder / f"{Path(command[0]).name}-{port}.log"
    with log.open("wb") as said:
        child: subprocess.Popen[bytes] | None = None
        try:
            with _signals_later():
                child = subprocess.Popen(
                    command, cwd=folder, stdout=said, stderr=said, stdin=subprocess.DEVNULL, start_new_session=True,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join((str(SOURCE), os.environ.get("PYTHONPATH", ""))),
                         **(environ or {})},
                )  # fmt: skip
                pin(child.pid, core)
            _wait(child, port, log)
            yield Process(child.pid, port)
        finally:
            if child is not None:
                _end(child)


@contextlib.contextmanager
def _signals_later() -> Iterator[None]:
    """Around the start of a process: a signal that ends the command waits until the process can be ended, too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {
        number: signal.signal(number, lambda one, frame: came.append(one)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in came:
        os.kill(os.getpid(), number)


@contextlib.contextmanager
def vendor(folder: Path, core: int | None) -> Iterator[Vendor]:
    """The mock vendor on a free port."""
    port = free_port()
    command = [sys.executable, "-m", f"{ROOM}.vendor", str(port), *([] if core is None else [str(core)])]
    with running(command, port, folder=folder, core=core) as process:
        yield Vendor(process.pid, process.port)


def loaded(load: Load) -> Sent:
    """Run the load generator over one load and give what came of it."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join((str(SOURCE), os.environ.get("PYTHONPATH", "")))}
    done = subprocess.run(
        [sys.executable, "-m", f"{ROOM}.load"], input=load.dump(), capture_output=True, text=True, env=environ,
        timeout=load.seconds * 2 + 60,
    )  # fmt: skip
    if done.returncode:
        raise StartError(f"the load generator failed: {_last(done.stderr)}")
    return Sent.load(done.stdout)


def _wait(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise StartError(f"it ended at once: {_last(log.read_text('utf-8', 'replace'))}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.02)
    raise StartError(f"it did not listen within {STARTING:.0f} s: {_last(log.read_text('utf-8', 'replace'))}")


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a child and what it started; it leads a session of its own, so its group is only those."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)
            return


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower()]
    return (telling or lines or ["it said nothing"])[-1][:200]
