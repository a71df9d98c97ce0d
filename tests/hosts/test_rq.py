"""RQ's real worker, with a server of fakeredis: its work horse ends by os._exit."""

import os
import subprocess
import sys
import threading

import fakeredis
import redis
import rq

from tests.hosts.test_process_ends import folder, signed
from tests.running import free_port

__all__ = ["folder"]


def test_a_work_horse_of_rq_keeps_what_its_job_tracked(folder):
    """It ends by os._exit after each job."""
    port = free_port()
    server = fakeredis.TcpFakeServer(("127.0.0.1", port))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        queue = rq.Queue(connection=redis.Redis(port=port))
        jobs = [queue.enqueue("tests.hosts.rq_job.track", n) for n in range(3)]
        environ = os.environ | {"SHOP_POLICY": str(folder / "gatekeeper.toml")}
        command = [sys.executable, "-W", "ignore", "-c", WORKER, str(port)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        tracked = {job.return_value(refresh=True) for job in jobs}
    finally:
        server.shutdown()
        server.server_close()
    assert None not in tracked
    assert signed(folder) == (tracked, {"close"})


WORKER = """
import sys, redis, rq
import tests.hosts.rq_job

class Worker(rq.Worker):
    def _set_ip_address(self, connection):
        self.ip_address = ""  # the stand-in for Redis does not tell it

Worker([rq.Queue(connection=redis.Redis(port=int(sys.argv[1])))]).work(burst=True)
"""
