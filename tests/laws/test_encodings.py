"""The canary search itself must be able to fail: each encoding is planted and found."""

import base64
import hashlib
import json
from urllib.parse import quote

import pytest

from tests.laws.encodings import found_in

VALUE = "Zq Canary+42/ünique"


@pytest.mark.parametrize(
    "planted",
    [
        pytest.param(VALUE.encode(), id="raw"),
        pytest.param(VALUE.upper().encode(), id="upper"),
        pytest.param(quote(VALUE).replace("/", "%2F").encode(), id="percent"),
        pytest.param(quote(quote(VALUE, safe=""), safe="").encode(), id="percent-twice"),
        pytest.param(json.dumps(VALUE).encode(), id="json"),
        pytest.param(VALUE.encode().hex().encode(), id="hex"),
        pytest.param(base64.b64encode(b'{"a":"' + VALUE.encode() + b'"}'), id="base64-0"),
        pytest.param(base64.b64encode(b'{"aa":"' + VALUE.encode() + b'"}'), id="base64-1"),
        pytest.param(base64.urlsafe_b64encode(b'{"aaa":"' + VALUE.encode() + b'"}'), id="base64-2"),
        pytest.param(VALUE.encode("utf-16-le"), id="utf-16"),
        pytest.param(hashlib.sha256(VALUE.lower().encode()).hexdigest().encode(), id="sha256-normalised"),
        pytest.param(hashlib.md5(VALUE.encode(), usedforsecurity=False).hexdigest().upper().encode(), id="md5"),
        pytest.param(base64.b64encode(hashlib.sha1(VALUE.encode(), usedforsecurity=False).digest()), id="sha1-base64"),
    ],
)
def test_a_planted_value_is_found(planted):
    """With other bytes around it."""
    assert found_in(b"before" + planted + b"after", VALUE) is not None
    assert found_in(b"before and after", VALUE) is None
