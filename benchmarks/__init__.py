"""What the gate costs, measured. `make bench` runs every file; each prints CPU time per call."""
