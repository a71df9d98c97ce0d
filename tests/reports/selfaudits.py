"""A log of yesterday with real lines, whose policy is complete: a self-audit of it finds nothing."""

import copy
from datetime import UTC, datetime, timedelta

import orjson

from gatekeeper.audit.lines import Line
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stream import Stream
from gatekeeper.gate import incoming
from gatekeeper.model import Caller, Found
from gatekeeper.policy import archive, load_policy
from tests.audit.logs import Clock
from tests.builders import NOW, make_gate, own_cookie

DAY = (datetime.fromtimestamp(NOW, UTC) - timedelta(days=1)).date()
BEGIN = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp()
POLICY = """
[policy]
version = "1"
controller = "c"

[outbound]
unknown = "warn"

[destinations.ga4]
kind = "ga4"
measurement_id = "G-X"
api_secret = { env = "GA4_API_SECRET" }
dpa = "contract 7"

[destinations.google_ads]
kind = "google_ads"
customer_id = "123-456-7890"
conversion_action = "987654"
access_token = { env = "ADS_TOKEN" }
route = "data_manager"
dpa = "contract 8"

[destinations.own]
kind = "first_party"
endpoint = "https://own.example/events"
regions = ["DE", "US"]

[destinations.errors]
kind = "sentry"
dsn = "http://a@127.0.0.1:9/1"
dpa = "contract 9"
lia = "assessment 1"

[destinations.errors.records.assessment]
reviewed = "2026-11-20"
"""

# To Google Ads, some of these go clear: their names in lines are not those of the allow-list.
PERSON = {
    "order_value": 1, "currency": "EUR", "email": "jane@example.com", "first_name": "Jane", "last_name": "Doe",
    "city": "Bern", "state": "BE", "postal_code": "3000", "country": "CH", "gclid": "abc",
}  # fmt: skip


def policy(folder, more=""):
    """The policy in a file of its own, kept as a gate keeps it."""
    path = folder / "gatekeeper.toml"
    path.write_text(POLICY + more)
    made = load_policy(path, require_secrets=False)
    archive.keep(made)
    return made


def lines(made, count=12, *, at=BEGIN + 3_600):
    """Decision lines of a policy, of visitors who consent by turns, from two places."""
    gate = make_gate(made, lookup={"81.2.69.1": Found("DE", "BE"), "81.2.69.2": Found("US", "CA")}.get)
    found = []
    for n in range(count):
        granted = ("analytics", "marketing") if n % 2 else ()
        headers = ((b"cookie", own_cookie(*granted, at=at - 9).encode()),)
        sent = {"session_id": f"s{n}"} | PERSON
        (posted,) = incoming.parse(orjson.dumps({"event": "purchase", "data": sent}))
        caller = Caller(headers=headers, address=f"81.2.69.{1 + n % 2}")
        plan = gate.plan(posted, caller, at=at + n, request_id=f"req_{int(at) % 10**6:06}{n:020}")
        found.append(gate.lines.line(plan))
    return found


def changed(line, change):
    """A line in which something else stands: `change` is done to its record."""
    record = copy.deepcopy(orjson.loads(line.core))
    change(record)
    return Line(orjson.dumps(record), line.refs, line.names)


def write(made, found, at=BEGIN + 7_200):
    """The lines as a log of the policy."""
    stream = Stream(made.audit_folder, signer=Signer(made.keys_folder), clock=Clock(at))
    stream.write(found)
    stream.close()
    return made
