"""PostgreSQL servers for tests: made in a temporary folder, on a Unix socket and loopback, stopped by their process id.

`.ci/postgres` installs Debian's. Without it the tests are skipped, and say so.
"""

from __future__ import annotations

import functools
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from gatekeeper.storage.postgres import schema

QUIET = {"fsync": "off", "full_page_writes": "off"}  # nothing is to survive these tests
USUAL = {
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "warning",
    "autovacuum_naptime": "1s",
}


@functools.cache
def programs():
    """The folder of the newest server that is installed; `None` without one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def need_postgres():
    """Skip a test where there is no server."""
    if programs() is None:
        pytest.skip("no PostgreSQL: run .ci/postgres, or install Debian's package postgresql")


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def as_user():
    """A server refuses to run as root: then it runs as the user of Debian's package."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Server:
    """One server with its data; `stop` ends it, `kill` as SIGKILL does, `start` starts it again."""

    address = "127.0.0.1"

    def __init__(self, *, durable=False, **settings) -> None:
        need_postgres()
        self.folder = Path(tempfile.mkdtemp(prefix="gk-pg-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.settings = {**USUAL, **({} if durable else QUIET), **settings}
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.process = None

    def make(self):
        """A new cluster."""
        self.program(
            "initdb", "-D", self.data, "-U", "owner", "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C"
        )
        return self

    def program(self, name, *arguments):
        """Run one of the server's programs to its end."""
        done = subprocess.run(
            [programs() / name, *map(str, arguments)], capture_output=True, text=True, cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, timeout=60, **as_user(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self):
        """Run, and wait until it answers."""
        settings = {**self.settings, "port": self.port, "unix_socket_directories": self.folder}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command, user = self.command(str(programs() / "postgres"))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "-D", self.data, "-h", self.address, *options],
                stdout=log, stderr=log, cwd=self.folder, start_new_session=True,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, **user,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=1).close()
                return self
            except psycopg.OperationalError:
                assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.02)

    def command(self, program):
        """How a program is run, and as which user."""
        return [program], as_user()

    def url(self, database, *, user="owner", tcp=False):
        """How a database of it is reached."""
        if tcp:
            return f"postgresql://{user}@{self.address}:{self.port}/{database}"
        # Where a machine is busy, a server takes seconds to take a connection.
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}&connect_timeout=30"

    def run(self, sql, database="postgres"):
        """One statement, as its owner."""
        with psycopg.connect(self.url(database), autocommit=True) as link:
            cursor = link.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def kill(self):
        """End it and its children at once, as a power cut does."""
        if self.process is not None:
            began = children(self.process.pid)
            self.process.send_signal(signal.SIGKILL)
            for child in began:
                try:
                    os.kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.process.wait(10)
            self.process = None

    def stop(self):
        """End it; connections break."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # a fast shutdown
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None

    def remove(self):
        """End it and delete its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def children(pid):
    """The processes that a server has started."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


class Databases:
    """One server for all tests of a process, and databases that are copies of a prepared one."""

    def __init__(self) -> None:
        self._server = None
        self._number = itertools.count()
        self._free = []

    def server(self):
        """The server; started with the first use, stopped with the test process."""
        if self._server is None:
            import atexit

            self._server = Server().make().start()
            atexit.register(self._server.remove)
            self._server.run("CREATE DATABASE prepared")
            schema.prepare(self._server.url("prepared"))
        return self._server

    def fresh(self):
        """The address of a database with empty tables."""
        if self._free:
            return self._free.pop()
        name = f"gate_{next(self._number)}"
        self.server().run(f"CREATE DATABASE {name} TEMPLATE prepared")
        return self.server().url(name)

    def give_back(self, url):
        """Empty a database that no store uses any more; quicker than to make another one."""
        with psycopg.connect(url, autocommit=True) as link:
            tables = link.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
            names = [name for (name,) in tables.fetchall() if name not in ("generation", "gatekeeper_schema")]
            statements = [f'DELETE FROM "{name}"' for name in names]
            statements.append("UPDATE generation SET n = 1, oldest = 0, since = '-infinity'")
            link.execute("; ".join(["SET session_replication_role = replica", *statements]))
        self._free.append(url)


DATABASES = Databases()
