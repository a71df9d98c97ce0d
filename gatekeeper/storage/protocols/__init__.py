"""What a store promises, one protocol per caller. The callers know these, and no engine.

    Intake        the gate           accept arrivals: durable when it says so
    Queue         the deliverer      claim, settle, recover, keep house
    Refusals      the gate           end what a visitor refuses, at no cost where nothing of it is queued
    Ledger        who takes choices  what visitors chose, and the newest word of each
    Barrier       who sends          whether a request may begin, when a withdrawal is over
    Suppressions  the gate           who is denied by an identifier: erased, opted out, objected
    Erasures      the operator       requests for erasure, and the index of ids that were sent
    Persons       the operator       which rows name a person
    DeadLetters   the operator       see, retry and delete what could not be delivered
    Books         metrics, readyz    what waits and what ended; whether the store works
    Records       the deliverer      audit lines that are kept with their rows until the log has them

`Store` has one of each. Every method may be called from any thread; futures fail with StorageError, those of `accept`,
`sweep` and `retry` also with AuditError. `tests/storage/contract.py` is these promises as tests; it runs over every
engine.
"""

from gatekeeper.storage.protocols.books import Books
from gatekeeper.storage.protocols.dead_letters import DeadLetters
from gatekeeper.storage.protocols.erasures import Erasures
from gatekeeper.storage.protocols.intake import Intake
from gatekeeper.storage.protocols.ledger import Ledger, Look
from gatekeeper.storage.protocols.persons import Persons, Suppressions
from gatekeeper.storage.protocols.queue import Queue
from gatekeeper.storage.protocols.records import Missing, Recording, Records
from gatekeeper.storage.protocols.store import Bounds, Needs, Opening, Store
from gatekeeper.storage.protocols.withdrawals import Barrier, Refusals, Slot

__all__ = [
    "Barrier",
    "Books",
    "Bounds",
    "DeadLetters",
    "Erasures",
    "Intake",
    "Ledger",
    "Look",
    "Missing",
    "Needs",
    "Opening",
    "Persons",
    "Queue",
    "Recording",
    "Records",
    "Refusals",
    "Slot",
    "Store",
    "Suppressions",
]
