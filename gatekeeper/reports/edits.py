"""What an edit of a policy is. Pure. Two policies in; the keys that differ, and what of them no line can tell, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, NamedTuple

from gatekeeper.fields import Field
from gatekeeper.gate.recompute import Apart
from gatekeeper.policy import Policy
from gatekeeper.policy.archive import without_secrets

# What decisions are made of. A line shows the effect of an edit of these keys; `*` stands for any name.
_DECIDES: Final = (
    "consent.max_age", "consent.gpc", "jurisdiction.always", "jurisdiction.default", "jurisdiction.laws",
    "policy.currency", "fields", "events",
)  # fmt: skip
_OF_DESTINATION: Final = frozenset({
    "purpose", "fields", "events", "regions", "on_opt_out", "legal_basis", "statistics_only", "vendor_id",
    "tcf_purposes", "kind",
})  # fmt: skip
# What changes neither what is sent nor to whom.
_SILENT: Final = (
    "policy.version", "policy.controller", "server", "audit", "storage", "keys", "delivery", "limits", "retention",
    "consent.notice_version",
)  # fmt: skip
_SILENT_OF_DESTINATION: Final = frozenset({"dpa", "lia", "retention", "batch"})
# Where the two differ, signals might have been read otherwise: no line tells of what was not read.
_READING: Final = {"max_age", "gpc", "notice_version"}
# Of a field, what says nothing of whether a value is valid.
_NOT_VALIDITY: Final = frozenset({"purposes", "contextual", "description", "identifies", "pattern", "personal"})


class Edit(NamedTuple):
    """One key of the policy that another policy has otherwise; `None` where it is absent."""

    key: str
    before: Any
    after: Any


def edits(before: Policy, after: Policy) -> tuple[Edit, ...]:
    """The keys that differ, by name; secrets and test cases are not compared."""
    one, other = (_flat(without_secrets(policy)) for policy in (before, after))
    return tuple(
        Edit(key, one.get(key), other.get(key))
        for key in sorted(one.keys() | other.keys())
        if one.get(key) != other.get(key)
    )


def unseen(found: tuple[Edit, ...], before: Policy, after: Policy) -> tuple[Edit, ...]:
    """Those edits whose effect no line can show: they change values, addresses or places, not names."""
    return tuple(edit for edit in found if not _shown(edit.key, before, after))


def reads_alike(before: Policy, after: Policy) -> bool:
    """Whether both read the same signals out of a request."""
    one, other = (policy.file.consent.model_dump(mode="json", exclude=_READING) for policy in (before, after))
    return one == other


def apart(before: Policy, after: Policy) -> Apart:
    """What bears on what lines do not hold."""
    fields_apart = {
        row.key
        for name in before.catalogue.by_name.keys() | after.catalogue.by_name.keys()
        if not _alike(before.catalogue.by_name.get(name), row := after.catalogue.by_name.get(name)) and row is not None
    }
    if before.file.policy.site != after.file.policy.site:  # it makes whole addresses of parts of them
        fields_apart |= after.catalogue.urls
    if before.catalogue.phone_region != after.catalogue.phone_region:
        fields_apart.add(after.catalogue.by_name["phone"].key)
    strangers, vendors = set(), set()
    for name, to in after.destinations.items():
        then = before.destinations.get(name)
        if then is None or then.kind.name != to.kind.name:
            strangers.add(name)
        if then is None or (then.vendor_id, then.tcf_purposes) != (to.vendor_id, to.tcf_purposes):
            vendors.add(name)
    return Apart(frozenset(fields_apart), frozenset(vendors), frozenset(strangers))


def _alike(before: Field | None, after: Field | None) -> bool:
    if before is None or after is None:
        return before is after
    names = [one.name for one in fields(Field) if one.name not in _NOT_VALIDITY]
    return all(getattr(before, name) == getattr(after, name) for name in names)


def _shown(key: str, before: Policy, after: Policy) -> bool:
    if any(key == known or key.startswith(known + ".") for known in (*_DECIDES, *_SILENT)):
        return True
    table, _, rest = key.partition(".")
    name, _, setting = rest.partition(".")
    if table != "destinations":
        return False
    if name not in before.destinations or name not in after.destinations:  # all of it comes, or goes
        return True
    return setting.partition(".")[0] in _OF_DESTINATION | _SILENT_OF_DESTINATION


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        elif value is not None:
            found[prefix + name] = value
    return found
