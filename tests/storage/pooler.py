"""PgBouncer in transaction mode before a server, for tests: started and stopped by them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time

import psycopg
import pytest

from tests.storage.server import as_user, free_port


class Pooler:
    """One PgBouncer; `stop` ends it, `start` starts it again."""

    def __init__(self, server) -> None:
        self.program = shutil.which("pgbouncer")
        if self.program is None:
            pytest.skip("no PgBouncer: run .ci/postgres, or install Debian's package pgbouncer")
        self.port = free_port()
        self.path = server.folder / "pgbouncer.ini"
        users = server.folder / "users.txt"
        users.write_text('"owner" ""\n')
        users.chmod(0o644)
        self.path.write_text(
            f"[databases]\n* = host={server.folder} port={server.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {users}\npool_mode = transaction\n"
            "max_client_conn = 200\ndefault_pool_size = 10\nignore_startup_parameters = extra_float_digits\n"
        )
        self.path.chmod(0o644)
        self.process = None

    def start(self):
        """Run, and wait until it answers."""
        self.process = subprocess.Popen(
            [self.program, "-q", self.path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"]}, **as_user(),
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=1).close()
                return self
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.stop()
                    pytest.fail("PgBouncer does not start")
                time.sleep(0.02)

    def url(self, database):
        """How a database is reached through it."""
        return f"postgresql://owner@127.0.0.1:{self.port}/{database}"

    def stop(self):
        """End it; connections through it break."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
            self.process = None
