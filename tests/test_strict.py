"""Strict JSON: what two parsers could read differently is refused, however it is written."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatekeeper.errors import EventError
from gatekeeper.fields import strict
from gatekeeper.fields.strict import MAX_DEPTH, strict_json
from tests.laws.test_laws import law

KEYS = st.sampled_from(['"a"', '"b"', '"\\u0061"', '"a\\":"', '"{"', '"a "'])
TEXTS = st.sampled_from(['""', '"a"', '"\\":"', '"\\u0022:"', '"[{"', '"\\\\"', "1", "null", '": "'])
BLANK = st.sampled_from(["", " ", "\n"])


def objects(inner):
    """Objects and lists as text, with keys that may be there twice."""
    pair = st.tuples(KEYS, BLANK, inner).map(lambda row: f"{row[0]}{row[1]}:{row[1]}{row[2]}")
    return st.one_of(
        st.lists(pair, max_size=4).map(lambda rows: "{" + ",".join(rows) + "}"),
        st.lists(inner, max_size=3).map(lambda rows: "[" + ", ".join(rows) + "]"),
    )


def twice(pairs):
    """Refuse a key that is there twice."""
    if len(dict(pairs)) != len(pairs):
        raise KeyError
    return dict(pairs)


@law
@example('{"a":1,"a":"\\u0022:"}')
@example('{"a":1,"a" :2}')
@given(st.recursive(TEXTS, objects, max_leaves=12))
def test_a_key_that_is_there_twice_is_refused_and_nothing_else(text):
    """Whatever stands in texts and between the signs: as a parser says that looks at each object's pairs."""
    try:
        expected = json.loads(text, object_pairs_hook=twice)
    except KeyError:
        with pytest.raises(EventError, match="given twice"):
            strict_json(text.encode())
    except ValueError:
        with pytest.raises(EventError):
            strict_json(text.encode())
    else:
        assert strict_json(text.encode()) == expected


@pytest.mark.parametrize("opening", ['{"a":', "["], ids=["objects", "lists"])
@pytest.mark.parametrize("escape", ["1", '"\\n"'], ids=["plain", "escaped"])
def test_a_body_is_as_deep_as_may_be_and_no_deeper(opening, escape):
    """Counted or told by its brackets."""
    closing = "}" if opening[0] == "{" else "]"
    for depth, fits in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False)):
        body = (opening * depth + escape + closing * depth).encode()
        if fits:
            assert strict_json(body) is not None
        else:
            with pytest.raises(EventError, match="deeper"):
                strict_json(body)


def test_the_law_sees_a_count_that_escapes_deceive(monkeypatch):
    """A text's own `":` in place of a key's: only a body without escapes may be counted as it is written again."""
    body = b'{"a":1,"a":"\\u0022:"}'
    monkeypatch.setattr(strict, "_count_keys", lambda value: strict.orjson.dumps(value).count(b'":'))
    assert strict_json(body)  # the planted count
    monkeypatch.undo()
    with pytest.raises(EventError, match="given twice"):
        strict_json(body)
