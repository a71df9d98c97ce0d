"""Why a decision differs. Pure. A line and a change in; the rule that turned, and the policy's keys behind it, out.

The keys are found by trial: the policy of then with one edit alone decides the event again. Where no single edit makes
the change, all that bear on it make it together.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from gatekeeper.errors import ConfigError
from gatekeeper.gate.recompute import Remade, Unknowable, remake
from gatekeeper.model import Decision, Law, Verdict
from gatekeeper.policy import Policy
from gatekeeper.policy.archive import without_secrets
from gatekeeper.policy.load import compiled
from gatekeeper.policy.registry import Registry
from gatekeeper.reports.edits import Edit, apart
from gatekeeper.reports.outcome import Change

MOST_EDITS: Final = 64  # that are tried one by one
LAWS: Final = "the laws in force"
_ABSENT: Final = "the destination is not in the policy, or the event is not routed to it"


class Causes:
    """What one policy made of another can be the cause of."""

    def __init__(self, then: Policy, now: Policy, edits: tuple[Edit, ...], registry: Registry) -> None:
        self.then = then
        self.now = now
        self.edits = edits
        self._registry = registry
        self._tried: dict[str, Policy | None] = {}

    def of(
        self, record: Mapping[str, Any], change: Change, laws: tuple[Law, ...] | None
    ) -> tuple[str, tuple[str, ...]]:
        """The rule that turned, in words, and the keys of the policy that did it."""
        try:
            before = remake(record, self.then)
            after = remake(record, self.now, laws=laws, apart=apart(self.then, self.now))
        except Unknowable:
            return "", ()
        name = change.destination
        rule = _rule(before.decisions.get(name), after.decisions.get(name), change)
        wanted = _sort(after.decisions.get(name))
        if laws is not None and _sort(self._under(record, self.then, laws).decisions.get(name)) == wanted:
            found = tuple(edit.key for edit in self.edits if edit.key.startswith("jurisdiction."))
            return rule, found or (LAWS,)
        tried = [edit for edit in self.edits if _bears_on(edit.key, name)][:MOST_EDITS]
        alone = tuple(edit.key for edit in tried if self._makes(edit, record, name, wanted, laws))
        return rule, alone or tuple(edit.key for edit in tried)

    def _makes(
        self, edit: Edit, record: Mapping[str, Any], name: str, wanted: object, laws: tuple[Law, ...] | None
    ) -> bool:
        policy = self._with(edit)
        return policy is not None and _sort(self._under(record, policy, laws).decisions.get(name)) == wanted

    def _under(self, record: Mapping[str, Any], policy: Policy, laws: tuple[Law, ...] | None) -> Remade:
        return remake(record, policy, laws=laws, apart=apart(self.then, policy))

    def _with(self, edit: Edit) -> Policy | None:
        """The policy of then with one edit; `None` if that is no policy."""
        if edit.key not in self._tried:
            tables = copy.deepcopy(without_secrets(self.then))
            table, names = tables, edit.key.split(".")
            for name in names[:-1]:
                table = table.setdefault(name, {})
            table[names[-1]] = edit.after
            if edit.after is None:
                del table[names[-1]]
            try:
                made = compiled(tables, self._registry, environ={}, require_secrets=False, kept=True)
            except ConfigError:
                made = None
            self._tried[edit.key] = made
        return self._tried[edit.key]


def _bears_on(key: str, destination: str) -> bool:
    table, _, rest = key.partition(".")
    return table != "destinations" or rest.partition(".")[0] == destination


def _sort(made: Decision | None) -> object:
    """What counts of a decision: whether it is sent, which fields, and on what basis; or why not."""
    if made is None or made.verdict is Verdict.BLOCK:
        return None if made is None else made.reason
    return frozenset((*made.kept, *made.derived)), made.basis, made.legal_basis


def _rule(before: Decision | None, after: Decision | None, change: Change) -> str:
    """The first rule that gave something else."""
    if before is None or after is None:
        return f"routing: {_ABSENT if after is None else 'the event is routed to it now'}"
    known = {(step.rule, step.outcome) for step in before.steps}
    for step in after.steps:
        if (step.rule, step.outcome) not in known:
            was = next((old.outcome for old in before.steps if old.rule == step.rule), "not asked")
            return f"{step.rule}: {was} → {step.outcome}" + (f" ({step.why})" if step.why else "")
    fields = [f"+{name}" for name in change.gained] + [f"-{name}" for name in change.lost]
    lost = [f"{name} {after.stripped[name]}" for name in change.lost if name in after.stripped]
    won = [f"{name} was {before.stripped[name]}" for name in change.gained if name in before.stripped]
    return (
        f"fields: {' '.join(fields)}" + (f" ({', '.join(lost + won)})" if lost or won else "")
        if fields
        else ("legal basis" if change.turn == "other_basis" else "an earlier rule decides")
    )
