"""The decisions on one event, a destination at a time: decide → scrub → shape → settle.

Pure but for the ids that it derives with the keys it is given. What the decisions share (a scrubber, the names) and
what is noted beside them (vendors' permissions, values no format takes, derived ids) stands on the object.
"""

from __future__ import annotations

from typing import Final

from gatekeeper.fields import Catalogue
from gatekeeper.gate.deciding import Deciding, asked_of
from gatekeeper.gate.persons import deriving
from gatekeeper.gate.settle import insufficient, settled
from gatekeeper.installation.ring import KeyRing
from gatekeeper.model import Consent, Decision, Event, Permission, Place, Shaped, Verdict
from gatekeeper.scrub.fields import Scrubber
from gatekeeper.signals.tcf import vendor_permissions
from gatekeeper.vendors import samples
from gatekeeper.vendors.kind import Destination, Shaping

# Looked up once: an enum's member costs as much as a call.
_BLOCK: Final = Verdict.BLOCK
_UNKNOWN: Final = Permission.UNKNOWN


class Verdicts:
    """One event in its situation, to be decided for any number of destinations."""

    __slots__ = ("_asked", "_at", "_catalogue", "_consent", "_deciding", "_event", "_keys", "_place", "_scrubber",
                 "derived", "derived_for", "unfit", "vendors")  # fmt: skip

    def __init__(
        self, event: Event, place: Place, consent: Consent, at: float,
        *, scrubber: Scrubber, deciding: Deciding, keys: KeyRing, catalogue: Catalogue,
    ) -> None:  # fmt: skip
        self._event = event
        self._place = place
        self._consent = consent
        self._at = at
        self._scrubber = scrubber
        self._deciding = deciding
        self._asked = asked_of(event)
        self._keys = keys
        self._catalogue = catalogue
        self.derived: list[tuple[str, object]] = []  # ids that were derived for a destination
        self.derived_for: dict[str, tuple[tuple[str, object], ...]] = {}  # the same by destination
        self.vendors: dict[str, Permission] = {}  # what a TC string says of a destination's vendor
        self.unfit: dict[str, tuple[str, ...]] = {}  # fields whose values no format could take, by destination

    def of(self, to: Destination) -> tuple[Decision, Shaped | None]:
        """The decision, and what is to be sent; `None`: nothing."""
        event, vendor = self._event, _UNKNOWN
        if to.vendor_id is not None:
            vendor = vendor_permissions(self._consent.signals, to.vendor_id, to.tcf_purposes)
            if vendor is not _UNKNOWN:
                self.vendors[to.name] = vendor
        decision = self._deciding.of(event, self._asked, self._consent, self._place, to, vendor)
        if decision.verdict is _BLOCK:
            return decision, None
        kept, scrubbed, personal = self._scrubber.scrub(decision.kept, to.url_params)
        derived: list[tuple[str, object]] = []
        shaping = Shaping(to, self._consent, self._place, self._at, deriving(self._keys, to, derived))
        shaped = samples.shape(event, kept, shaping)
        if isinstance(shaped, str):
            unfit = samples.unfit(event, kept, personal, shaping, self._catalogue)
            if unfit:
                self.unfit[to.name] = unfit
            return insufficient(decision, shaped), None
        self.derived += derived
        if derived:
            self.derived_for[to.name] = tuple(derived)
        return settled(decision, event, shaped, scrubbed, personal, to, self._catalogue), shaped
