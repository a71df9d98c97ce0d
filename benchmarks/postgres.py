"""Two PostgreSQL servers for a scenario: the second is a standby that confirms each commit. They sync their disks.

Debian's package in /usr/lib/postgresql is used; without it, or on another system, what needs it is skipped.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .machine import free_port
from .process import StartError

_STARTING = 30.0  # seconds
_SETTINGS = {
    "max_connections": "200", "shared_buffers": "128MB", "wal_level": "replica", "max_wal_senders": "4",
    "synchronous_standby_names": "second", "max_wal_size": "4GB",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """Both servers: an address for the gate, and what CPU is counted of."""

    url: str
    pids: tuple[int, ...]


def missing() -> str | None:
    """Why no server can be started."""
    return None if _programs() is not None else "no PostgreSQL: install Debian's package postgresql (.ci/postgres does)"


@contextlib.contextmanager
def pair() -> Iterator[Pair]:
    """A primary and its standby, with the gate's tables in the database `gate`."""
    import psycopg

    from gatekeeper.storage.postgres import schema

    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="gatekeeper-bench-pg-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        first, second = free_port(), free_port()
        _run(folder, "initdb", "-D", str(folder / "a"), "-U", "gate", "-A", "trust", "--locale=C", "--encoding=UTF8")
        one = stack.enter_context(_server(folder, "a", first))
        at = f"host=127.0.0.1 port={first} user=gate"
        _run(folder, "pg_basebackup", "-D", str(folder / "b"), "-R", "-X", "stream", "--checkpoint=fast",
             "-d", f"{at} application_name=second")  # fmt: skip
        two = stack.enter_context(_server(folder, "b", second))
        with psycopg.connect(f"{at} dbname=postgres", autocommit=True) as link:
            deadline = time.monotonic() + _STARTING
            while not link.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").fetchall():
                if time.monotonic() > deadline:
                    raise StartError("the standby does not follow")
                time.sleep(0.05)
            link.execute("CREATE DATABASE gate")
        url = f"postgresql://gate@127.0.0.1:{first}/gate"
        schema.prepare(url)
        yield Pair(url, (one, two))


@contextlib.contextmanager
def _server(folder: Path, name: str, port: int) -> Iterator[int]:
    """One server, its process id."""
    import psycopg

    options = [word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}")]
    programs = _programs()
    assert programs is not None
    with (folder / f"{name}.log").open("wb") as said:
        child = subprocess.Popen(
            [programs / "postgres", "-D", folder / name, "-h", "127.0.0.1", "-p", str(port), "-k", folder, *options],
            stdout=said, stderr=said, cwd=folder, start_new_session=True, **_user(),
        )  # fmt: skip
    try:
        deadline = time.monotonic() + _STARTING
        while True:
            try:
                psycopg.connect(f"host=127.0.0.1 port={port} user=gate dbname=postgres", connect_timeout=1).close()
                break
            except psycopg.OperationalError:
                if child.poll() is not None or time.monotonic() > deadline:
                    said = (folder / f"{name}.log").read_text()[-200:]
                    raise StartError(f"PostgreSQL did not start: {said}") from None
                time.sleep(0.05)
        yield child.pid
    finally:
        child.terminate() if child.poll() is None else None
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)
        if child.poll() is None:
            child.kill()
            child.wait(5)


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _run(folder: Path, name: str, *words: str) -> None:
    programs = _programs()
    assert programs is not None
    done = subprocess.run([programs / name, *words], capture_output=True, text=True, cwd=folder, timeout=120, **_user())
    if done.returncode:
        raise StartError(f"{name} failed: {done.stderr[-200:]}")


def _user() -> dict[str, object]:
    """A server refuses to run as root: then it runs as the user of Debian's package."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
