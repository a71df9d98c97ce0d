"""A worker process that takes events of one person and of another, until it is told to stop: `python -m … FOLDER N`.

It appends a byte to `taken-N` for each pair, and stops when there is a file `stop` or after as many as it was given.
"""

import sys
from pathlib import Path

import orjson

from gatekeeper import runtime
from gatekeeper.gate import incoming
from gatekeeper.model import Caller
from tests.rights.people import YES, cookie


def main(folder: Path, number: int, most: int) -> None:
    """Take pairs of events."""
    made = runtime.Runtime(folder / "gatekeeper.toml")
    with (folder / f"taken-{number}").open("ab", buffering=0) as taken:
        for n in range(most):
            if (folder / "stop").exists():
                break
            body = [{"event": "purchase", "consent": YES, "data": {"user_id": who, "client_id": f"{number}.{n}",
                      "page_url": f"https://shop.example/{who}"}}
                    for who in ("u-person", "u-other")]  # fmt: skip
            made.gate.take(incoming.parse(orjson.dumps(body)), Caller(headers=HEADERS))[1].result(30)
            taken.write(b".")
    made.close(5.0)


HEADERS = cookie("analytics", "marketing")

if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
