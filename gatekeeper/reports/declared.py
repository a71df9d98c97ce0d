"""What the policy and the product's tables say of each destination, as cells with their origin. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

from gatekeeper.model import Purpose
from gatekeeper.policy import Policy
from gatekeeper.reports import law
from gatekeeper.reports.cells import Cell, Origin, fill
from gatekeeper.vendors import recipients
from gatekeeper.vendors.kind import Destination

INSIDE: Final = "inside"
_TRANSFERS: Final = {
    INSIDE: "no transfer: inside the EEA",
    "adequacy": "adequacy decision (article 45)",
    "dpf": "EU-US Data Privacy Framework (article 45)",
    "scc": "standard contractual clauses (article 46(2)(c))",
    "bcr": "binding corporate rules (article 47)",
    "derogation": "derogation (article 49)",
    "none": "none",
}

_DECISIONS: Final = ("adequacy", "dpf")  # of the Commission: no further safeguard is needed


def text(value: object) -> str:
    """A value of the policy as a reader sees it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(sorted(map(str, value)) if isinstance(value, (set, frozenset)) else map(str, value))
    return str(value)


class Declared:
    """Looks cells up in a policy. Only keys that a report names are read: no secret is among them."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def value(self, key: str) -> Any:
        """What stands at a key such as `destinations.ga4.dpa`; `None` if nothing does."""
        found: Any = self.policy.file
        for part in self._parts(key):
            found = found.get(part) if isinstance(found, Mapping) else getattr(found, part, None)
        return found

    def _parts(self, key: str) -> Iterable[str]:
        head, _, rest = key.partition(".")
        if head != "destinations":
            return key.split(".")
        name = max((one for one in self.policy.file.destinations if rest.startswith(f"{one}.")), key=len, default=None)
        return (head, rest) if name is None else (head, name, *rest.removeprefix(f"{name}.").split("."))

    def cell(self, key: str, otherwise: Cell | None = None) -> Cell:
        """What stands at a key; else `otherwise`, else a cell that is to fill there."""
        found = self.value(key)
        if found is None or found == [] or found == {}:
            return otherwise or fill(key)
        return Cell(text(found), Origin.POLICY, key)

    def controller(self) -> Cell:
        """Who decides about the data."""
        return self.cell("controller.name", self.cell("policy.controller"))

    def company(self, to: Destination) -> str | None:
        """The company that receives the data, as far as it is known."""
        named: str | None = self.value(f"destinations.{to.name}.recipient")
        if named is not None:
            return named
        if to.kind.received_by == "operator":
            return self.controller().text
        return None if to.kind.received_by == "endpoint" else to.kind.processor

    def recipient(self, to: Destination) -> Cell:
        """Who receives the data: the policy's word, else the kind's company, else to fill."""
        key = f"destinations.{to.name}.recipient"
        if self.value(key) is not None:
            return self.cell(key)
        if to.kind.received_by == "operator":
            return self.controller()
        company = self.company(to)
        return fill(key) if not company else Cell(company, Origin.KIND, to.kind.name)

    def external(self, to: Destination) -> bool:
        """Whether a company other than the controller receives the data."""
        return to.kind.received_by != "operator" or self.value(f"destinations.{to.name}.recipient") is not None

    def role(self, to: Destination) -> Cell:
        """What the recipient is under the GDPR; of the vendor table a proposal."""
        if not self.external(to):
            return Cell("controller (own measurement)", Origin.KIND, to.kind.name)
        known = law.terms(self.company(to))
        proposed = None
        if known:
            proposed = Cell(f"{known['role']} (proposed)", Origin.VENDORS, f"({known['source']}; {known['reviewed']})")
        return self.cell(f"destinations.{to.name}.records.role", proposed)

    def terms(self, to: Destination) -> Cell:
        """The name of the terms under which the recipient works."""
        known = law.terms(self.company(to))
        proposed = None
        if known:
            proposed = Cell(known["name"], Origin.VENDORS, f"({known['source']}; {known['reviewed']})")
        return self.cell(f"destinations.{to.name}.records.terms", proposed)

    def contract(self, to: Destination) -> Cell:
        """The reference of the contract."""
        if not self.external(to):
            return Cell("none needed: the controller's own", Origin.KIND, to.kind.name)
        return self.cell(f"destinations.{to.name}.dpa")

    def seat(self, to: Destination) -> Cell:
        """The country of the recipient."""
        known = recipients.known(self.company(to))
        proposed = None
        if known:
            proposed = Cell(known["country"], Origin.VENDORS, f"({known['source']})")
        if not self.external(to):
            proposed = self.cell("controller.storage")
        return self.cell(f"destinations.{to.name}.country", proposed)

    def privacy_policy(self, to: Destination) -> Cell:
        """The address of the recipient's privacy policy."""
        if not self.external(to):
            return Cell("this notice", Origin.PRODUCT, "texts")
        known = recipients.known(self.company(to))
        proposed = None
        if known:
            proposed = Cell(known["privacy_policy"], Origin.VENDORS, f"({known['source']})")
        return self.cell(f"destinations.{to.name}.privacy_policy", proposed)

    def countries(self, to: Destination) -> Cell:
        """Where the recipient processes the data."""
        otherwise = None if self.external(to) else self.seat(to)
        return self.cell(f"destinations.{to.name}.records.countries", otherwise)

    def third_countries(self, to: Destination) -> tuple[str, ...]:
        """Countries out of the EEA in which the data is processed, as far as they are declared."""
        named = {self.seat(to).text, *(self.value(f"destinations.{to.name}.records.countries") or ())}
        return tuple(sorted(one for one in named if one and one not in law.eea() and len(one) == 2))

    def located(self, to: Destination) -> bool:
        """Whether it is known where the data is processed: else nothing can be said of a transfer."""
        return self.countries(to).origin is not Origin.FILL

    def transfer(self, to: Destination, words: Mapping[str, str] = _TRANSFERS) -> Cell:
        """On what a transfer rests. An adequacy decision that does not cover every country is no answer."""
        key = f"destinations.{to.name}.records.transfer"
        outside = self.third_countries(to)
        if not outside:
            return self.countries(to) if not self.located(to) else Cell(words[INSIDE], Origin.LAW, "countries.eea")
        found = self.value(key)
        if found is None:
            if set(outside) <= law.adequate():
                return Cell(words["adequacy"], Origin.LAW, "adequacy")
            return fill(key)
        covered = law.adequate() | (law.partly_adequate() & {"CA"} if found == "adequacy" else frozenset({"US"}))
        wrong = [one for one in outside if one not in covered] if found in ("adequacy", "dpf") else []
        if found == "none":
            wrong = list(outside)
        said = words[found] + (f"; does not cover {', '.join(wrong)}" if wrong else "")
        return Cell(said, Origin.POLICY, key, differs=bool(wrong))

    def safeguard(self, to: Destination) -> Cell:
        """The reference of the safeguard, where there is a transfer that needs one."""
        if (
            self.transfer(to).origin is Origin.LAW
            or self.value(f"destinations.{to.name}.records.transfer") in _DECISIONS
        ):
            return Cell("none needed", Origin.LAW, "chapter5")
        return self.cell(f"destinations.{to.name}.records.safeguard")

    def fallback(self, to: Destination) -> Cell:
        """What holds if the safeguard falls: asked for where the Data Privacy Framework is it."""
        if self.value(f"destinations.{to.name}.records.transfer") != "dpf":
            return self.cell(f"destinations.{to.name}.records.fallback", Cell("none needed", Origin.LAW, "dpf"))
        return self.cell(f"destinations.{to.name}.records.fallback")

    def retention(self, to: Destination) -> Cell:
        """How long the recipient keeps it."""
        return self.cell(f"destinations.{to.name}.retention")

    def interest(self, to: Destination) -> Cell:
        """The reference of the legitimate interest assessment, where the basis is one."""
        if to.legal_basis != "legitimate_interest":
            return self.cell(
                f"destinations.{to.name}.lia", Cell("none: another basis", Origin.POLICY, f"destinations.{to.name}")
            )
        return self.cell(f"destinations.{to.name}.lia")

    def basis(self, to: Destination) -> Cell:
        """The legal basis of article 6."""
        key = f"destinations.{to.name}.legal_basis"
        return self.cell(key, Cell(to.legal_basis, Origin.KIND, to.kind.name))

    def purpose(self, to: Destination) -> Cell:
        """What the data is for."""
        return self.cell(f"destinations.{to.name}.purpose", Cell(to.purpose.value, Origin.KIND, to.kind.name))

    def fields(self, to: Destination) -> Cell:
        """Every field that may go there."""
        key = f"destinations.{to.name}.fields"
        names = text(to.fields) or "none: name and time of the event only"
        if self.value(key) is None:
            return Cell(names, Origin.KIND, to.kind.name)
        return Cell(names, Origin.POLICY, key)

    def categories(self, to: Destination) -> Cell:
        """What kinds of personal data these fields are or may hold."""
        rows = self.policy.catalogue.by_key
        kinds = {rows[key].personal.replace("_", " ") for key in to.fields} - {"none"}
        return Cell(text(kinds) or "none", Origin.CATALOGUE, "personal")

    def events(self, to: Destination) -> Cell:
        """Which events may reach it."""
        key = f"destinations.{to.name}.events"
        named = {event for event, routed in self.policy.routes.items() if to in routed}
        open_ended = to in self.policy.others_to
        said = text(named) + (" and all others" if named and open_ended else "all" if open_ended else "")
        if not said:
            said = "error" if to in self.policy.errors_to else "calls in the vendor's own format only"
        return Cell(said, Origin.POLICY, key)

    def consent(self, to: Destination) -> Cell:
        """How consent is shown for it."""
        if to.purpose is Purpose.NECESSARY:
            return Cell("none asked for; every decision is in the audit log", Origin.PRODUCT, "audit log")
        return Cell("each decision with its signals and rules in the audit log", Origin.PRODUCT, "audit log")

    def host(self, to: Destination) -> Cell:
        """The host that it is sent to."""
        key = f"destinations.{to.name}.endpoint"
        origin = Origin.KIND if self.value(key) is None else Origin.POLICY
        return Cell(urlsplit(to.endpoint).hostname or "", origin, to.kind.name if origin is Origin.KIND else key)
