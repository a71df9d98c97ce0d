"""Numbers stand with their nouns in the right form, in whatever the gate says."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

from gatekeeper.counting import counted, plural

ROOT = Path(__file__).parent.parent / "gatekeeper"


@pytest.fixture(scope="module")
def trees():
    """The source, parsed; not while tests are collected, which each worker does."""
    return {path: ast.parse(path.read_text("utf-8")) for path in sorted(ROOT.rglob("*.py"))}


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (0, "line", "0 lines"),
        (1, "stream", "1 stream"),
        (1, "delivery", "1 delivery"),
        (1204, "delivery", "1,204 deliveries"),
        (2, "day", "2 days"),
        (2, "dead letter", "2 dead letters"),
        (2, "address", "2 addresses"),
        (2, "match", "2 matches"),
        (1.0, "day", "1 day"),
        (1.5, "day", "1.5 days"),
    ],
)
def test_a_number_asks_for_the_form_of_its_noun(number, noun, words):
    """One is singular; everything else, zero too, is plural."""
    assert counted(number, noun) == words


def nouns(trees):
    """Every noun that the source counts."""
    for tree in trees.values():
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(id="counted"), args=[_, ast.Constant(value=str(noun))]):
                    yield noun


def bare(tree, words):
    """Lines where a sentence has a number that is followed by the plural of a noun, whatever the number is."""
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if any(f"%d {word}" in text for word in words):  # as logging writes it
                yield node.lineno
            case ast.JoinedStr(values=parts):
                for number, rest in pairwise(parts):
                    match number, rest:
                        case ast.FormattedValue(value=ast.Name(id=name) | ast.Attribute(attr=name)), _ if (
                            name.isupper()
                        ):
                            pass  # a limit of ours, which is more than one
                        case ast.FormattedValue(), ast.Constant(value=str(after)) if re.match(
                            rf" (?:{'|'.join(words)})\b", after
                        ):
                            yield node.lineno


def test_no_sentence_says_1_streams(trees):
    """A noun that is counted in one place is counted in every place."""
    words = {plural(noun) for noun in nouns(trees)}
    assert {"streams", "lines", "deliveries", "events"} <= words
    found = {f"{path.relative_to(ROOT)}:{line}" for path, tree in trees.items() for line in bare(tree, words)}
    assert found == set()


def test_a_planted_plural_is_found():
    """The look for them is one that finds."""
    assert list(bare(ast.parse('print(f"{n:,} streams have no end")'), {"streams"})) == [1]
    assert list(bare(ast.parse('log.info("%d lines", n)'), {"lines"})) == [1]
