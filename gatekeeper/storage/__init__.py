"""What is kept: the outbox, and later the consent ledger. One small protocol per store; callers never know the engine.

`outbox.py` says what an outbox is, `sqlite.py` is the embedded one. An engine for several nodes stands beside it.
"""
