"""One-time secrets in paths, accounts' names in paths of files, and what resembles them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gatekeeper import scrub
from gatekeeper.fields import CATALOGUE
from gatekeeper.scrub import scrub_text, scrub_url
from gatekeeper.scrub.fields import search_of
from gatekeeper.scrub.shapes.secret import reads_like_words
from tests.scrub.scrub_rates import LABELLED

# What attacks.md C2 found to pass, and others of the kind.
SECRETS = [
    ("/password/reset/9b2f1c7e-1111-4222-8333-abcdefabcdef", "/password/reset/[secret]"),
    ("/invite/9b2f1c7e-1111-4222-8333-abcdefabcdef", "/invite/[secret]"),
    ("/unsubscribe/9b2f1c7e-1111-4222-8333-abcdefabcdef?utm_id=1", "/unsubscribe/[secret]?utm_id=1"),
    ("/accounts/confirm-email/MTM:1qVdZz:8Jm0abcDEF/", "/accounts/confirm-email/[secret]/"),
    ("/magic-link/eyJ1aWQiOjQyLCJuIjoiaiJ9", "/magic-link/[secret]"),
    ("/verify/123456", "/verify/[secret]"),
    ("/callback/code/AbCdEf123456", "/callback/code/[secret]"),
    ("/reset/MQ/c3-abc123/", "/reset/[secret]/[secret]/"),
    ("/users/account_activation/x7k2p/edit", "/users/account_activation/[secret]/edit"),
    ("/verify-your-email/x7k2pq", "/verify-your-email/[secret]"),
    ("/share/p/Cx91LaQ", "/share/p/[secret]"),
    ("/einladung/AB12CD", "/einladung/[secret]"),
    ("/passwort/zurücksetzen/x9k2p1", "/passwort/zurücksetzen/[secret]"),
    ("/passwort/zur%C3%BCcksetzen/x9k2p1", "/passwort/zur%C3%BCcksetzen/[secret]"),
    ("/password%2Freset%2FAbc123xyz", "/[secret]"),
    ("/VERIFY/Abc123", "/VERIFY/[secret]"),
    ("https://shop.example/подтвердить/a1b2c3", "https://shop.example/подтвердить/[secret]"),
    ("/重置/a1b2c3", "/重置/[secret]"),
    ("/vorname/Jane/nachname/Doe", "/vorname/[name]/nachname/[name]"),
    ("/p?utm_content=/reset/abc123xyz", "/p?utm_content=/reset/[secret]"),
]


@pytest.mark.parametrize(("url", "left"), SECRETS)
def test_what_stands_behind_such_a_word_goes(url: str, left: str) -> None:
    """Whatever it looks like, in several languages; and once is enough."""
    assert scrub_url(url).text == left
    assert scrub_url(left).text == left


@pytest.mark.parametrize("path", (LABELLED / "paths_ordinary.txt").read_text(encoding="utf-8").split())
def test_paths_of_the_site_stay(path: str) -> None:
    """Words, small numbers, files; and segments that only begin with such a word."""
    assert scrub_url(path).text == path


TEXTS = [
    ("GET https://shop.example/reset/abc123def 404", "GET https://shop.example/reset/[secret] 404"),
    ("no route for /invite/Xk29fQ.", "no route for /invite/[secret]."),
    ("at f (https://shop.example/shared/app.min.js:10:15)", "at f (https://shop.example/shared/app.min.js:10:15)"),
    (r"C:\Users\Jane Doe\app.py", r"C:\Users\[user]\app.py"),
    (r"C:\\Users\\Jane\\app.py", r"C:\\Users\\[user]\\app.py"),
    ("c:/users/jane/app.py", "c:/users/[user]/app.py"),
    ("/home/janeroe/app/x.py", "/home/[user]/app/x.py"),
    ("FileNotFoundError: '/home/janeroe/data/report.csv'", "FileNotFoundError: '/home/[user]/data/report.csv'"),
    ("file:///Users/jane/x.js:3:1", "file:///Users/[user]/x.js:3:1"),
    ('File "/Users/jane/shop/views.py", line 3', 'File "/Users/[user]/shop/views.py", line 3'),
    ("/home/app/x.py", "/home/app/x.py"),
    ("/home/garden/tools", "/home/garden/tools"),
    (r"C:\Users\Public\app.py", r"C:\Users\Public\app.py"),
    ("https://shop.example/home/sale/x.html", "https://shop.example/home/sale/x.html"),
    ("see data:text/html;base64,SmFuZQ== now", "see data: now"),
    ("jane (at) example (dot) com", "[email]"),
    ("jane&amp;#64;example.com", "[email]"),
    ("jane&commat;example&period;com", "[email]"),
    ("jane&#64example.com", "[email]"),
    (r"jane\100example.com", "[email]"),
    ("look (at) this", "look (at) this"),
    ("look_at_me.html", "look_at_me.html"),
    ("a&b; c&amp;d", "a&b; c&amp;d"),
    ("phone 00493012345678", "phone [phone]"),
    ("00493012345678", "[phone]"),
    ("00012345678905", "00012345678905"),
]


@pytest.mark.parametrize(("text", "left"), TEXTS)
def test_paths_and_escapes_in_texts(text: str, left: str) -> None:
    """Secrets, accounts' names and encoded addresses go, everything around them stays."""
    assert scrub_text(text).text == left
    assert scrub_text(left).text == left


def test_a_policy_adds_words() -> None:
    """With its own words, the same path is cut."""
    search = search_of(CATALOGUE.extended([], None, frozenset({"einloesen"})), None)
    for url in ("/einloesen/AB12CD", "/einlösen/AB12CD"):
        assert scrub_url(url).text == url
        assert scrub_url(url, search=search).text == url.replace("AB12CD", "[secret]")


def test_words_and_codes_are_told_apart() -> None:
    """By the letters that stand beside each other in languages."""
    assert all(
        map(reads_like_words, ("facebook", "your-email", "step-2", "Abbestellen", "resetPassword", "2", "größe"))
    )
    assert not any(map(reads_like_words, ("x7k2p", "AbCdEf", "QWERTZ", "123456", "qzxvjk", "1-2", "a1b2c3", "")))


def test_the_table_is_in_order() -> None:
    """Lower case, no doubles, and no word that is both a secret's and harmless."""
    table = tomllib.loads((Path(scrub.__file__).parent / "shapes" / "secret.toml").read_text(encoding="utf-8"))
    words = [*table["secret"], *table["name"]]
    assert [word for word in words if word != word.lower()] == []
    assert not set(words) & set(table["words"])
    assert len(table["pairs"]) == 26
