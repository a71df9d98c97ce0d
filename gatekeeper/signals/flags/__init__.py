"""Consent that events and calls carry along: read as narrowing signals only, they never grant."""
