"""A record of the log told in words, with its trail and its proof: chain, signature, what was put outside.

It is looked for in the logs of all machines. The proof is that of the log it stands in: its chain, and the keys of the
machine that wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatekeeper.audit import authority, places, proof, read, trail
from gatekeeper.audit.segments import streams
from gatekeeper.audit.shared.believed import believed
from gatekeeper.audit.shared.mirror import Other
from gatekeeper.audit.signing import Signer
from gatekeeper.console.page import Answer, Asked, Desk, Later, Page, Shown
from gatekeeper.errors import EventError
from gatekeeper.model.place import KNOWN_BY
from gatekeeper.policy import Policy, archive

_REQUEST: Final = re.compile(r"req_[0-9A-Za-z]{20,40}(\.\d{1,6})?")
_CONSENT: Final = re.compile(r"con_[0-9A-Za-z]{20,40}")
_ELSEWHERE: Final = ("https://", "http://", "s3://", "stdout")


class Stands(NamedTuple):
    """What stands for a line: whose log it is in (`None`: this machine's), and its proof there.

    Without a proof it is in the database until that machine's segment is in the archive.
    """

    host: str | None
    proof: proof.Proof | None
    knows_keys: bool = True  # which keys that machine began with


class Abroad(NamedTuple):
    """The other machines' logs, and all folders that a question is asked of."""

    others: Sequence[Other]
    folders: Sequence[Path]


def is_name(name: str) -> bool:
    """Whether it can be the id of a record."""
    return bool(_REQUEST.fullmatch(name) or _CONSENT.fullmatch(name))


def page(desk: Desk, asked: Asked) -> Answer:
    """One decision, or one choice, by its id."""
    name = asked.parts[0]
    if _CONSENT.fullmatch(name):
        later = Later("choice.html", partial(_choices, desk, name))
        return Shown("record_page.html", {"id": name}, "A choice in the log", later=later)
    if _REQUEST.fullmatch(name):
        later = Later("record.html", partial(_records, desk, name))
        return Shown("record_page.html", {"id": name}, "A record of the log", later=later)
    raise _absent()


def _choices(desk: Desk, name: str) -> dict[str, Any]:
    policy = desk.policy
    with _fetched(desk) as there:
        found = read.consents(policy.audit_folder, name, there.folders)
        told = [{"record": one, "stands": _stands(policy, one, there, name)} for one in found]
    if not told:
        raise _absent()
    return {"choices": told}


def _records(desk: Desk, name: str) -> dict[str, Any]:
    policy = desk.policy
    with _fetched(desk) as there:
        places.made([policy.audit_folder, *there.folders])  # as for every other question of the console
        told = [
            {
                "record": one, "words": list(trail.words(one)), "stands": _stands(policy, one, there, name),
                "policy_is_kept": archive.find(policy, one["policy"]["hash"]) is not None,
            }
            for one in read.find(policy.audit_folder, name, there.folders)
        ]  # fmt: skip
    if not told:
        raise _absent()
    return {"records": told, "how": KNOWN_BY}


def _absent() -> EventError:
    return EventError(404, "there is no such record in the log", detail="an id is req_… or con_…")


@contextmanager
def _fetched(desk: Desk) -> Iterator[Abroad]:
    """The other machines' logs, for a block."""
    if desk.office.machine is None:
        yield Abroad((), ())
    else:
        with desk.office.machine.fetched() as there:
            yield Abroad(there.others, there.folders)


def _stands(policy: Policy, record: dict[str, Any], there: Abroad, name: str) -> Stands:
    if "stream" not in record:  # as the database has it
        look = read.consents if _CONSENT.fullmatch(name) else read.find
        return Stands(next((one.peer.host for one in there.others if look(one.kept, name)), None), None)
    stream, n = record["stream"], record["n"]
    for one in there.others:
        if streams(one.folder, stream).get(stream):
            found = proof.prove(one.folder, stream, n, believed(one.folder, one.peer.keys))
            return Stands(one.peer.host, found, bool(one.peer.keys))
    named = authority.of_policy(policy)
    where = policy.file.audit.anchor
    local = None if where is None or where.startswith(_ELSEWHERE) else policy.folder / where
    outside = proof.outside(None if named is None else named.folder, local)
    own = Signer(policy.keys_folder).own()
    return Stands(None, proof.prove(policy.audit_folder, stream, n, own, outside))


PAGES: Final = (Page("GET", "audit/records/{}", "read", page),)
