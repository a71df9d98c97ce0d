"""Every page is there within a second, however long the log is: `LOG_LINES=10000000` asks for ten million lines.

    LOG_LINES=10000000 pytest tests/console/test_long.py -s --basetemp /var/tmp/long

Half an hour on two cores, most of it to write the log and, once, its columns; two gigabytes. `-s` shows the figures.
The time is that of the browser (Paint Timing, `first-contentful-paint`); of a record, also the processor time until
all of it is there. It is held in the long form alone.
"""

import os
import shutil
import time

import pytest

from gatekeeper.audit import query, read
from gatekeeper.shells.server import sidecar
from tests.console.stand import logged_in
from tests.console.visiting import make_app
from tests.rights import many, people
from tests.running import threaded

LINES = int(os.environ.get("LOG_LINES", "4000"))
WITHIN = 1_000.0 if "LOG_LINES" in os.environ else float("inf")  # milliseconds
JANE = "jane@example.com"
# page -> what its last part has
PAGES = {
    "now": "What flows to whom", "consent?period=year": "Over time", "destinations": "own",
    "destinations/own?period=1h": "Dead letters", "destinations/own?period=30d": "Declared beside observed",
    "audit": "Which deliveries", "audit?destination=own&since=1d": "deliver",
    "audit?reason=no_marketing_consent": "deliver", "audit?sent=email": "deliver",
    "audit/verification": "Verification", "people": "Look for a person", "policy": "Warnings",
    "policy/explain": "An event", "documents": "Record of processing",
}  # fmt: skip
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@pytest.fixture(autouse=True)
def brief():
    """Pages are sent as they are in life."""


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """The address of a console with a long log behind it, and the ids of its oldest and its newest record."""
    folder = tmp_path_factory.mktemp("long")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEKEEPER_SIGNING_KEYS", f"s1:{(b's' * 32).hex()}")
        first = make_app(folder)
        jane, robot = (people.who(first.runtime.gate, **one).names for one in ({"email": JANE}, {"user_id": "u-robot"}))
        parts, policy = many.template(first.runtime), first.runtime.policy
        first.runtime.close(0.0)
        began = time.perf_counter()
        many.write(policy, parts, LINES, time.time(), jane, robot)
        began = told("written", began)
        query.words(policy.audit_folder, "destination")
        told("columns made", began)
        oldest = next(one["request_id"] for one in read.records(policy.audit_folder) if is_made(one))
        (newest,) = query.rows(policy.audit_folder, query.Filter(), limit=1)
        app = make_app(folder)
        with threaded(sidecar.server(app)) as at:
            yield f"http://{at}", oldest, newest["request_id"]
        app.runtime.close(0.0)
    shutil.rmtree(folder)


def is_made(record):
    """Whether it is the first of those that `many` writes."""
    return record["request_id"].endswith("0" * 16)


def told(what, began):
    """Say how long something took."""
    now = time.perf_counter()
    print(f"{LINES:,} lines, {what}: {now - began:.2f} s")  # the figures that the long form is run for
    return now


def painted(page, what, began, words):
    """After how many milliseconds the first text was there; then all of the page is waited for."""
    deadline = time.monotonic() + 60
    while not (first := page.evaluate(PAINT)):  # from outside: a page's policy allows no such loop within it
        assert time.monotonic() < deadline, f"{what} was not painted"
        page.wait_for_timeout(5)
    page.wait_for_load_state("load", timeout=600_000)
    assert words in page.locator("main").inner_text() and page.locator("[role=alert]").count() == 0
    told(f"{what}, painted after {first:.0f} ms, whole", began)
    return first


def test_every_page_is_painted_within_a_second(long, chromium):
    """Those that ask the log, too: what they wait for is said, and comes behind it.

    Of a record, whose delivery never ended, all of it is there within a second of processor time.
    """
    url, *ids = long
    page = chromium.new_page()
    page.set_default_timeout(600_000)
    logged_in(page, url)
    took = {}
    for path, words in (PAGES | {f"audit/records/{one}": "it has not ended yet" for one in ids}).items():
        began, cpu = time.perf_counter(), time.process_time()
        page.goto(f"{url}/gk/admin/{path}", wait_until="commit")
        took[path] = painted(page, path, began, words)
        if path.startswith("audit/records/"):
            took[f"{path}, whole"] = (time.process_time() - cpu) * 1_000
    page.goto(f"{url}/gk/admin/people")
    page.get_by_label("Value").first.fill(JANE)
    began = time.perf_counter()
    page.get_by_role("button", name="Look", exact=True).click(no_wait_after=True)
    page.wait_for_url("**/people/search", wait_until="commit")
    took["people/search"] = painted(page, "people/search", began, "The story")
    page.close()
    assert {path: first for path, first in took.items() if first > WITHIN} == {}
