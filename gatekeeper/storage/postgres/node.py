"""The names of this machine: of its audit log, and of its node, as other machines see them."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import socket
from pathlib import Path
from typing import Final, NamedTuple

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class Names(NamedTuple):
    """`node` is this machine since it was started, `log` the audit log on its disk, which may outlive both."""

    node: str
    log: str


def names_of(here: Path) -> Names:
    """Both names; `here` is the folder of this machine."""
    return Names(name_of(here), log_of(here))


def log_of(here: Path) -> str:
    """The name of the audit log beside a folder of this machine: random, and kept there."""
    here.mkdir(parents=True, exist_ok=True, mode=0o750)
    path = here / "node"
    if not path.exists():
        fresh = path.with_name(f"node.{secrets.token_hex(4)}")
        fresh.write_text(secrets.token_hex(8))
        with contextlib.suppress(FileExistsError):  # another process was first
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_text().strip()


def name_of(here: Path) -> str:
    """The name of this machine's node. Another one after a restart, and where a folder was copied elsewhere."""
    boot = _BOOT.read_text() if _BOOT.exists() else ""
    return hashlib.sha256(f"{log_of(here)} {socket.gethostname()} {boot}".encode()).hexdigest()[:16]
