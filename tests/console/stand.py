"""A console with something to see: events of all kinds, a vendor that fails, dead letters; served on loopback."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager

from gatekeeper.audit import read
from gatekeeper.audit.lines import Line
from gatekeeper.shells.server import sidecar
from gatekeeper.storage.outbox import DEAD, Arrival, Job, Trouble
from gatekeeper.testing import Simulators
from tests.console.visiting import DESTINATIONS, TOKENS, make_app
from tests.rights.people import send
from tests.running import threaded
from tests.storage.builders import accept, claim, settle

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
EVENTS = {"page_view": 60, "view_item": 24, "add_to_cart": 12, "purchase": 8, "sign_up": 4, "error": 3, "search": 9}
CONSENTS = [
    {"necessary": True, "analytics": True, "marketing": True},
    {"necessary": True, "analytics": True},
    {"necessary": True},
]
DATA = {
    "page_url": "https://shop.example/socks",
    "order_value": 12,
    "email": "jane.doe@example.com",
    "session_id": "s_1",
}


def filled(app, share=1.0) -> None:
    """Let a gate see an hour's visitors at once, and a vendor refuse some of it."""
    gate, store = app.runtime.gate, app.runtime.store
    letters = [f"req_{n:026}" for n in range(3)]
    for name, why in zip(letters, ("http_401", "http_400", "http_401"), strict=True):
        core = json.dumps({"kind": "decision", "request_id": name}).encode()
        accept(store, Arrival(name, None, (), Line(core), (Job("own", time.time(), b"", b'{"n":1}'),)))
        settle(store, *claim(store), DEAD, why)
    for n, (event, count) in enumerate(EVENTS.items()):
        for k in range(max(1, int(count * share))):
            send(gate, DATA, consent=CONSENTS[(n + k) % 3], event=event)


@contextmanager
def served(folder, full=True, **more):
    """The app on a server of its own: its URL and its runtime."""
    with Simulators(only=("first_party",)) as simulators:
        own = {"kind": "first_party", "endpoint": f"{simulators['first_party'].url}/events"}
        app = make_app(folder, **{"destinations": DESTINATIONS | {"own": own}} | more)
        if full:
            filled(app)
        with threaded(sidecar.server(app)) as at:
            if full:
                app.runtime.store.queue.troubled("ads", Trouble(time.time() - 400, "http_503"))
            yield f"http://{at}", app


def addresses(app) -> list[str]:
    """Every page that can be looked at, with something that is there where it has a variable part."""
    first = next((one for one in read.records(app.runtime.policy.audit_folder) if "jurisdiction" in one), None)
    found = [
        "now", "consent", "consent?period=week&purpose=analytics", "destinations", "destinations/own",
        "destinations/ads?period=30d", "people", "audit", "audit/verification", "policy", "policy/explain", "documents",
    ]  # fmt: skip
    return found if first is None else [*found, "audit?destination=own", f"audit/records/{first['request_id']}"]


def logged_in(page, url, who="DPO") -> None:
    """Log in as people do."""
    page.goto(f"{url}/gk/admin/")
    page.get_by_label("Admin token").fill(TOKENS[who])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/gk/admin/now")
