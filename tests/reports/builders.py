"""A policy whose records are complete, and a log of lines that a test may change."""

import gzip
from datetime import UTC, date, datetime

import orjson

from gatekeeper.audit.lines import decision_line
from gatekeeper.reports.declared import Declared
from gatekeeper.vendors.records import CLAUSES
from tests.builders import EVERY_KIND, GUIDE_EVENT, NOW, make_gate, make_policy, plan

DAY = datetime.fromtimestamp(NOW, UTC).replace(tzinfo=None)
SINCE, UNTIL = DAY.replace(day=1), DAY.replace(day=28)
QUESTIONS = (
    "interest", "benefit", "public_benefit", "impact_if_not", "lawful_and_ethical", "effective", "proportionate",
    "relationship", "expectations", "children", "impact", "objectors", "opt_out", "outcome", "reviewer",
)  # fmt: skip
RECORDS = dict.fromkeys(
    (
        "dpo", "representative", "joint", "authority", "persons", "source", "special", "security", "organisation",
        "impact_assessment", "automated_decisions", "obligation",
    ),
    "written",
)  # fmt: skip
CONTROLLER = {"address": "Street 1, Berlin", "contact": "privacy@shop.example", "storage": "DE"}


def complete(table, **records):
    """A destination's table with every answer that a report asks for."""
    answers = dict.fromkeys(QUESTIONS, "an answer") | {"reviewed": "2026-11-20", "next_review": "2027-11-20"}
    return table | {
        "dpa": "contract 7", "lia": "lia 3", "retention": "14d", "recipient": "Vendor Ltd", "country": "IE",
        "privacy_policy": "https://vendor.example/privacy",
        "records": {
            "role": "processor", "countries": ["IE", "US"], "transfer": "scc", "safeguard": "module 2",
            "terms": "terms", "signed": date(2026, 1, 15), "clauses": list(CLAUSES), "assessment": answers,
        } | records,
    }  # fmt: skip


def complete_policy(**records):
    """A policy with nothing left to fill, one destination of every kind."""
    return make_policy(
        destinations={name: complete(table, **records) for name, table in EVERY_KIND.items()},
        records=RECORDS,
        controller=CONTROLLER,
    )


def declared(policy=None):
    """What reports look up."""
    return Declared(policy or make_policy())


def line(n, **delivery):
    """A decision line as an object; `delivery` replaces keys of the one to `ga4`."""
    gate = make_gate()
    made = plan(GUIDE_EVENT, gate=gate)
    record = orjson.loads(decision_line(made, gate.policy).core) | {"request_id": f"req_{n:06}"}
    for one in record["deliveries"]:
        if one["destination"] == "ga4":
            one.update(delivery)
    return record


def write(folder, *lines):
    """A log of one closed segment."""
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / "seg-0.jsonl.gz", "wb") as file:
        file.write(b"".join(orjson.dumps(one) + b"\n" for one in lines))
    return folder
