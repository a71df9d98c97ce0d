"""The disk fills: events are refused with 503, nothing accepted is lost, and when there is space again it goes on."""

import os
import subprocess
import time
from contextlib import contextmanager, suppress

import httpx
import pytest

from gatekeeper.audit.read import records
from gatekeeper.audit.verify import verify
from tests.torture.promises import Evidence, broken
from tests.torture.rounds import zygote
from tests.torture.scale import FULL, figure
from tests.torture.serving import serving
from tests.torture.test_kill import Load, books, kept
from tests.torture.vendor import Vendor

SIZE = 80 * 2**20  # above the 64 MiB below which `readyz` calls a disk nearly full


@contextmanager
def small_disk(place):
    """A file system of its own; skips where none can be mounted."""
    place.mkdir(parents=True)
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip("this system does not let a file system be mounted")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place):
    """Leave no byte."""
    with (place / "ballast").open("wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


@pytest.mark.parametrize("full", ["log and database", "log", "database"] if FULL else ["log and database"])
def test_a_full_disk_refuses_and_recovers_by_itself(tmp_path, full):
    """With either of them, or both, on it; under load; filled twice."""
    began, found, refused = time.monotonic(), [], 0
    with small_disk(tmp_path / "disk") as disk, Vendor(tmp_path / "log" / "audit") as vendor, zygote() as parent:
        log = disk / "log" if full != "database" else tmp_path / "log"
        vendor.tail.folder = log / "audit"
        where = tmp_path / "gate"
        where.mkdir()
        (disk / "data").mkdir()
        (log / "audit").mkdir(parents=True)
        (where / "audit").symlink_to(log / "audit")
        if full != "log":
            (where / "data").symlink_to(disk / "data")
        with serving(where, vendor, parent, 2, database="data/gatekeeper.db") as up:
            load = Load(up)
            for _ in range(2 if FULL else 1):
                with load.running():
                    up.wait(lambda: len(load.accepted) > 20)
                    fill(disk)
                    before = load.refused
                    up.wait(lambda before=before: load.refused > before + 20)
                    assert not ready(up)
                    (disk / "ballast").unlink()
                    now = len(load.accepted)
                    up.wait(lambda now=now: len(load.accepted) > now + 20)
                up.wait(lambda: ready(up))
                up.wait(lambda: books(up)["queued"] == 0)
            refused = load.refused

            def look():
                vendor.tail.look()
                return broken(
                    Evidence(
                        load.posted, load.accepted, list(vendor.receipts), vendor.tail.order,
                        list(records(log / "audit")), [books(up)], [], verify(log / "audit").problems,
                    )
                )  # fmt: skip

            found = kept(look)
            assert up.stop() == 0
    figure(
        f"a full disk under the {full}", cases=2 if FULL else 1, broken=len(found),
        seconds=time.monotonic() - began, accepted=len(load.accepted), refused=refused,
    )  # fmt: skip
    assert found == []


def ready(up):
    """What `readyz` says."""
    with suppress(httpx.HTTPError):
        return up.get("/gk/readyz", token="").status_code == 200
    return False
