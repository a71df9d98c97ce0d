"""Every exchange of every vendor: what comes in, what goes out, what was stripped, and what both sides answer."""

import json
from pathlib import Path

import pytest

from gatekeeper.gate.batches import plan_request
from gatekeeper.gate.carry import finish_call, record_call
from gatekeeper.vendors import DIALECTS
from gatekeeper.vendors.dialect import SECRET
from tests.exchanges.exchange import (
    answer_of,
    answered,
    call_of,
    caller_of,
    elements,
    gate_of,
    objections,
    outcomes,
    sent,
)

HERE = Path(__file__).parent
FILES = {f"{path.parent.name}/{path.stem}": path for path in sorted(HERE.glob("*/*.json"))}
EXCHANGES = {
    f"{name}-{n}": exchange
    for name, path in FILES.items()
    for n, exchange in enumerate(json.loads(path.read_text("utf-8")))
}


@pytest.mark.parametrize("key", EXCHANGES)
def test_an_exchange_is_what_its_file_says(key):
    """To the letter: address, headers, body, decisions, answers; and no secret where a plan is printed."""
    exchange = EXCHANGES[key]
    gate, call = gate_of(exchange), call_of(exchange)
    made = plan_request(gate, gate.policy.destinations[exchange["name"]], call, caller_of(exchange, call))
    assert sent(made.outgoing) == exchange["out"], (exchange["title"], made.reason)
    assert elements(made) == exchange["elements"], exchange["title"]
    assert objections(made) == exchange.get("objections", []), exchange["title"]
    reasons = [row.get("reason") for row in exchange["elements"]]
    if made.outgoing is None:
        assert answered(made.answer) == exchange["answer"], exchange["title"]
        assert made.header == f"blocked; reason={reasons[0]}"
    else:
        assert made.header == f"sent; elements={reasons.count(None)}/{len(reasons)}"
    for row in exchange.get("answers", ()):
        record_call(gate, made).result()
        told = finish_call(gate, made, answer_of(row["vendor"]))
        assert told is not None and answered(told) == row["caller"], exchange["title"]
        assert outcomes(gate, made) == row["fates"], exchange["title"]
    secrets = [secret.value for secret in gate.policy.destinations[exchange["name"]].secrets.values()]
    if made.native is not None:
        secrets += [str(leaf.value) for leaf in made.native.shared if leaf.role == SECRET]
    assert [secret for secret in secrets if len(secret) > 5 and secret in repr(made)] == []


@pytest.mark.parametrize("name", sorted({dialect.NAME.partition(" ")[0] for dialect in DIALECTS}))
def test_every_vendor_with_calls_has_exchanges(name):
    """In a folder that is called as its place in `gatekeeper/vendors/` is; a new vendor brings its own."""
    folder = {"meta_capi": "meta", "google_ads": "google"}.get(name, name)
    assert any(file.startswith(f"{folder}/") for file in FILES)
