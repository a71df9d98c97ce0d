"""Celery's real worker with each of its pools: a shutdown keeps what its tasks tracked."""

import importlib
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.hosts.test_process_ends import folder, signed

__all__ = ["folder"]
EVENTS = 12
OPTIONS = ["--concurrency=2", "--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]


def told(path, count):
    """Wait for that many request ids."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ids = path.read_text().split() if path.exists() else []
        if len(ids) >= count:
            return set(ids)
        time.sleep(0.005)
    raise AssertionError(f"{len(ids)} of {count} tasks were done")


@pytest.fixture
def job(folder, monkeypatch):
    """The module of the app, with its broker in this folder."""
    (folder / "queue").mkdir()
    (folder / "control").mkdir()
    monkeypatch.setenv("SHOP_POLICY", str(folder / "gatekeeper.toml"))
    module = importlib.import_module("tests.hosts.celery_job")
    yield module
    sys.modules.pop("tests.hosts.celery_job")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGQUIT], ids=["warm", "cold"])
@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_a_shutdown_keeps_what_tasks_tracked(folder, job, pool, how):
    """SIGTERM is Celery's warm shutdown, SIGQUIT the cold one; the last task has only just tracked."""
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "tests.hosts.celery_job", "worker", *OPTIONS]
    environ = os.environ | {"SHOP_POOL": pool}
    with (folder / "worker.log").open("w") as output:
        worker = subprocess.Popen([*command, f"--pool={pool}"], env=environ, stdout=output, stderr=output)
        try:
            for n in range(EVENTS):
                job.track.delay(n)
            tracked = told(job.TOLD, EVENTS)
            worker.send_signal(how)
            worker.wait(60)
        finally:
            worker.kill()
            worker.wait()
    assert "None" not in tracked
    assert signed(folder) == (tracked, {"close"}), (folder / "worker.log").read_text()[-3000:]
