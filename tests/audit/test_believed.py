"""Which signatures another machine's log is believed: by its first keys, and what they introduced."""

import shutil

import pytest

from gatekeeper.audit import chain
from gatekeeper.audit.segments import lines, streams
from gatekeeper.audit.shared.believed import believed
from gatekeeper.audit.signing import Signer
from gatekeeper.errors import AuditError
from gatekeeper.installation import keys
from tests.audit.logs import Stream


@pytest.fixture(scope="module")
def rotated(tmp_path_factory):
    """A log whose key was rotated while its first stream lived, and the ids of the two keys."""
    folder = tmp_path_factory.mktemp("rotated")
    ring, log = folder / "keys", folder / "audit"
    stream = Stream(log, signer=Signer(ring))
    (old,) = Signer(ring).keys()
    keys.rotate(ring, keys.AUDIT)
    stream.checkpoint()
    later = Stream(log, signer=Signer(ring))
    later.close()
    stream.close()
    (new,) = Signer(ring).keys()
    return log, old.id, new.id


def signed(log):
    """Every signed line of a log, with the hash before it and the id of the key that it names."""
    for parts in streams(log).values():
        sealed = [chain.split(raw) for part in parts for raw in lines(part)]
        befores = [chain.FIRST, *(one.hash for one in sealed[:-1])]
        for before, one in zip(befores, sealed, strict=True):
            if chain.signature_of(one.head) is not None:
                yield before, one.head, one.record["key"]


def test_a_key_that_a_known_one_introduced_is_believed(rotated):
    """Both keys' signatures are good; there are some of each."""
    log, old, new = rotated
    own = believed(log, (old,))
    found = [(key, own.signed(before, head)) for before, head, key in signed(log)]
    assert {key for key, _ in found} == {old, new} and all(good for _, good in found)


@pytest.mark.parametrize("trusted", [(), ("0123456789abcdef",)], ids=["none", "another"])
def test_without_a_key_that_is_known_nothing_is_believed(rotated, trusted):
    """A log that was put in the place of a machine's introduces its own keys in vain."""
    own = believed(rotated[0], trusted)
    assert not any(own.signed(before, head) for before, head, _ in signed(rotated[0]))


def test_a_successor_introduces_no_key_before_it(rotated):
    """Trust goes forward: with the new key alone what the old one signed is not believed."""
    log, old, new = rotated
    own = believed(log, (new,))
    assert {key for before, head, key in signed(log) if own.signed(before, head)} == {new}
    assert old != new


def test_a_signature_is_of_its_place(rotated):
    """Behind another line it is not good."""
    log, old, _ = rotated
    own = believed(log, (old,))
    assert not any(own.signed(bytes(31) + b"\1", head) for _, head, _ in signed(log))


def test_a_stream_that_has_no_line_introduces_nothing(rotated, tmp_path):
    """Nor does one whose first line is none of a log; the others are read all the same."""
    log, old, _ = rotated
    for path in log.glob("*.jsonl*"):
        shutil.copy(path, tmp_path)
    for n, data in enumerate((b"", b"{}\n", b'{"public":"zz"')):
        (tmp_path / f"20261124T000000.000000Z-{n}-0000000{n}.000001.jsonl").write_bytes(data)
    own = believed(tmp_path, (old,))
    assert all(own.signed(before, head) for before, head, _ in signed(log))
    (tmp_path / "20261124T000000.000000Z-9-00000009.000001.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(AuditError, match=rf"^{tmp_path}: the audit log cannot be read \(BadGzipFile\)$"):
        believed(tmp_path, (old,))
