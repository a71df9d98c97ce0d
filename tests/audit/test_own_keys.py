"""What this installation recognises as its own: lines by signatures and marks, keys by their public halves."""

import hashlib

import pytest

from gatekeeper.audit import chain, signing
from gatekeeper.audit.signing import Own, Signer, good
from gatekeeper.errors import ConfigError
from gatekeeper.installation import keys
from tests.audit.handmade import KEY, OTHER, Made, decision, genesis
from tests.audit.logs import SIGNER


def test_a_key_is_named_by_its_public_half():
    """16 digits of a hash under a label of its own."""
    assert KEY.id == hashlib.sha256(b"gatekeeper-audit-key-1\0" + KEY.public).hexdigest()[:16]
    assert KEY.id == signing.key_id(KEY.public) and KEY.remains.public == KEY.public and len(KEY.mark(b"x")) == 8


def test_a_signature_is_over_the_hash_before_the_line_and_its_head():
    """By one of several keys; another key's, another line's, and none are not."""
    head = chain.split(Made().add(genesis()).lines[0]).head
    assert Own([OTHER.remains, KEY.remains]).signed(chain.FIRST, head)
    assert not Own([OTHER.remains]).signed(chain.FIRST, head) and not Own([]).signed(chain.FIRST, head)
    assert not Own([KEY.remains]).signed(b"x" * 32, head)
    assert not Own([KEY.remains]).signed(chain.FIRST, chain.split(Made().add(decision()).lines[0]).head)
    assert not good(KEY.public[:-1], b"x" * 64, b"m") and not good(KEY.public, b"x" * 64, b"m")
    assert good(KEY.public, KEY.sign(b"m"), b"m")


@pytest.mark.parametrize("refs", [(), ("p_" + "0" * 22,)], ids=["bare", "with-subjects"])
def test_a_mark_is_over_the_same_and_says_that_all_before_it_was_written_here(refs):
    """A line without a mark is recognised by its signature."""
    raw, _ = chain.seal(chain.Line(b'{"kind":"x"}', refs), "s", 2, b"h" * 32, bytes(16), mac=KEY.mark)
    head = chain.split(raw).head
    assert Own([OTHER.remains, KEY.remains]).written(b"h" * 32, head) and not Own([OTHER.remains]).written(
        b"h" * 32, head
    )
    assert not Own([KEY.remains]).written(b"i" * 32, head)
    signed = chain.split(Made().add(genesis()).lines[0]).head
    assert Own([KEY.remains]).written(chain.FIRST, signed) and not Own([OTHER.remains]).written(chain.FIRST, signed)
    assert Own([KEY.remains]).marked(b"m", KEY.mark(b"m")) and not Own([KEY.remains]).marked(b"m", OTHER.mark(b"m"))


def test_the_key_in_use_comes_first_and_older_ones_are_recognised(tmp_path):
    """The old one signs until its successor is introduced; then its remains recognise what it wrote."""
    signer = Signer(tmp_path)
    (old,) = signer.keys()
    keys.rotate(tmp_path, keys.AUDIT)
    given = signer.keys()
    first, new = given
    assert first.id == old.id != new.id
    signer.retire(first)
    left = signer.keys()
    assert [one.id for one in left] == [new.id]
    own = signer.own()
    for one in (old, new):
        assert own.marked(b"m", one.mark(b"m"))
    assert not own.marked(b"m", SIGNER.keys()[0].mark(b"m"))


def test_a_key_that_cannot_be_removed_is_said_and_stops_nothing(tmp_path, monkeypatch, caplog):
    """The next checkpoint tries again."""
    signer = Signer(tmp_path)
    (key,) = signer.keys()

    def refuse(folder, which, remains):
        assert (folder, which.id, remains) == (tmp_path, key.key.id, key.remains)
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(keys, "retire", refuse)
    signer.retire(key)
    said = f"the old key {key.id} of the audit log cannot be removed (Read-only file system)"
    assert [record.getMessage() for record in caplog.records] == [said]
    monkeypatch.undo()
    with pytest.raises(ConfigError):
        (path,) = [one for one in tmp_path.iterdir() if one.is_file() and "audit" in one.name]
        path.write_bytes(b"x")
        signer.keys()
