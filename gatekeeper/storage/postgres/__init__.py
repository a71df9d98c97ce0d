"""PostgreSQL for several machines, put together of a part per caller. Opened by `gatekeeper.storage.opening` only.

    connecting   a connection with limits, and what went wrong in a word
    schema       the tables, made by `gatekeeper storage prepare`
    members      every process: its lease, how far it knows of withdrawals, who is waited for
    commits, writing   group commit in one thread of a process, as in the embedded store
    packets      rows that are kept together, as one compressed frame
    intake, claims, stopping, ledger, dead_letters, upkeep, reading   a part per caller

Transactions hold one advisory lock: shared to accept, claim and settle, alone to withdraw, to choose and to tidy. So
a withdrawal sees all that was committed before it, and nothing is committed beside it; sharing costs nothing.
"""
