"""`python -m benchmarks`: the same as `gatekeeper bench`."""

from __future__ import annotations

import sys

from gatekeeper.__main__ import main

sys.argv[1:1] = ["bench"]
main()
