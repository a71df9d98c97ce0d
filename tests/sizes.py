"""How many cases a law has: few and always the same in `make test`; many, other ones each time, in `make laws`.

`make laws` says how many by LAWS_EXAMPLES, and of calls by CALL_LAWS_EXAMPLES. It runs every file with a law.
"""

from __future__ import annotations

import os

LONG = "LAWS_EXAMPLES" in os.environ
LAWS = int(os.environ.get("LAWS_EXAMPLES", "60"))
CALL_LAWS = int(os.environ.get("CALL_LAWS_EXAMPLES", "100"))


def sized(most: int, few: int | None = None) -> int:
    """`most` in the long form; in the short one `few`, which is a quarter where it is not said."""
    return most if LONG else few or max(15, most // 4)
