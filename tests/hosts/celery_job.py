"""The app of a Celery worker: a broker of files, and a gate that begins as the docs say."""

import os
from pathlib import Path

import celery
from celery import signals

import gatekeeper
from tests.hosts.forking import visit

FOLDER = Path(os.environ["SHOP_POLICY"]).parent
TOLD = FOLDER / "tracked"
app = celery.Celery("shop", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(FOLDER / "queue"),
        "data_folder_out": str(FOLDER / "queue"),
        "control_folder": str(FOLDER / "control"),
    },
    broker_connection_retry_on_startup=False,
)
gates = []


def begin(**_):
    """One gate for each process that does tasks."""
    gates.append(gatekeeper.start(os.environ["SHOP_POLICY"]))


if os.environ.get("SHOP_POOL") == "prefork":
    signals.worker_process_init.connect(begin)
else:
    signals.worker_init.connect(begin)


@app.task
def track(n):
    """One event; its request id is told in a file."""
    visit(gates[0])
    request_id = gatekeeper.track("page_view", session_id=str(n))
    with TOLD.open("a") as told:
        told.write(f"{request_id}\n")
