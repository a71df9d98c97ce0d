"""`gatekeeper_check`."""
