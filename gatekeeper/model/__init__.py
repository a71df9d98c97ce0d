"""The nouns. Frozen, slotted, typed; no logic, no imports from the rest of the package.

Those made for every event are msgspec structs, which take a tenth of the time of a dataclass to make.

    Signals → Place → Consent → Decision → Outgoing → Outcome

Every stage takes some of these and returns others (see `gatekeeper/gate/__init__.py` for the order).
"""

from gatekeeper.model.call import Answer, Call, Outgoing
from gatekeeper.model.caller import Caller, Visitor
from gatekeeper.model.choice import Choice, Epoch, Heard, Notice, Recorded, Voice, Word
from gatekeeper.model.consent import OPTIONAL, Consent, Permission, Purpose, Role, Ruling, Signal, Standing, Step
from gatekeeper.model.decision import Decision, Inputs, Shaped, Verdict
from gatekeeper.model.delivery import Fate, Outcome
from gatekeeper.model.event import EVENT_KEYS, Discreet, Event, Personal
from gatekeeper.model.law import ConsentModel, Law, Restriction, Sale, SignalDuty
from gatekeeper.model.place import Found, Place
from gatekeeper.model.plan import Plan
from gatekeeper.model.suppression import Suppression

__all__ = [
    "EVENT_KEYS",
    "OPTIONAL",
    "Answer",
    "Call",
    "Caller",
    "Choice",
    "Consent",
    "ConsentModel",
    "Decision",
    "Discreet",
    "Epoch",
    "Event",
    "Fate",
    "Found",
    "Heard",
    "Inputs",
    "Law",
    "Notice",
    "Outcome",
    "Outgoing",
    "Permission",
    "Personal",
    "Place",
    "Plan",
    "Purpose",
    "Recorded",
    "Restriction",
    "Role",
    "Ruling",
    "Sale",
    "Shaped",
    "Signal",
    "SignalDuty",
    "Standing",
    "Step",
    "Suppression",
    "Verdict",
    "Visitor",
    "Voice",
    "Word",
]
