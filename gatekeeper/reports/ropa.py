"""The record of processing (GDPR article 30(1)), with what was observed beside what is declared. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from gatekeeper.counting import counted
from gatekeeper.reports.cells import Cell, Document, Origin, Sheet, unseen
from gatekeeper.reports.declared import Declared
from gatekeeper.reports.law import statements
from gatekeeper.reports.observed import Observation, Observed, by_key, differences
from gatekeeper.vendors.kind import Destination

COLUMNS: Final = (
    "processing", "purpose", "legal basis", "legitimate interest", "categories of persons", "categories of data",
    "fields", "special categories", "events", "source of the data", "recipient", "role", "contract", "countries",
    "transfer", "safeguard", "retention", "security", "organisational measures", "proof of consent", "deletion",
    "automated decisions", "impact assessment", "observed events", "observed fields", "observed places",
    "observed legal basis", "observed first and last", "observed under policies", "differences",
)  # fmt: skip
_GATE: Final = (
    "consent and law decide before anything is sent; fields by allow-list; personal fields hashed where the vendor "
    "takes hashes; TLS to vendors; signed audit log; pseudonyms by keyed hash"
)
_CONTROLLER: Final = {
    "controller": "policy.controller", "address": "controller.address", "contact": "controller.contact",
    "data protection officer": "records.dpo", "representative": "records.representative",
    "joint controllers": "records.joint", "supervisory authority": "records.authority",
}  # fmt: skip
_STORES: Final = {
    "audit log (gate)": ("retention.personal_references", "proof of decisions (article 5(2))", "pseudonyms"),
    "statistics (gate)": ("retention.statistics", "accountability, numbers only", "none"),
    "queue and dead letters (gate)": ("delivery.dead_letters", "delivery to the destinations", "the fields above"),
    "consent records (gate)": ("retention.consent", "proof of consent (article 7(1))", "pseudonyms, choices"),
}


def ropa(declared: Declared, observation: Observation | None, facts: Iterable[tuple[str, str]]) -> Document:
    """The record. Without an observation its cells are to fill: a report that did not look does not say "no"."""
    policy = declared.policy
    rows = [_row(declared, to, observation) for to in policy.destinations.values()]
    if observation is not None:
        gone = sorted(observation.destinations.keys() - policy.destinations.keys())
        rows += [_undeclared(name, observation) for name in gone]
    rows += [_store(declared, name) for name in _STORES if declared.value(_STORES[name][0]) is not None]
    who = [(Cell(name, Origin.LAW, "art30"), _who(declared, name, key)) for name, key in _CONTROLLER.items()]
    return Document(
        "ropa",
        "Record of processing activities",
        tuple(facts),
        (
            Sheet.of("Controller", ("item", "value"), who),
            Sheet.of("Processing", COLUMNS, rows),
            Sheet.of("Fields", FIELD_COLUMNS, fields(declared, observation)),
        ),
        statements("art30", "chapter5", "dpf"),
    )


FIELD_COLUMNS: Final = ("processing", "field", "personal data", "meaning", "observed")


def fields(declared: Declared, observation: Observation | None) -> list[tuple[Cell, ...]]:
    """A row for each destination and field: declared ones, and those that were observed besides."""
    policy = declared.policy
    rows: list[tuple[Cell, ...]] = []
    for to in policy.destinations.values():
        seen = _seen(observation, to.name)
        sent = by_key(to, seen.fields) if seen else Counter[str]()
        for key in sorted(to.fields | sent.keys()):
            row = policy.catalogue.by_key.get(key)
            extra = key not in to.fields
            times = unseen() if observation is None else Cell(
                f"{sent[key]:,}" + (", not declared" if extra else ""),
                Origin.LOG, observation.period, differs=extra,
            )  # fmt: skip
            rows.append(
                (
                    Cell(to.name, Origin.POLICY, f"destinations.{to.name}"),
                    Cell(key, declared.fields(to).origin, declared.fields(to).of),
                    Cell(row.personal.replace("_", " ") if row else "unknown", Origin.CATALOGUE, key),
                    Cell((row.description if row else "") or key, Origin.CATALOGUE, key),
                    times,
                )
            )
    for name in sorted((observation.destinations if observation else {}).keys() - policy.destinations.keys()):
        rows += _undeclared_fields(name, observation)
    return rows


def _undeclared_fields(name: str, observation: Observation | None) -> list[tuple[Cell, ...]]:
    seen = _seen(observation, name)
    if observation is None or seen is None:
        return []
    unknown = Cell("not in the policy", Origin.LOG, observation.period)
    return [
        (
            Cell(name, Origin.LOG, observation.period),
            Cell(key, Origin.LOG, observation.period),
            unknown,
            unknown,
            Cell(f"{count:,}, not declared", Origin.LOG, observation.period, differs=True),
        )
        for key, count in sorted(seen.fields.items())
    ]


def _seen(observation: Observation | None, name: str) -> Observed | None:
    return None if observation is None else observation.destinations.get(name)


def _who(declared: Declared, name: str, key: str) -> Cell:
    return declared.controller() if name == "controller" else declared.cell(key)


def _row(declared: Declared, to: Destination, observation: Observation | None) -> tuple[Cell, ...]:
    gate = Cell(_GATE, Origin.PRODUCT, "docs/decisions.md")
    return (
        Cell(to.name, Origin.POLICY, f"destinations.{to.name}"),
        declared.purpose(to),
        declared.basis(to),
        declared.interest(to),
        declared.cell("records.persons"),
        declared.categories(to),
        declared.fields(to),
        declared.cell("records.special"),
        declared.events(to),
        declared.cell("records.source"),
        declared.recipient(to),
        declared.role(to),
        declared.contract(to),
        declared.countries(to),
        declared.transfer(to),
        declared.safeguard(to),
        declared.retention(to),
        declared.cell("records.security", gate),
        declared.cell("records.organisation"),
        declared.consent(to),
        Cell(to.kind.deletion, Origin.KIND, to.kind.name),
        declared.cell("records.automated_decisions"),
        declared.cell("records.impact_assessment"),
        *_observed(to, observation, to.name),
    )


def _observed(to: Destination | None, observation: Observation | None, name: str) -> tuple[Cell, ...]:
    if observation is None:
        return (unseen(),) * 7
    seen = observation.destinations.get(name) or Observed()
    found = differences(to, seen) if seen.events else {}

    def cell(text: str, about: str) -> Cell:
        return Cell(text or "none", Origin.LOG, observation.period, differs=about in found)

    span = f"{seen.first:%Y-%m-%d %H:%M} to {seen.last:%Y-%m-%d %H:%M}" if seen.first and seen.last else ""
    return (
        cell(f"{seen.events:,}, of them {seen.delivered:,} delivered", "recipient"),
        cell(", ".join(sorted(seen.fields)), "fields"),
        cell(", ".join(f"{place} {count:,}" for place, count in seen.places.most_common(20)), "places"),
        cell(", ".join(sorted(seen.bases)), "basis"),
        cell(span, ""),
        cell(", ".join(sorted(seen.policies)), ""),
        Cell("; ".join(found.values()) or "none", Origin.LOG, observation.period, differs=bool(found)),
    )


def _undeclared(name: str, observation: Observation) -> tuple[Cell, ...]:
    """A destination that is in the log and no longer, or not, in the policy."""
    unknown = Cell("not in the policy", Origin.LOG, observation.period)
    width = len(COLUMNS) - 8
    return (Cell(name, Origin.LOG, observation.period), *((unknown,) * width), *_observed(None, observation, name))


def _store(declared: Declared, name: str) -> tuple[Cell, ...]:
    """A store of the gate's own: kept by the controller, on its machine."""
    key, purpose, data = _STORES[name]
    seconds = float(declared.value(key))
    own = Cell("not applicable: the gate's own store", Origin.PRODUCT, "docs/audit.md")
    said = {
        "processing": Cell(name, Origin.PRODUCT, "docs/audit.md"),
        "purpose": Cell(purpose, Origin.PRODUCT, "docs/audit.md"),
        "legal basis": Cell("legal_obligation (proposed)", Origin.PRODUCT, "docs/audit.md"),
        "categories of persons": declared.cell("records.persons"),
        "categories of data": Cell(data, Origin.PRODUCT, "docs/audit.md"),
        "recipient": declared.controller(),
        "countries": declared.cell("controller.storage"),
        "retention": Cell(counted(seconds / 86_400, "day"), Origin.POLICY, key),
        "security": declared.cell("records.security", Cell(_GATE, Origin.PRODUCT, "docs/decisions.md")),
        "organisational measures": declared.cell("records.organisation"),
        "deletion": Cell("gatekeeper retention run", Origin.PRODUCT, "docs/audit.md"),
    }
    return tuple(said.get(column, own) for column in COLUMNS)
