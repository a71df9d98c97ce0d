"""One console for all machines: two gates on one database, with an object store between them."""

import json
import re
import time

import pytest

import gatekeeper
from gatekeeper.audit.shared.mirror import Mirror
from gatekeeper.console import everywhere, verifying
from gatekeeper.errors import AuditError
from tests.console.visiting import TOKENS, Visitor
from tests.running import shop
from tests.storage.buckets import CREDENTIALS, store
from tests.storage.gates import KEYS, Gate, archive
from tests.storage.server import DATABASES

pytestmark = pytest.mark.engine
ADMINS = """
[server]
admins = [{ name = "dpo", token = { env = "DPO" }, may = ["read", "report"] }]
"""


class Shop(Gate):
    """One in front of a shop, with its console."""

    def made(self):
        """Its runtime, of a middleware."""
        app = gatekeeper.GatekeeperMiddleware(shop(), config=self.config)
        self.dpo = Visitor(app).enter()
        return app.runtime


@pytest.fixture(scope="module")
def gates(tmp_path_factory):
    """Two, of which the second has ended: its last line is in the archive. With them, their request ids."""
    url, folder = DATABASES.fresh(), tmp_path_factory.mktemp("gates")
    with pytest.MonkeyPatch.context() as patch, store() as objects:
        for name, value in (CREDENTIALS | KEYS | TOKENS).items():
            patch.setenv(name, value)
        patch.setattr(everywhere, "EVERY", 0.0)  # what was fetched before is not taken for what is there
        shared = archive(objects, "1h")
        one, two = (Shop(folder / name, url, shared, ADMINS) for name in ("a", "b"))
        ids = [one.send("u-1"), two.send("u-1"), two.send("u-2")]
        kept = {path: one.dpo.get(path).text for path in ("now", f"audit/records/{ids[1]}")}  # while both run
        two.runtime.close(0.0)
        yield one, ids, kept
        one.runtime.close(0.0)
    DATABASES.give_back(url)


def observed(document, name):
    """How many events of a destination a document's numbers are of."""
    rows = [row for sheet in document["sheets"] for row in sheet["rows"] if "observed events" in row]
    return next(row["observed events"]["value"] for row in rows if row["processing"]["value"] == name)


def test_now_shows_what_every_machine_sends(gates):
    """While both run, from the database; and once one has ended, from the archive."""
    one, _, kept = gates
    for html in (kept["now"], one.dpo.get("now").text):
        assert "the newest lines of the logs of 2 machines" in html
        assert "own: 3" in html and ">page_view" in html
        assert "what waits is of all machines, the audit log is that of" in html and "is there</dd>" in html
        rates = re.findall(r'<tr><th scope="row">[^<]+</th><td>.*?<td class="number">([^<]+)</td>', html)
        assert len(rates) == 2 and "–" not in rates
    assert "does not run" in html and "runs</span>" in kept["now"]


def test_a_record_of_another_machine_is_told_with_its_proof(gates):
    """By the keys that machine began with; while its segment is written, it is said where the line is."""
    one, ids, kept = gates
    assert "the database has the line" in kept[f"audit/records/{ids[1]}"]
    html = one.dpo.get(f"audit/records/{ids[1]}").text
    assert "by its log in the archive" in html and '<span class="good">good</span>, by the key' in html
    own = one.dpo.get(f"audit/records/{ids[0]}").text
    assert "by its log in the archive" not in own and "unbroken" in own
    assert one.dpo.get("audit/records/req_00000000000000000000000000").status_code == 404


def test_questions_reports_and_replays_are_of_all_machines(gates):
    """On their pages as by their commands: three events, not one."""
    one, ids, _ = gates
    html = one.dpo.post("audit", destination="own").text
    assert all(name in html for name in ids)
    assert "How 3 deliveries ended" in one.dpo.get("destinations/own").text
    form = one.dpo.form("policy", "policy/replay") | {"period": "day", "laws": "recorded"}
    del form["policy"]
    html = one.dpo.ask("POST", "policy/replay", form, files={"policy": ("p.toml", one.config.read_bytes())}).text
    assert "3 events in 3 lines" in html and "Nothing more is sent" in html
    assert json.loads(one.command("replay", "--json"))["lines"] == 3
    for document in (
        one.dpo.get("documents/ropa?format=json").text, one.command("report", "ropa", "--format", "json"),
    ):  # fmt: skip
        assert observed(json.loads(document), "own").startswith("3, of them")
    assert ids[1] in one.command("audit", "show", ids[1], "--json")


def test_a_verification_is_of_every_machine(gates):
    """Each log with its own keys; what was found of the other one stands beside this one's."""
    one, _, _ = gates
    assert one.dpo.post("audit/verification", "audit/verification").status_code == 303
    end = time.monotonic() + 60
    while (state := verifying.state(one.runtime.policy)) is None or state.ended is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert state.failed is None and state.report["sound"] and len(state.report["machines"]) == 1
    html = one.dpo.get("audit/verification").text
    assert "The other machines" in html and "nothing was changed" in html and "which does not run" in html


def test_an_archive_that_is_away_is_said_where_it_is_missed(gates, monkeypatch):
    """Now goes on with this machine's lines; a question that would be answered in part is not answered."""
    one, _, _ = gates

    def away(self, patience=0.0):
        raise AuditError("the archive does not answer")

    monkeypatch.setattr(Mirror, "fetched", away)
    html = one.dpo.get("now").text
    assert "not in the picture: the archive does not answer" in html and "own: 1" in html
    answer = one.dpo.get("audit?destination=own")
    assert answer.status_code == 503
