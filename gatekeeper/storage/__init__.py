"""What is kept: the outbox, and later the consent ledger. Callers know the protocols, never the engine.

`protocols.py` says what a store promises, `outbox.py` has its nouns, `sqlite.py` is the embedded engine.
"""
