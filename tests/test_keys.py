"""The key folder: made once, safely; rotated; overridden by the environment; never printed."""

import hmac
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.errors import ConfigError
from gatekeeper.installation import keys
from gatekeeper.installation.ring import Key, KeyRing, ephemeral


def test_the_first_start_makes_the_keys_and_later_ones_read_them(tmp_path):
    """0700 for the folder, 0600 for the files."""
    folder = tmp_path / "keys"
    first, second = keys.load(folder, {}), keys.load(folder, {})
    assert first == second
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.key")} == {0o600}


def test_processes_that_start_at_once_agree_on_the_keys(tmp_path):
    """Eight at the same moment, one ring."""
    rings = []
    threads = [threading.Thread(target=lambda: rings.append(keys.load(tmp_path / "k", {}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rings) == 8 and all(ring == rings[0] for ring in rings)


def test_after_rotation_the_new_key_signs_and_the_old_one_verifies(tmp_path):
    """No cookie becomes unreadable because a key was rotated."""
    before = keys.load(tmp_path, {})
    key_id, mac = before.sign("x", b"message")
    keys.rotate(tmp_path, keys.SIGNING)
    after = keys.load(tmp_path, {})
    assert after.verify("x", key_id, b"message", mac)
    assert after.sign("x", b"message")[0] != key_id


def test_a_mac_is_good_for_one_use_and_one_message():
    """A consent cookie is no context token."""
    ring = ephemeral()
    key_id, mac = ring.sign("consent-cookie", b"m")
    assert ring.verify("consent-cookie", key_id, b"m", mac)
    assert not ring.verify("visitor-context", key_id, b"m", mac)
    assert not ring.verify("consent-cookie", key_id, b"n", mac)
    assert not ring.verify("consent-cookie", "other", b"m", mac)


def test_the_environment_overrides_the_folder(tmp_path):
    """Newest first."""
    environ = {"GATEKEEPER_SIGNING_KEYS": f"new:{'a' * 64},old:{'b' * 64}"}
    ring = keys.load(tmp_path, environ)
    assert [key.id for key in ring.signing] == ["new", "old"]
    assert not list(tmp_path.glob("signing-*"))


@pytest.mark.parametrize("value", ["", "x", f"id:{'a' * 63}", f"id:{'g' * 64}"])
def test_a_bad_key_in_the_environment_is_one_sentence(tmp_path, value):
    """And the value is not in it."""
    with pytest.raises(ConfigError) as caught:
        keys.load(tmp_path, {"GATEKEEPER_SIGNING_KEYS": value})
    assert "GATEKEEPER_SIGNING_KEYS" in str(caught.value) and "aaaa" not in str(caught.value)


def test_a_key_that_others_can_read_is_refused(tmp_path):
    """With the remedy."""
    keys.load(tmp_path, {})
    next(tmp_path.glob("signing-*")).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        keys.load(tmp_path, {})


def test_pseudonyms_differ_by_kind_and_survive_rotation_in_a_search(tmp_path):
    """`user_id` 7 is not `client_id` 7; after a rotation both names are searched."""
    ring = keys.load(tmp_path, {})
    assert ring.name("user_id", "7") != ring.name("client_id", "7")
    old = ring.name("user_id", "7")
    keys.rotate(tmp_path, keys.PSEUDONYM)
    after = keys.load(tmp_path, {})
    assert after.name("user_id", "7") != old and old in after.names("user_id", "7")


def test_a_key_is_never_shown():
    """Not in a repr."""
    ring = KeyRing((Key("a", b"S" * 32),), (Key("b", b"T" * 32),))
    assert "SSSS" not in repr(ring) and "TTTT" not in repr(ring)


GOLDEN = KeyRing((Key("s1", b"s" * 32),), (Key("p2", b"n" * 32), Key("p1", bytes(range(32)))))


def test_names_and_ids_are_what_they_have_always_been():
    """Pseudonyms in a log of last year, keys of events of last week, ids that vendors know visitors by."""
    assert GOLDEN.name("email", "jane@example.com") == "p_a2699761b61cc8edaa7e9c"
    assert GOLDEN.names("email", "jane@example.com")[1] == "p_491ed0234794e04c44dbb3"
    assert GOLDEN.event_key("purchase", "e-1", ours=True).hex() == "efabebc2411753f0d081aa7ca3bd1ce1"
    assert GOLDEN.event_key("purchase", "e-1", ours=False).hex() == "cd34afe82363387031d9697f90006ea4"
    assert GOLDEN.derived_id("ga4", "v_1") == "c4027d7772132bf6e0d1db74366c58e5"
    assert GOLDEN.derived_id("meta", "v_1") == "3ad058a9d179d33156b927ed35b046fe"


@given(key=st.binary(min_size=1, max_size=64), message=st.binary(max_size=300))
def test_law_our_mac_is_hmac(key, message):
    """RFC 2104, whatever the key and the message."""
    from gatekeeper.installation.ring import Mac

    assert Mac(key).hex(message) == hmac.new(key, message, "sha256").hexdigest()
