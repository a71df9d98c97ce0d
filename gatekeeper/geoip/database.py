"""One opened location database. A file in; checked, probed and ready to answer, or a `DatabaseError`.

The file is copied before it is mapped into memory, and the copy has no name: a program that overwrites or truncates
the original in place can neither change an answer nor crash the process (a mapped file that shrinks ends it
with SIGBUS: https://github.com/varnishcache-friends/libvmod-geoip2/pull/20). `verify` looks through the copy
before the C extension sees it.
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import maxminddb
from maxminddb.decoder import Decoder

from gatekeeper.errors import GatekeeperError
from gatekeeper.geoip.records import found
from gatekeeper.geoip.verify import records
from gatekeeper.model import Found

# What maxminddb raises on a file of another format, or on a broken one.
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

_METADATA = b"\xab\xcd\xefMaxMind.com"
_METADATA_WITHIN = 128 * 1024  # of the end of the file, by the format's specification
_PROBED = 1000  # records looked at where there is no room for a copy
_YEAR_2100 = 4_102_444_800
_CACHED = 8192  # networks of each family


# Stands for a network whose addresses have different answers.
_MIXED = Found(None)


class DatabaseError(GatekeeperError):
    """A file that is no usable location database; the message is one sentence, without a path."""


class Database:
    """An open database. Answers from any thread.

    `type` and `epoch` (Unix seconds of its build) are as in its metadata, `size` is in bytes; `has_regions`
    tells whether it knows subdivisions.
    """

    def __init__(self, path: Path) -> None:
        """Copy, look through and open the file. Raises DatabaseError."""
        if path.exists() and not path.is_file():
            raise DatabaseError("it is not a regular file")
        try:
            with path.open("rb") as file:
                self._reader, known = _open(file)
            metadata = self._reader.metadata()
            self.type = str(metadata.database_type)
            self.epoch = int(metadata.build_epoch)
            self.size = path.stat().st_size
        except FileNotFoundError:
            raise DatabaseError("there is no such file") from None
        except UNREADABLE as fault:
            raise DatabaseError(f"it is not a sound MaxMind DB file ({type(fault).__name__})") from None
        if not 0 < self.epoch < _YEAR_2100:
            raise DatabaseError("its build date makes no sense")
        if not known:
            raise DatabaseError(f'it is a "{self.type}" database and holds no countries')
        self.has_regions = any(answer.region is not None for answer in known)
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


def _open(file: BinaryIO) -> tuple[maxminddb.Reader, set[Found]]:
    """A reader of a private copy of the file, and what its records say."""
    try:
        with tempfile.NamedTemporaryFile(prefix="gatekeeper-", suffix=".mmdb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
            copy.flush()
            with mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ) as content:
                known = _known(content)
            return maxminddb.open_database(copy.name, maxminddb.MODE_AUTO), known
    except OSError:  # no room to write a copy to: ten times slower from memory, but as safe
        file.seek(0)
        reader = maxminddb.open_database(file, maxminddb.MODE_FD)
        return reader, {answer for _, record in islice(reader, _PROBED) if (answer := found(record)) is not None}


def _known(content: mmap.mmap) -> set[Found]:
    marker = content.rfind(_METADATA, max(0, len(content) - _METADATA_WITHIN))
    if marker < 0:
        raise ValueError("no metadata")
    start = marker + len(_METADATA)
    metadata, _ = Decoder(content, start).decode(start)
    if not isinstance(metadata, dict):
        raise ValueError("the metadata is not a map")
    nodes, bits = metadata["node_count"], metadata["record_size"]
    if not isinstance(nodes, int) or not isinstance(bits, int):
        raise ValueError("the metadata is damaged")
    return records(content, nodes=nodes, record_bits=bits, data_end=marker)


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
