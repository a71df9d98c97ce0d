"""The job of an RQ worker: its gate is made where the worker imports it."""

import os

import gatekeeper
from tests.hosts.forking import visit

runtime = gatekeeper.start(os.environ["SHOP_POLICY"])


def track(n):
    """One event; its request id."""
    visit(runtime)
    return gatekeeper.track("page_view", session_id=str(n))
