"""The `gatekeeper` command. One file per command in `gatekeeper/cli/`.

Exit codes: 0 done · 1 the policy, a test or a check failed · 2 wrong usage · 3 not found · 130 interrupted.
"""

from __future__ import annotations

import sys

from gatekeeper.cli import app
from gatekeeper.errors import GatekeeperError


def main() -> None:
    """Run the command line; an error of ours is one message, never a traceback."""
    try:
        app()
    except GatekeeperError as error:
        for line in str(error).splitlines():
            print(f"gatekeeper: {line}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # `gatekeeper audit tail | head`
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
