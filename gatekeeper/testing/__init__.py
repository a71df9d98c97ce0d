"""Vendor simulators for tests: what would have left the house, byte for byte, without leaving it.

Each listens on a loopback port of its own, answers as its vendor does, keeps every request, and says what the
vendor would have objected to. Gatekeeper's own tests and `gatekeeper demo` run on them; so can yours:

    from gatekeeper.testing import Simulators

    with Simulators() as sims:
        send_purchase(endpoint=sims.ga4.url)
        [request] = sims.ga4.wait(1)
        assert request.events[0]["name"] == "purchase" and request.errors == ()

`hashing_vectors()` gives the rules of normalising and hashing per vendor, as data. `docs/testing.md` tells the
rest. Part of the public interface are the names below.
"""

from gatekeeper.testing.gate import Blocked, Sent, TrialGate
from gatekeeper.testing.hashing import HashingVector, hashing_vectors
from gatekeeper.testing.received import Problem, Received
from gatekeeper.testing.simulator import Simulator
from gatekeeper.testing.simulators import Simulators

__all__ = [
    "Blocked",
    "HashingVector",
    "Problem",
    "Received",
    "Sent",
    "Simulator",
    "Simulators",
    "TrialGate",
    "hashing_vectors",
]
