"""Is a file safe to give to the C extension? A mapped file in; what its records say, or ValueError, out.

The C extension trusts its input: a damaged record (a map whose key is no text) makes it read wild memory,
and iterating over a damaged tree overruns its buffers; both end the process (seen with maxminddb 3.2.0). So
each new file is first looked through here, in Python and within a bounded time: all pointers of the search
tree and all distinct records of a database like the bundled one or a Country edition; of a City edition an
even sample.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from mmap import mmap
from sys import byteorder

from maxminddb.decoder import Decoder

from gatekeeper.geoip.records import found
from gatekeeper.model import Found

_SEPARATOR = 16  # zero bytes between the tree and the data
_BLOCKS = 64
_BLOCK_NODES = 32_768
_RECORDS = 2000

_HIGH = bytes(number >> 4 for number in range(256))
_LOW = bytes(number & 15 for number in range(256))


def records(file: mmap, *, nodes: int, record_bits: int, data_end: int) -> set[Found]:
    """What the looked-at records say, each answer once.

    `nodes` and `record_bits` are the metadata's, `data_end` is where the metadata begins. Raises ValueError,
    or what maxminddb's decoder raises (`database.UNREADABLE`), on a damaged file.
    """
    if record_bits not in (24, 28, 32):
        raise ValueError("unknown record size")
    node_bytes = record_bits // 4
    data_start = nodes * node_bytes + _SEPARATOR
    if nodes < 1 or data_start >= data_end:
        raise ValueError("the search tree does not fit into the file")
    pointers: set[int] = set()
    for block in _blocks(file, nodes, node_bytes):
        pointers.update(value for value in _values(block, record_bits) if value > nodes)
    ordered = sorted(pointers)
    first = nodes + _SEPARATOR
    if ordered and not first <= ordered[0] <= ordered[-1] < first + data_end - data_start:
        raise ValueError("the search tree points outside the file")
    decoder = Decoder(file, data_start)
    answers = set()
    for pointer in ordered[:: max(1, len(ordered) // _RECORDS)]:
        record, _ = decoder.decode(pointer - first + data_start)
        if not isinstance(record, dict):
            raise ValueError("a record is not a map")
        _check_keys(record)
        answer = found(record)
        if answer is not None:
            answers.add(answer)
    return answers


def _blocks(file: mmap, nodes: int, node_bytes: int) -> Iterator[bytes]:
    if nodes <= _BLOCKS * _BLOCK_NODES:
        yield file[: nodes * node_bytes]
        return
    for number in range(_BLOCKS):
        first = (nodes - _BLOCK_NODES) * number // (_BLOCKS - 1)
        yield file[first * node_bytes : (first + _BLOCK_NODES) * node_bytes]


def _values(block: bytes, record_bits: int) -> array[int]:
    """The numbers in a block of nodes, as fast as Python can; their order does not matter."""
    if record_bits == 32:
        spread = bytearray(block)
    elif record_bits == 24:
        spread = bytearray(len(block) // 3 * 4)
        for byte in range(3):
            spread[byte + 1 :: 4] = block[byte::3]
    else:  # seven bytes a node: three of the left, a nibble of each, three of the right
        spread = bytearray(len(block) // 7 * 8)
        middle = block[3::7]
        spread[0::8], spread[4::8] = middle.translate(_HIGH), middle.translate(_LOW)
        for byte in range(3):
            spread[byte + 1 :: 8] = block[byte::7]
            spread[byte + 5 :: 8] = block[byte + 4 :: 7]
    values = array("I", bytes(spread))
    if byteorder == "little":
        values.byteswap()
    return values


def _check_keys(value: object) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError("a map has a key that is not text")
            _check_keys(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_keys(inner)
