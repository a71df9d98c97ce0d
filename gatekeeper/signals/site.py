"""What one platform's reader knows of the site: its categories, its services, its notice version. Pure.

`category_map` and `plain_name` make what stands in the policy into what a reader looks up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from gatekeeper.model import Purpose
from gatekeeper.signals.tcf import PURPOSES, PurposeTable


@dataclass(frozen=True, slots=True)
class Site:
    """What one platform's reader knows of the site.

    `categories`: the site's category names, in lower case, with the purpose of each (`category_map` makes
    it).
    `versions`: the notice version a grant must have been given under; key `*` for the whole, or a
    category.
    `tcf`: which TCF purposes make up ours.
    `services`: names of single services in `plain_name` form, with the destinations each stands for.
    `usual_services`: the same as platforms usually name them; they count where one is refused by name, not where a
    list leaves it out, because the site may not have it.
    """

    categories: Mapping[str, Purpose] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    tcf: PurposeTable = field(default_factory=lambda: PURPOSES)
    services: Mapping[str, frozenset[str]] = field(default_factory=dict)
    usual_services: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def is_current(self, version: object) -> bool:
        """Whether `version` is the configured one, or none is configured."""
        wanted = self.versions.get("*")
        return wanted is None or str(version) == wanted

    def refused(self, spoken: Mapping[str, bool | None]) -> tuple[str, ...]:
        """The destinations whose service was refused by name."""
        if not self.services and not self.usual_services:
            return ()
        names = [plain_name(name) for name, allowed in spoken.items() if allowed is False]
        meant = [self.services.get(name) or self.usual_services.get(name) or frozenset[str]() for name in names]
        return tuple(sorted(frozenset().union(*meant)))

    def left_out(self, accepted: Collection[str]) -> Mapping[str, bool | None]:
        """The services that the site maps, each with whether a list of accepted ones names it."""
        names = {plain_name(name) for name in accepted}
        return {name: name in names for name in self.services}


def plain_name(name: str) -> str:
    """A service's name without what its spellings differ in: case, blanks, hyphens, underscores, dots."""
    return "".join(filter(str.isalnum, name.lower()))


def category_map(
    defaults: Mapping[str, Purpose], site: Mapping[str, Purpose], *, replaces: bool = False
) -> Mapping[str, Purpose]:
    """A platform's default map with the site's own on top.

    `replaces`: a purpose the site maps itself loses the default names. For formats that leave refused
    categories out, where a default name that the site does not have would look refused for ever.
    """
    own = {name.lower(): purpose for name, purpose in site.items()}
    taken = set(own.values()) if replaces else set()
    kept = {name.lower(): purpose for name, purpose in defaults.items() if purpose not in taken}
    return kept | own
