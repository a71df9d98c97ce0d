"""Adopters' own test suites, run as they would run them."""
