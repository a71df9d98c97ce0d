"""`gatekeeper demo`: a shop behind the gate, its vendors' simulators on loopback, and a walk through four purchases."""
