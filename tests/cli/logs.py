"""A log for commands to read: decisions of the last hour, as the gate writes them."""

from datetime import UTC, datetime

import orjson

from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stream import Stream
from gatekeeper.gate import incoming
from gatekeeper.model import Caller
from gatekeeper.policy import archive, load_policy
from tests.builders import make_gate, own_cookie
from tests.cli.test_cli import POLICY


def write(folder):
    """A policy, its archive, and forty decisions."""
    config = folder / "gatekeeper.toml"
    config.write_text(POLICY)
    policy = load_policy(config, require_secrets=False)
    archive.keep(policy)
    gate = make_gate(policy)
    now = datetime.now(UTC).timestamp()
    stream = Stream(policy.audit_folder, signer=Signer(policy.keys_folder))
    for n in range(40):
        at = int(now) - 3_600.0 + n
        granted = ("analytics", "marketing") if n % 2 else ("analytics",)
        headers = ((b"cookie", own_cookie(*granted, at=at - 9).encode()),)
        body = {"event": "purchase", "data": {"order_value": 1, "session_id": f"s{n}", "fbclid": "abc"}}
        (posted,) = incoming.parse(orjson.dumps(body))
        made = gate.plan(posted, Caller(headers=headers), at=at, request_id=f"req_{n:026}")
        stream.write([gate.lines.line(made)])
    stream.close()
