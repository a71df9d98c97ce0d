"""A key that is added is in use at once, in processes that run: no restart, and no request sees half a ring."""

from __future__ import annotations

import time

from gatekeeper.installation import keys
from gatekeeper.model import OPTIONAL, Permission
from gatekeeper.signals import own
from tests.running import running

EVENT = {"event": "purchase", "consent": {"analytics": True}, "data": {"session_id": "s", "user_id": "u-1"}}


def wait(what, seconds=10.0):
    """Until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_rotated_key_is_in_use_without_a_restart(tmp_path):
    """Signing and pseudonym keys; what the old ones signed and named is still known."""
    with running("sidecar", tmp_path) as gate:
        before = gate.record(gate.post(EVENT))
        ring = gate.runtime.gate.keys
        signing, pseudonym = (keys.rotate(tmp_path / "keys", kind) for kind in (keys.SIGNING, keys.PSEUDONYM))
        wait(lambda: gate.runtime.gate.keys.pseudonym[0] == pseudonym)
        wait(lambda: gate.runtime.gate.keys.signing[0] == signing)
        now = gate.runtime.gate.keys
        after = gate.record(gate.post(EVENT))
        assert set(before["subjects"]).isdisjoint(after["subjects"])
        assert now.name("user_id", "u-1") in now.names("user_id", "u-1") and ring.name("user_id", "u-1") in now.names(
            "user_id", "u-1"
        )
        assert now.verify("x", *ring.sign("x", b"m")[:1], b"m", ring.sign("x", b"m")[1])


def sent(gate, cookie):
    """Which destinations get an event of a browser with this cookie."""
    posted = {key: value for key, value in EVENT.items() if key != "consent"}
    record = gate.record(gate.post(posted, headers={"Cookie": cookie}))
    return {one["destination"] for one in record["deliveries"] if one["status"] != "blocked"}


def test_what_a_new_key_signs_counts_at_once_and_what_a_removed_one_signed_no_longer(tmp_path):
    """A choice that is made after a rotation is honoured without a restart; a removed key's is not, though it was."""
    said = {purpose: (Permission.GRANTED, time.time() - 5) for purpose in OPTIONAL}
    with running("sidecar", tmp_path) as gate:
        old, others = gate.runtime.gate.keys, set((tmp_path / "keys").glob("signing-*.key"))
        before = f"{own.COOKIE}={own.write(said, notice=None, subject='v_1', sign=old.sign)}"
        granted, blocked = sent(gate, before), sent(gate, "")
        keys.rotate(tmp_path / "keys", kind=keys.SIGNING)
        gate.runtime.look_at_keys()
        after = f"{own.COOKIE}={own.write(said, notice=None, subject='v_2', sign=gate.runtime.gate.keys.sign)}"
        assert sent(gate, after) == sent(gate, before) == granted > blocked
        for path in others:
            path.unlink()
        gate.runtime.look_at_keys()
        assert sent(gate, after) == granted and sent(gate, before) < granted


def test_a_key_that_cannot_be_read_leaves_the_old_ones(tmp_path, caplog):
    """Others may read it: it is said, and nothing stops."""
    with running("sidecar", tmp_path) as gate:
        gate.record(gate.post(EVENT))
        ring = gate.runtime.gate.keys
        (tmp_path / "keys" / "signing-20990101T000000-00000000.key").write_text("a" * 64)
        (tmp_path / "keys" / "signing-20990101T000000-00000000.key").chmod(0o644)
        wait(lambda: "the keys cannot be read again" in caplog.text)
        assert gate.runtime.gate.keys is ring
        gate.record(gate.post(EVENT))


def test_the_ring_stays_over_a_reload(tmp_path, monkeypatch):
    """A new policy's gate has the keys of now, not those of the start."""
    with running("sidecar", tmp_path) as gate:
        runtime = gate.runtime
        key = keys.rotate(tmp_path / "keys", keys.SIGNING)
        runtime.look_at_keys()
        monkeypatch.setattr("gatekeeper.runtime.reread", lambda policy: policy)
        assert runtime.reload() and runtime.gate.keys.signing[0] == key


def test_what_is_left_of_a_destroyed_audit_key_signs_nothing(tmp_path):
    """Its public half and what knows its marks; the private half is in no file."""
    from gatekeeper.audit.signing import Signer
    from gatekeeper.audit.stream import Stream

    folder = tmp_path / "keys"
    stream = Stream(tmp_path / "audit", signer=Signer(folder))
    (old,) = Signer(folder).keys()
    keys.rotate(folder, keys.AUDIT)
    stream.close()
    (left,) = folder.glob("audit-*.old")
    assert left.stat().st_mode & 0o077 == 0
    assert left.read_text().split() == [old.public.hex(), old.remains.mark.hex()]
    assert all(old.key.secret.hex() not in path.read_text() for path in folder.iterdir())
    assert Signer(folder).own().written(b"", b"") is False


def test_keys_of_the_environment_before_the_one_in_use_are_still_known(tmp_path, monkeypatch):
    """`GATEKEEPER_AUDIT_KEYS`: the first signs, those behind it recognise what they signed."""
    from gatekeeper.audit import others
    from gatekeeper.audit.signing import Signer
    from gatekeeper.audit.stream import Stream
    from gatekeeper.audit.verify import verify

    monkeypatch.setenv("GATEKEEPER_AUDIT_KEYS", "old:" + "a" * 64)
    Stream(tmp_path / "audit", signer=Signer(tmp_path / "keys")).abandon()
    monkeypatch.setenv("GATEKEEPER_AUDIT_KEYS", "new:" + "b" * 64 + ",old:" + "a" * 64)
    Stream(tmp_path / "audit", signer=Signer(tmp_path / "keys")).close()
    assert others.set_aside(tmp_path / "audit") == 0
    roots = verify(tmp_path / "audit").keys
    assert len(roots) == 2 and verify(tmp_path / "audit", trusted=roots).sound
