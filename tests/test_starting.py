"""Processes and servers of tests are started in one place each, so that all of them end with their test."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PIPES = "reads what the process says while it runs"
OWN_LOOP = "on the loop of the test that it belongs to"
STARTS = {
    r"\bPopen\(": {
        "running.py": "the place", "cli/conftest.py": PIPES, "cli/test_cli.py": PIPES,
        "cli/test_serve_log.py": PIPES, "hosts/test_celery.py": "Celery's own worker",
        "benchmarks/test_command.py": PIPES, "torture/rounds.py": PIPES, "torture/strace.py": PIPES,
        "torture/test_withdrawals.py": PIPES,
        "browsers/firefox.py": PIPES, "browsers/webkit.py": "the browser's driver, and the screen that it draws on",
        "storage/server.py": "PostgreSQL", "storage/pooler.py": "PgBouncer", "torture/pair.py": "PostgreSQL",
        "deploy/test_image.py": PIPES, "deploy/test_grafana.py": PIPES,
        "storage/test_remnants.py": PIPES, "rights/test_workers.py": "workers that are asked to end, not killed",
    },
    r"\buvicorn\.Server\(|\bsidecar\.listen\(": {
        "running.py": "the place", "hosts/test_transparency.py": "hypercorn, on a listener of ours",
        "torture/withdrawing.py": "a worker that stops and kills itself in the steps of a withdrawal",
    },
    r"HTTPServer\b": {"answering.py": "the place"},
    r"listener\.accept\(|\bstart_server\(|\bcreate_server\(lambda": {
        "answering.py": "the place", "delivery/vendor.py": OWN_LOOP, "delivery/test_egress.py": OWN_LOOP,
        "delivery/test_permit.py": OWN_LOOP, "torture/proxy.py": OWN_LOOP, "shells/test_vendors.py": "one link of TLS",
        "torture/test_withdrawals.py": "reads the kernel's own time of each byte",
    },
}  # fmt: skip


@pytest.mark.parametrize("start", STARTS)
def test_what_starts_a_process_or_a_server_stands_in_its_place(start):
    """`running.py` starts gates, apps and processes, `answering.py` what stands for others; or there is a reason."""
    found = {
        path.relative_to(HERE).as_posix()
        for path in HERE.rglob("*.py")
        if path != Path(__file__) and re.search(start, path.read_text("utf-8"))
    }
    assert found == set(STARTS[start])
