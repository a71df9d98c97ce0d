"""The receipt of an erasure. Pure but for the key it is given.

It holds no identifier, no pseudonym and no request id. The commitment is a hash over a salt and the identifiers;
the salt stands in the person's own copy alone, so that they, and only they, can prove that a receipt is theirs. The
log's key signs it, and its SHA-256 stands in a line of the log.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from gatekeeper.audit.signing import SigningKey, good, key_id
from gatekeeper.rights.case import Case
from gatekeeper.rights.states import Part

_LABEL: Final = b"gatekeeper-erasure-receipt-1\0"


def commitment(salt: str, given: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over the salt and the sorted identifiers, each as its kind and value."""
    return hashlib.sha256(orjson.dumps([salt, sorted([list(one) for one in given])])).hexdigest()


def day(at: float) -> str:
    """A time as its day in UTC."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def receipt(case: Case) -> dict[str, Any]:
    """What a request came to."""
    found: dict[str, Any] = {
        "erasure": case.id,
        "law": case.law,
        "received": day(case.received),
        "settled": None if "settled" not in case.times else day(case.times["settled"]),
        "stores": {name: count for name, count in case.stores.items() if count},
        "destinations": [
            {
                "name": one.name,
                "state": one.state.value,
                "reason": one.reason,
                "asked": None if one.asked is None else day(one.asked),
                "assumed_by": None if one.assumed_by is None else day(one.assumed_by),
                "reference": one.reference if one.state is Part.CONFIRMED else None,
            }
            for one in case.recipients
        ],
        "suppressed": case.suppressed,
        "commitment": case.commitment,
    }
    found["destinations"] = [
        {key: value for key, value in one.items() if value is not None} for one in found["destinations"]
    ]
    return {key: value for key, value in found.items() if value is not None}


def digest(made: dict[str, Any]) -> str:
    """SHA-256 of a receipt in its canonical form, sorted JSON: what the line of the log says."""
    return hashlib.sha256(_canonical(made)).hexdigest()


def signed(made: dict[str, Any], key: SigningKey) -> dict[str, Any]:
    """A receipt with a signature of the log's key."""
    signature = {"key": key.id, "public": key.public.hex(), "ed25519": key.sign(_LABEL + _canonical(made)).hex()}
    return {"receipt": made, "signature": signature}


def genuine(found: object, known: Iterable[str] | None = None) -> bool:
    """Whether a receipt is as it was signed; by one of the `known` keys' ids, if there are any."""
    if not isinstance(found, dict) or not isinstance(found.get("receipt"), dict):
        return False
    signature = found.get("signature")
    try:
        public = bytes.fromhex(signature["public"])  # type: ignore[index]  # whatever else it is, is refused below
        name, made = signature["key"], bytes.fromhex(signature["ed25519"])  # type: ignore[index]  # as above
    except (TypeError, KeyError, ValueError):
        return False
    if key_id(public) != name or (known is not None and name not in set(known)):
        return False
    return good(public, made, _LABEL + _canonical(found["receipt"]))


def theirs(found: dict[str, Any], salt: str, given: Iterable[tuple[str, str]]) -> bool:
    """Whether a receipt is of the person with these identifiers, who brings the salt."""
    return hmac.compare_digest(str(found["receipt"].get("commitment")), commitment(salt, given))


def _canonical(made: dict[str, Any]) -> bytes:
    return orjson.dumps(made, option=orjson.OPT_SORT_KEYS)
