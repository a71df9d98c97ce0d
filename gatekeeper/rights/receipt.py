"""A row of the ledger for people and for other software. Pure. Rows, notices and the policy's facts in, JSON out.

`plain` is our own form. `iso27560` is a consent record by ISO/IEC TS 27560 in JSON-LD, with the terms of the Data
Privacy Vocabulary (https://w3id.org/dpv, profile `record-eu-gdpr`); the same record is the visitor's receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from gatekeeper.audit.lines import CHOSEN, timestamp
from gatekeeper.errors import ConfigError
from gatekeeper.model import OPTIONAL, Notice, Permission, Purpose
from gatekeeper.model.choice import Method, Row

PROFILE: Final = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"
SCHEMA: Final = "ISO/IEC TS 27560:2023"
_CONTEXT: Final = {
    "dpv": "https://w3id.org/dpv#",
    "dct": "http://purl.org/dc/terms/",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_PURPOSES: Final = {Purpose.ANALYTICS: "dpv:ServiceUsageAnalytics", Purpose.MARKETING: "dpv:Marketing"}


class Recipient(NamedTuple):
    """A destination that gets data for a purpose, and the kinds of data that it may get."""

    name: str
    kind: str
    fields: tuple[str, ...]


class Controller(NamedTuple):
    """Who decides, and where consent records are kept: `[controller]` of the policy."""

    name: str
    address: str
    contact: str
    storage: str


class Facts(NamedTuple):
    """What a record says that is no row's: of the policy in force."""

    controller: Controller
    recipients: Mapping[Purpose, tuple[Recipient, ...]]
    max_age: float | None  # seconds that a grant lasts
    kept_for: float  # seconds that a record is kept
    withdrawal: str  # how consent is taken back


def controller(name: str, given: Mapping[str, str | None]) -> Controller:
    """The policy's controller. Raises ConfigError that names every key which a record cannot do without."""
    missing = [f"controller.{key}" for key in ("address", "contact", "storage") if not given.get(key)]
    if missing:
        raise ConfigError(f"{', '.join(missing)}: not in the policy; a consent record must say it")
    return Controller(given.get("name") or name, given["address"] or "", given["contact"] or "", given["storage"] or "")


def plain(row: Row, notice: Notice | None) -> dict[str, Any]:
    """One row in the ledger's own words, with the words that were shown."""
    choice = row.choice
    return {
        "receipt": choice.receipt,
        "at": timestamp(choice.at),
        "choices": {one.value: CHOSEN[choice.says[one]] for one in OPTIONAL if one in choice.says},
        "method": choice.method.value,
        "surface": choice.surface.value,
        "scope": choice.scope.value,
        "trusted": choice.trusted,
        "gpc": choice.gpc,
        "conflicts": {purpose.value: source for purpose, source in choice.conflicts.items()},
        "translated": choice.translated,
        "country": choice.country,
        "region": choice.region,
        "laws": list(choice.laws),
        "policy": choice.policy,
        "evidence": choice.evidence,
        "notice": None
        if choice.notice is None
        else {
            "hash": choice.notice,
            "version": notice.version if notice else None,
            "language": notice.language if notice else None,
            "text": notice.text if notice else None,
        },
        "row": row.digest,
    }


def iso27560(row: Row, notice: Notice | None, facts: Facts) -> dict[str, Any]:
    """One row as a consent record; a row without a notice (of paper, or of a signal) says that there was none."""
    choice, who = row.choice, facts.controller
    principal = choice.subjects[0].names[0] if choice.subjects else "erased"
    return {
        "@context": _CONTEXT,
        "@type": "dpv:ConsentRecord",
        "@id": f"urn:gatekeeper:{choice.receipt}",
        "dct:conformsTo": PROFILE,
        "dct:hasVersion": SCHEMA,
        "dct:identifier": choice.receipt,
        "dpv:hasDataSubject": {"@type": "dpv:DataSubject", "dct:identifier": principal},
        "dpv:hasNotice": {
            "@type": "dpv:ConsentNotice",
            "dct:identifier": choice.notice or "none",
            "dct:hasVersion": notice.version if notice else "none",
            "dct:language": notice.language if notice else "und",
        },
        "dpv:hasProcess": [_process(row, purpose, facts) for purpose in OPTIONAL if purpose in choice.says],
        "dpv:hasDataController": {
            "@type": "dpv:DataController",
            "dct:identifier": who.name,
            "dpv:hasName": who.name,
            "dpv:hasAddress": who.address,
            "dpv:hasContact": who.contact,
        },
        "dpv:hasIntegrityMeasure": {"@type": "dpv:CryptographicMethods", "dct:identifier": f"sha256:{row.digest}"},
    }


def _process(row: Row, purpose: Purpose, facts: Facts) -> dict[str, Any]:
    """What was chosen about one purpose."""
    choice, recipients = row.choice, facts.recipients.get(purpose, ())
    kinds = sorted({name for one in recipients for name in one.fields})
    granted = choice.says[purpose] is Permission.GRANTED
    state = "dpv:ConsentGiven" if granted else _refusal(choice.method)
    event: dict[str, Any] = {
        "@type": "dpv:ConsentStatus",
        "dct:type": "dpv:ExplicitlyExpressedConsent" if choice.method is not Method.GPC else "dpv:OptOut",
        "dpv:hasConsentStatus": state,
        "dpv:isIndicatedAtTime": {"@type": "xsd:dateTime", "@value": timestamp(choice.at)},
        "dpv:isIndicatedBy": "dpv:DataController" if choice.trusted else "dpv:DataSubject",
        "dpv:hasIndicationMethod": f"{choice.method.value} ({choice.surface.value})",
        "dpv:hasDuration": _seconds(facts.max_age) if granted and facts.max_age is not None else "until changed",
    }
    return {
        "@type": "dpv:Process",
        "dpv:hasPurpose": _PURPOSES[purpose],
        "dct:title": purpose.value,
        "dpv:hasLegalBasis": "eu-gdpr:A6-1-a",
        "dpv:hasPersonalData": [{"@type": "dpv:PersonalData", "dct:title": name} for name in kinds],
        "dpv:hasRecipient": [
            {"@type": "dpv:Recipient", "dct:identifier": one.name, "dct:title": one.kind} for one in recipients
        ],
        "dpv:hasStorageCondition": {
            "dpv:hasLocation": facts.controller.storage,
            "dpv:hasDuration": _seconds(facts.kept_for),
        },
        "dpv:hasJurisdiction": {"dct:identifier": choice.country or "unknown", "dpv:hasApplicableLaw": [*choice.laws]},
        "dpv:hasConsentControl": {"@type": "dpv:WithdrawConsent", "dpv:isExercisedAt": facts.withdrawal},
        "dpv:hasConsentEvent": [event],
    }


def _refusal(method: Method) -> str:
    return "dpv:ConsentWithdrawn" if method is Method.WITHDRAW else "dpv:ConsentRefused"


def _seconds(seconds: float) -> dict[str, str]:
    return {"@type": "xsd:duration", "@value": f"P{round(seconds / 86_400)}D"}
