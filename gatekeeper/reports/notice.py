"""The privacy notice (GDPR articles 13 and 14), in one language. Pure. Its version is the hash of its words."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from gatekeeper.model import Purpose
from gatekeeper.reports.cells import Cell, Document, Origin, Sheet
from gatekeeper.reports.declared import Declared
from gatekeeper.reports.law import statements
from gatekeeper.vendors.kind import Destination

LANGUAGES: Final = ("en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "nb", "ar")
"""Languages that the notice is packaged in."""


@cache
def words(language: str) -> Mapping[str, Any]:
    """The words of a language of `LANGUAGES`."""
    return tomllib.loads(resources.files("gatekeeper.reports").joinpath(f"texts/{language}.toml").read_text("utf-8"))


def notice(declared: Declared, language: str, facts: Iterable[tuple[str, str]]) -> Document:
    """The notice. What no table or policy says is to fill."""
    said = words(language)
    rows = [
        (_heading(said, item), cell, Cell(article, Origin.LAW, "art13"))
        for item, article, cell in _items(declared, language)
    ]
    recipients = [_recipient(declared, to, said) for to in declared.policy.destinations.values()]
    return Document(
        "privacy-notice",
        said["title"],
        tuple(facts),
        (
            Sheet.of(said["sheets"][0], said["columns"], rows),
            Sheet.of(said["sheets"][1], said["recipient_columns"], recipients),
        ),
        statements("art13", "ccpa_notice"),
        language=language,
        note=said["note"] if said["reviewed"] else f"{said['note']} {said['unreviewed']}",
    )


def _heading(said: Mapping[str, Any], item: str) -> Cell:
    return Cell(said["items"][item], Origin.PRODUCT, "texts")


def _items(declared: Declared, language: str) -> Iterator[tuple[str, str, Cell]]:
    """Each item, its article and its words, in the order of the articles."""
    said = words(language)
    policy, texts = declared.policy, said["texts"]
    contact = declared.cell("controller.contact")
    yield "controller", "13(1)(a)", declared.controller()
    yield "contact", "13(1)(a)", declared.cell("controller.address")
    yield "contact", "13(1)(a)", contact
    yield "representative", "13(1)(a)", declared.cell("records.representative")
    yield "dpo", "13(1)(b)", declared.cell("records.dpo")
    for to in _by_purpose_and_basis(policy.destinations.values()):
        line = texts["purpose"].format(purpose=said["purpose"][to.purpose], basis=_basis(to, said))
        yield "purposes", "13(1)(c)", Cell(line, declared.basis(to).origin, declared.basis(to).of)
    yield from _banner(declared, language)
    for to in policy.destinations.values():
        if to.legal_basis == "legitimate_interest":
            yield "interest", "13(1)(d)", declared.cell(f"destinations.{to.name}.records.assessment.interest")
    yield "recipients", "13(1)(e)", Cell(texts["recipients"], Origin.PRODUCT, "texts")
    yield from _transfers(declared, said)
    days = f"{policy.file.retention.personal_references / 86_400:g}"
    yield (
        "retention",
        "13(2)(a)",
        Cell(texts["retention"].format(days=days), Origin.POLICY, "retention.personal_references"),
    )
    yield "rights", "13(2)(b)", _filled(texts["rights"], "contact", contact)
    yield "withdrawal", "13(2)(c)", Cell(texts["withdrawal"], Origin.LAW, "art13")
    yield "complaint", "13(2)(d)", _filled(texts["complaint"], "authority", declared.cell("records.authority"))
    yield "obligation", "13(2)(e)", declared.cell("records.obligation")
    yield "automated", "13(2)(f)", declared.cell("records.automated_decisions")
    everything = {key for to in policy.destinations.values() for key in to.fields}
    yield "categories", "14(1)(d)", Cell(_categories(declared, everything, said), Origin.CATALOGUE, "personal")
    yield "source", "14(2)(f)", declared.cell("records.source")
    yield "california", "CCPA", _california(declared, said)


def _filled(text: str, name: str, cell: Cell) -> Cell:
    """A sentence with a value in it; to fill while the value is."""
    return cell if cell.origin is Origin.FILL else Cell(text.format(**{name: cell.text}), cell.origin, cell.of)


def _by_purpose_and_basis(destinations: Iterable[Destination]) -> list[Destination]:
    """One destination of each purpose and basis."""
    return list({(to.purpose, to.legal_basis): to for to in destinations}.values())


def _basis(to: Destination, said: Mapping[str, Any]) -> str:
    words: str = said["basis"].get(to.legal_basis, to.legal_basis)
    return words


def _banner(declared: Declared, language: str) -> Iterator[tuple[str, str, Cell]]:
    """The words with which visitors are asked, where the policy has a notice: the two must not contradict."""
    wording = declared.policy.notices.languages.get(language)
    for one in () if wording is None else wording.purposes:
        yield "banner", "7(2)", Cell(f"{one.title}: {one.text}", Origin.POLICY, "consent.notice.texts")


def _transfers(declared: Declared, said: Mapping[str, Any]) -> Iterator[tuple[str, str, Cell]]:
    everybody = declared.policy.destinations.values()
    outside = [to for to in everybody if declared.third_countries(to) or not declared.located(to)]
    for to in outside:
        transfer = declared.transfer(to, said["transfer"])
        if transfer.origin is Origin.FILL:
            yield "transfers", "13(1)(f)", transfer
            continue
        line = said["texts"]["transfers"].format(
            recipient=declared.recipient(to).shown,
            countries=", ".join(declared.third_countries(to)),
            transfer=transfer.text,
        )
        yield "transfers", "13(1)(f)", Cell(line, transfer.origin, transfer.of, differs=transfer.differs)
    if not outside:
        yield "transfers", "13(1)(f)", Cell(said["texts"]["transfers_none"], Origin.POLICY, "destinations")


def _categories(declared: Declared, keys: Iterable[str], said: Mapping[str, Any]) -> str:
    rows = declared.policy.catalogue.by_key
    kinds = sorted({rows[key].personal for key in keys} - {"none"}) or ["none"]
    return ", ".join(said["personal"].get(kind, kind.replace("_", " ")) for kind in kinds)


def _california(declared: Declared, said: Mapping[str, Any]) -> Cell:
    shared = {
        key for to in declared.policy.destinations.values() if to.purpose is Purpose.MARKETING for key in to.fields
    }
    texts = said["texts"]
    line = texts["california"].format(categories=_categories(declared, shared, said)) if shared else None
    return Cell(line or texts["california_none"], Origin.LAW, "ccpa_notice")


def _recipient(declared: Declared, to: Destination, said: Mapping[str, Any]) -> tuple[Cell, ...]:
    categories = Cell(_categories(declared, to.fields, said), Origin.CATALOGUE, "personal")
    known = declared.privacy_policy(to)
    return (
        Cell(to.kind.title, Origin.KIND, to.kind.name),
        declared.recipient(to),
        declared.seat(to),
        Cell(said["purpose"][to.purpose], declared.purpose(to).origin, declared.purpose(to).of),
        Cell(_basis(to, said), declared.basis(to).origin, declared.basis(to).of),
        categories,
        declared.transfer(to, said["transfer"]),
        declared.retention(to),
        known,
    )
