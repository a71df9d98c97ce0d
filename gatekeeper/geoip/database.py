"""One opened location database. A file in; checked, probed and ready to answer, or a `DatabaseError`.

The file is copied before it is mapped into memory, and the copy has no name: whoever overwrites or truncates
the original in place can neither change an answer nor crash the process (a mapped file that shrinks ends it
with SIGBUS: https://github.com/varnishcache-friends/libvmod-geoip2/pull/20).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import maxminddb

from gatekeeper.errors import GatekeeperError
from gatekeeper.geoip.records import found
from gatekeeper.model import Found

# What maxminddb raises on a file that is none of its own, or on a broken one.
UNREADABLE = (
    maxminddb.InvalidDatabaseError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    MemoryError,
    RecursionError,
)

_PROBED = 1000  # records looked at before a file without a country counts as foreign
_CACHED = 8192  # networks of each family


# Stands for a network whose addresses have different answers.
_MIXED = Found(None)


class DatabaseError(GatekeeperError):
    """A file that is no usable location database; the message is one sentence, without a path."""


class Database:
    """An open database. Answers from any thread."""

    def __init__(self, path: Path) -> None:
        """Open and probe the file. Raises DatabaseError."""
        if path.exists() and not path.is_file():
            raise DatabaseError("it is not a regular file")
        try:
            with path.open("rb") as file:
                self._reader = _private_reader(file)
            self.size = path.stat().st_size
            metadata = self._reader.metadata()
            self.type = str(metadata.database_type)
            self.epoch = int(metadata.build_epoch)
            knows_a_place = any(found(record) for _, record in islice(self._reader, _PROBED))
            for number in range(0, 2**32, 2**26):
                self._reader.get(f"{number >> 24}.{number >> 16 & 255}.0.1")
        except FileNotFoundError:
            raise DatabaseError("there is no such file") from None
        except UNREADABLE as fault:
            raise DatabaseError(f"it is not a readable MaxMind DB file ({type(fault).__name__})") from None
        if not 0 < self.epoch < 2**33:
            raise DatabaseError("its build date makes no sense")
        if not knows_a_place:
            raise DatabaseError(f'it is a "{self.type}" database and holds no countries')
        # Bounded, and of networks: an address is never kept.
        self._near_ipv4 = _per_network(self._reader, 24)
        self._near_ipv6 = _per_network(self._reader, 48)

    def found(self, address: str) -> Found | None:
        """What the database says of an address in canonical spelling; `None` for nothing, never an error.

        Answers are kept per /24 (IPv4) or /48 (IPv6), where the database says one thing of the whole network.
        """
        if "." in address:
            answer = self._near_ipv4(address.rpartition(".")[0] + ".0")
        else:
            groups = address.split(":", 3)
            whole = len(groups) == 4 and all(groups[:3])
            answer = self._near_ipv6(":".join(groups[:3]) + "::") if whole else _MIXED
        if answer is not _MIXED:
            return answer
        try:
            return found(self._reader.get(address))
        except UNREADABLE:
            return None

    def has_regions(self, limit: int = 100_000) -> bool:
        """Whether one of the first `limit` networks has a subdivision; slow, for `geoip info` only."""
        answers = (found(record) for _, record in islice(self._reader, limit))
        return any(answer is not None and answer.region is not None for answer in answers)


def _private_reader(file: BinaryIO) -> maxminddb.Reader:
    try:
        with tempfile.NamedTemporaryFile(prefix="gatekeeper-", suffix=".mmdb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
            copy.flush()
            return maxminddb.open_database(copy.name, maxminddb.MODE_AUTO)
    except OSError:  # nowhere to write a copy: ten times slower from memory, but as safe
        file.seek(0)
        return maxminddb.open_database(file, maxminddb.MODE_FD)


def _per_network(reader: maxminddb.Reader, bits: int) -> Callable[[str], Found | None]:
    """The answer for a network of `bits`, by its first address; the last ones asked for are remembered."""
    get = reader.get_with_prefix_len

    @lru_cache(_CACHED)
    def ask(network: str) -> Found | None:
        try:
            record, prefix = get(network)
        except UNREADABLE:  # no address, an IPv6 one in an IPv4 file, or a damaged record
            return None
        return found(record) if prefix <= bits else _MIXED

    return ask
