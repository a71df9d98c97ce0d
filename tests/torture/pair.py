"""Two PostgreSQL servers, the second a standby that has to confirm each commit; and what happens to them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

from tests.storage.server import Server, children

REPLICATED = {
    "synchronous_standby_names": "second",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "hot_standby": "on",
    "wal_receiver_timeout": "2s",
    "wal_sender_timeout": "2s",
}


class Pair:
    """`primary` takes writes, `standby` confirms them. `url` names both, for clients that find the one that writes."""

    def __init__(self, **settings) -> None:
        self.primary = Server(**REPLICATED, **settings).make()
        self.standby = Server(**REPLICATED, **settings)
        self.primary.start()
        self.follow()

    def url(self, database):
        """An address of both."""
        hosts = ",".join(f"{one.address}:{one.port}" for one in (self.primary, self.standby))
        return f"postgresql://owner@{hosts}/{database}?target_session_attrs=read-write"

    def follow(self):
        """Make the standby anew from the primary, and wait until it confirms."""
        standby, primary = self.standby, self.primary
        standby.stop()
        shutil.rmtree(standby.data, ignore_errors=True)
        standby.program(
            "pg_basebackup", "-D", standby.data, "-R", "-X", "stream", "--checkpoint=fast", "--no-sync",
            "-d", f"host={primary.address} port={primary.port} user=owner application_name=second",
        )  # fmt: skip
        standby.start()
        deadline = time.monotonic() + 20
        while primary.run("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'") == []:
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.02)

    def promote(self):
        """Let the standby take over; it is the primary from now on, and waits for no standby until there is one."""
        self.standby.run("SELECT pg_promote()")
        self.primary, self.standby = self.standby, self.primary

    def pause(self, server):
        """Freeze a server and all its processes."""
        for pid in (server.process.pid, *children(server.process.pid)):
            os.kill(pid, signal.SIGSTOP)

    def resume(self, server):
        """Let a server go on."""
        for pid in (*children(server.process.pid), server.process.pid):
            os.kill(pid, signal.SIGCONT)

    def remove(self):
        """End both."""
        for server in (self.primary, self.standby):
            server.remove()


class Worker:
    """A node as a process: `noding` accepts and writes down what was acknowledged, `sending` what was sent when.

    `within` is the network namespace of its host.
    """

    def __init__(self, url, folder, name, *words, module="noding", within=None) -> None:
        self.folder = folder / name
        self.folder.mkdir(exist_ok=True)
        self.name = name
        command = [] if within is None else ["ip", "netns", "exec", within]
        command += [sys.executable, "-m", f"tests.torture.{module}", url, self.folder, *(words or (name,))]
        self.process = subprocess.Popen([*map(str, command)])

    def sent(self):
        """Pairs of a person and when something was sent of them, in ns."""
        path = self.folder / "sent"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [(line.split()[0], int(line.split()[1])) for line in lines if line.endswith("\n")]

    def acknowledged(self):
        """The request ids that were answered with success."""
        path = self.folder / "acknowledged"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [line.strip() for line in lines if line.endswith("\n")]

    def __enter__(self):
        """The worker itself."""
        return self

    def __exit__(self, *error):
        """It ends with its test."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()

    def kill(self):
        """As the machine's end does."""
        self.process.kill()
        self.process.wait(10)

    def end(self):
        """Let it finish what it does."""
        self.process.terminate()
        self.process.wait(60)
