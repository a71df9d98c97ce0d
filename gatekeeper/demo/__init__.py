"""`gatekeeper demo`: the gate and its vendors' simulators on loopback, and a walk through four purchases."""
