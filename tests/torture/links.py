"""Hosts in network namespaces, with links that can be cut without a word: no side is told, connections stay half open.

Needs root and iproute2. Each host hangs on one bridge; what a test made is taken away at its end, and what a killed one
left behind at the next start.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.storage.server import Server, as_user
from tests.torture.pair import REPLICATED, Pair

_NAME = re.compile(r"gkt(\d+)([a-z]\w*)")


def ip(*words, check=True):
    """One command of iproute2."""
    done = subprocess.run(["ip", *map(str, words)], capture_output=True, text=True, timeout=20, check=False)
    assert not check or done.returncode == 0, f"ip {' '.join(map(str, words))}: {done.stderr}"
    return done.stdout


@functools.cache
def missing():
    """Why there can be no namespaces here."""
    if os.getuid() != 0 or shutil.which("ip") is None or shutil.which("setpriv") is None:
        return "network namespaces need root, iproute2 and setpriv"
    done = subprocess.run(["ip", "netns", "add", f"gkt{os.getpid()}probe"], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"network namespaces are not allowed here ({done.stderr.strip()})"
    ip("netns", "del", f"gkt{os.getpid()}probe")
    return None


class Net:
    """The bridge and its hosts. `host` gives one; `cut` and `mend` are for one host, or between two."""

    def __init__(self) -> None:
        why = missing()
        if why is not None:
            pytest.skip(why)
        self._sweep()
        self._mark = f"gkt{os.getpid()}"
        self._third = os.getpid() % 250 + 1
        self.hosts = {}
        self._bridge = f"gb{os.getpid()}"
        ip("link", "add", self._bridge, "type", "bridge")
        ip("addr", "add", f"10.211.{self._third}.1/24", "dev", self._bridge)
        ip("link", "set", self._bridge, "up")

    def _sweep(self):
        """Take away what tests left behind whose process is gone."""
        for line in ip("netns", "list").splitlines():
            found = _NAME.match(line)
            if found and not Path(f"/proc/{found[1]}").exists():
                ip("netns", "del", found[0], check=False)
                ip("link", "del", f"gb{found[1]}", check=False)

    def host(self, name):
        """The namespace of a new host, and its address."""
        space, number = f"{self._mark}{name}", len(self.hosts) + 2
        link, address = f"gv{os.getpid()}{number}", f"10.211.{self._third}.{number}"
        self.hosts[name] = (space, address, link)
        ip("netns", "add", space)
        ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
        ip("link", "set", link, "master", self._bridge, "up")
        ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
        ip("-n", space, "link", "set", "eth0", "up")
        ip("-n", space, "link", "set", "lo", "up")
        return space, address

    def cut(self, name, other=None):
        """Drop all that goes between two hosts, or between one and everybody."""
        if other is None:
            ip("link", "set", self.hosts[name][2], "down")
            return
        for here, there in ((name, other), (other, name)):
            ip("-n", self.hosts[here][0], "route", "add", "blackhole", f"{self.hosts[there][1]}/32")

    def mend(self, name, other=None):
        """Let it through again."""
        if other is None:
            ip("link", "set", self.hosts[name][2], "up")
            return
        for here, there in ((name, other), (other, name)):
            ip("-n", self.hosts[here][0], "route", "del", "blackhole", f"{self.hosts[there][1]}/32")

    def remove(self):
        """Take all of it away."""
        for space, _, link in self.hosts.values():
            ip("link", "del", link, check=False)
            ip("netns", "del", space, check=False)
        ip("link", "del", self._bridge, check=False)


class Host(Server):
    """A server in a namespace of its own."""

    def __init__(self, net, name, **settings) -> None:
        super().__init__(**settings)
        self.space, self.address = net.host(name)

    def command(self, program):
        """How a program is run there, as the user that a server wants to be."""
        user = as_user()["user"]
        group = as_user()["group"]
        return [
            *("ip", "netns", "exec", self.space, "setpriv", "--reuid", str(user), "--regid", str(group)),
            *("--clear-groups", program),
        ], {}

    def make(self):
        """A cluster that trusts the hosts of the tests."""
        super().make()
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("host all all 10.211.0.0/16 trust\nhost replication all 10.211.0.0/16 trust\n")
        return self


class FarPair(Pair):
    """A primary and its standby on hosts of their own, in a net."""

    def __init__(self, net, **settings) -> None:
        self.net = net
        self.primary = Host(net, "primary", **REPLICATED, **settings).make()
        self.standby = Host(net, "standby", **REPLICATED, **settings)
        self.primary.start()
        self.follow()
