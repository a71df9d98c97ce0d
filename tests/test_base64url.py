"""Base64url as our tokens are written: one spelling for the same bytes, in everything that carries a signature."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.consent import token
from gatekeeper.console import session
from gatekeeper.fields import base64url
from gatekeeper.model import Visitor
from gatekeeper.signals import context, own
from tests.builders import NOW, RING, own_cookie

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
SESSION = session.begun("", b"r" * 16, NOW)
CLAIMS = token.Claims("n_1", NOW - 10, "v1", "en", ("analytics",), ("gdpr",), "p", "-")


def unsigned(cookie):
    """Whether our consent cookie with this value says nothing."""
    return all(not one.says for one in own.read({own.COOKIE: (cookie,)}, RING.verify))


# What is signed, and whether a reader refuses it.
SIGNED = {
    "consent-cookie": (own_cookie("analytics").partition("=")[2], unsigned),
    "notice-token": (
        token.write(CLAIMS, RING.sign),
        lambda text: token.read(text, at=NOW, verify=RING.verify) is None,
    ),
    "visitor-context": (
        context.write(Visitor(()), at=NOW, sign=RING.sign),
        lambda text: bool(context.read(text, at=NOW, verify=RING.verify).signals),
    ),
    "console-session": (session.written(SESSION, (), RING), lambda text: session.read(text, (), RING, NOW) is None),
    "console-form": (session.form_token(SESSION, RING), lambda text: not session.is_of_form(text, SESSION, RING)),
}


@given(st.binary(max_size=50))
def test_what_is_written_is_read(raw):
    """For any bytes, without padding."""
    text = base64url.write(raw)
    assert base64url.read(text) == raw and set(text) <= set(ALPHABET)


@given(st.text(st.sampled_from(ALPHABET + "=+/ $é"), max_size=50))
def test_a_text_that_is_read_is_the_one_that_is_written(text):
    """No padding, no character outside of the alphabet, no bits behind the last byte."""
    try:
        raw = base64url.read(text)
    except ValueError:
        return
    assert base64url.write(raw) == text


@pytest.mark.parametrize("name", SIGNED)
def test_a_signature_has_one_spelling(name):
    """The last character of 32 bytes holds two bits of none of them: the three others that a lenient reader takes."""
    text, refuses = SIGNED[name]
    assert not refuses(text)
    last = ALPHABET.index(text[-1])
    for bits in range(1, 4):
        assert refuses(text[:-1] + ALPHABET[last ^ bits])
