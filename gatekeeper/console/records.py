"""A record of the log told in words, with its trail and its proof: chain, signature, what was put outside."""

from __future__ import annotations

import re
from typing import Any, Final

from gatekeeper.audit import authority, proof, read, trail
from gatekeeper.audit.segments import streams
from gatekeeper.audit.signing import Signer
from gatekeeper.console.page import Answer, Asked, Desk, Page, Shown
from gatekeeper.errors import EventError
from gatekeeper.model.place import KNOWN_BY
from gatekeeper.policy import Policy, archive

_REQUEST: Final = re.compile(r"req_[0-9A-Za-z]{20,40}(\.\d{1,6})?")
_CONSENT: Final = re.compile(r"con_[0-9A-Za-z]{20,40}")
_NO_STREAM: Final = "-"  # of a line that no log has yet
_ELSEWHERE: Final = ("https://", "http://", "s3://", "stdout")


def page(desk: Desk, asked: Asked) -> Answer:
    """One decision, or one choice, by its id."""
    name, policy = asked.parts[0], desk.policy
    if _CONSENT.fullmatch(name):
        with desk.office.others as others:
            choices = read.consents(policy.audit_folder, name, others)
        if choices:
            told = [{"record": one, "proof": _proof(policy, one)} for one in choices]
            return Shown("choice.html", {"choices": told, "id": name}, "A choice in the log")
    elif _REQUEST.fullmatch(name):
        with desk.office.others as others:
            found = read.find(policy.audit_folder, name, others)
        if found:
            told = [_told(policy, one) for one in found]
            return Shown("record.html", {"records": told, "id": name, "how": KNOWN_BY}, "A record of the log")
    raise EventError(404, "there is no such record in the log", detail="an id is req_… or con_…")


def _told(policy: Policy, record: dict[str, Any]) -> dict[str, Any]:
    kept = archive.find(policy, record["policy"]["hash"])
    return {
        "record": record,
        "words": list(trail.words(record)),
        "proof": _proof(policy, record),
        "policy_is_kept": kept is not None,
    }


def _proof(policy: Policy, record: dict[str, Any]) -> proof.Proof | None:
    """Of a line of this machine's log; that of another is proven with the whole of it, by `audit verify`."""
    if not streams(policy.audit_folder, record.get("stream", _NO_STREAM)):
        return None
    named = authority.of_policy(policy)
    where = policy.file.audit.anchor
    local = None if where is None or where.startswith(_ELSEWHERE) else policy.folder / where
    outside = proof.outside(None if named is None else named.folder, local)
    own = Signer(policy.keys_folder).own()
    return proof.prove(policy.audit_folder, record["stream"], record["n"], own, outside)


PAGES: Final = (Page("GET", "audit/records/{}", "read", page),)
