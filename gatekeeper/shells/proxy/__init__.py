"""Requests that pass through to the app behind the sidecar, and the app's answers."""
