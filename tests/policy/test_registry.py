"""What is brought from outside: checked when a policy is loaded, and kept by it ever after."""

from types import SimpleNamespace
from typing import Literal

import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.model import Purpose
from gatekeeper.policy import archive, load_policy
from gatekeeper.policy.load import parse_policy
from gatekeeper.policy.registry import PACKAGED, registry
from gatekeeper.runtime import Runtime
from gatekeeper.runtime.wiring import reread
from gatekeeper.vendors import DIALECTS, WORDS, first_party, http_json, plausible, tables_of
from gatekeeper.vendors.formats import answers
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.kind import Kind
from gatekeeper.vendors.settings import Common, SecretValue
from tests.builders import RING

HEAD = {"policy": {"version": "1", "controller": "c"}}


class Settings(Common):
    """Keys of an outside kind, with a secret of an unusual name."""

    kind: Literal["outside"]
    password: SecretValue


class Nested(Common):
    """Secrets where they would not be found."""

    kind: Literal["outside"]
    passwords: list[SecretValue]


def outside(name="outside", settings=Settings, **changes):
    """A kind of destination that is not packaged."""
    made = {
        "name": name, "title": "Outside", "purpose": Purpose.MARKETING,
        "allowed_purposes": frozenset({Purpose.MARKETING}), "legal_basis": "consent", "fields": ("page_url",),
        "places": frozenset({"page_url"}), "endpoint": "https://outside.example",
    }  # fmt: skip
    return SimpleNamespace(
        KIND=Kind(**(made | changes)), Settings=settings, shape=first_party.shape, assemble=first_party.assemble,
        read_answer=answers.by_status,
    )  # fmt: skip


def reader(source="outside_banner", names=("outside_consent",), read=lambda cookies, site: ()):
    """A cookie format that is not packaged."""
    return SimpleNamespace(SOURCE=source, NAMES=names, PREFIXES=(), CATEGORIES={}, OMITS_REFUSALS=False, read=read)


def dialect(**changes):
    """A format of calls like Plausible's, under other names."""
    names = ("KIND", "NAME", "ACCOUNT", "matches", "decode", "personal", "minimum", "encode", "read_answer", "accepted",
             "relayed")  # fmt: skip
    return SimpleNamespace(**({name: getattr(plausible.DIALECT, name) for name in names} | changes))


FAULTS = [
    ({"kinds": [SimpleNamespace(KIND=1)]}, "SimpleNamespace is not one; it has no Settings, shape, assemble"),
    ({"kinds": [http_json]}, '"http_json" is a kind already; choose another name'),
    ({"kinds": [outside(), outside()]}, '"outside" is a kind already'),
    ({"kinds": [outside("Out side")]}, "is not a Kind with a name of small letters"),
    ({"kinds": [outside(settings=dict)]}, "outside.Settings is not a class of gatekeeper.vendors.settings.Common"),
    ({"kinds": [outside("other")]}, 'other.Settings does not say `kind: Literal["other"]`'),
    ({"kinds": [outside(settings=Nested)]}, "outside.Settings.passwords holds secrets inside another type"),
    ({"kinds": [outside(fields=("colour",))]}, 'outside.fields: "colour" is not in the catalogue'),
    ({"kinds": [outside(fields=("page_title",))]}, 'outside.fields: "page_title" is not among its places'),
    ({"readers": [SimpleNamespace(SOURCE="x")]}, "SimpleNamespace is not one; it has no NAMES"),
    ({"readers": [reader("klaro")]}, '"klaro" is a platform already; choose another SOURCE'),
    ({"readers": [reader("Banner!")]}, '"Banner!" is not a name of small letters'),
    ({"readers": [reader(names=())]}, "outside_banner names no cookie"),
    ({"readers": [reader(names=("",))]}, 'outside_banner: "" is not a cookie name'),
    ({"readers": [reader(names=("euconsent-v2",))]}, 'the cookie "euconsent-v2" is read by tcf already'),
    ({"dialects": [SimpleNamespace(KIND="x")]}, "SimpleNamespace is not one; it has no NAME"),
    ({"dialects": [dialect(NAME="x", KIND="nowhere")]}, '"x" is of the kind "nowhere"; known are amplitude'[:36]),
    ({"dialects": [dialect()]}, '"plausible /api/event" is a format already; choose another NAME'),
]


@pytest.mark.parametrize(("brought", "sentence"), FAULTS, ids=[sentence[:40] for _, sentence in FAULTS])
def test_what_cannot_be_used_is_said(brought, sentence):
    """One sentence, when the policy is loaded."""
    with pytest.raises(ConfigError) as caught:
        registry(**brought)
    (problem,) = caught.value.problems
    assert sentence in problem


def test_without_anything_it_is_what_is_packaged():
    """And a policy that is loaded already takes nothing more."""
    assert registry() is PACKAGED
    policy = parse_policy(HEAD)
    assert load_policy(policy) is policy
    with pytest.raises(ConfigError, match="the policy has been loaded; pass them to load_policy"):
        load_policy(policy, kinds=[outside()])


@pytest.fixture
def file(tmp_path):
    """A policy that names an outside kind."""
    path = tmp_path / "gatekeeper.toml"
    path.write_text(
        '[policy]\nversion = "1"\ncontroller = "c"\n[destinations.it]\nkind = "outside"\npassword = "S3CRET-4711"\n'
    )
    return path


def test_a_reload_keeps_what_was_brought(file):
    """By the policy itself: whoever reads it again need not know."""
    with pytest.raises(ConfigError, match='"outside" is not a kind; use one of ga4'):
        load_policy(file)
    running = Runtime(load_policy(file, kinds=[outside()], readers=[reader()]))
    try:
        file.write_text(file.read_text().replace('version = "1"', 'version = "2"'))
        assert running.reload() and running.policy.version == "2"
        assert reread(running.policy).registry is running.policy.registry
    finally:
        running.close()


def test_the_archive_knows_it_and_holds_no_secret_of_it(file):
    """Whatever the kind calls its secret; the hash does not depend on it either."""
    policy = load_policy(file, kinds=[outside()])
    text = archive.written(policy)
    assert b"S3CRET" not in text and b'"password"' in text
    kept = file.with_name("kept.json")
    kept.write_bytes(text)
    again, _ = archive.load(kept, policy.registry)
    assert again.destinations["it"].fields == policy.destinations["it"].fields
    with pytest.raises(ConfigError, match='"outside" is not a kind; use one of'):
        archive.load(kept)
    file.write_text(file.read_text().replace("S3CRET-4711", "another"))
    assert load_policy(file, kinds=[outside()]).hash == policy.hash == again.hash


def test_a_reader_that_fails_denies():
    """As a broken cookie does; a visitor whose cookie it cannot read is not taken to have agreed."""

    def fail(cookies, site):
        raise ZeroDivisionError

    readers = parse_policy(HEAD, readers=[reader(read=fail)]).readers
    (signal,) = readers.read([(b"cookie", b"outside_consent=1")], verify=RING.verify)
    assert (signal.source, signal.standing, signal.note) == ("outside_banner", "malformed", "its reader failed")


def test_a_first_party_destination_speaks_what_was_brought():
    """The first word of the format's name; without the format it is not known."""
    tables = HEAD | {"destinations": {"it": {"kind": "first_party", "endpoint": "https://a.example", "speaks": "mine"}}}
    with pytest.raises(ConfigError, match="speaks: 'mine' is not known; use 'plausible'"):
        parse_policy(tables)
    to = parse_policy(tables, dialects=[dialect(NAME="mine /api/event")]).destinations["it"]
    assert to.kind.calls_only and to.kind.processor == "the operator"


def test_every_packaged_format_is_put_together_from_parts():
    """None is a module of functions; and what the names of its table are made of is known to every policy."""
    assert [one.NAME for one in DIALECTS if not isinstance(one, Format) or tables_of([one]) != [one.table]] == []
    assert registry().words == WORDS >= {"userData", "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "props"}


def test_two_policies_with_other_formats_share_no_word():
    """A table that is made, or brought by another gate, changes nothing of what a gate remembers."""
    tables = HEAD | {"destinations": {}}
    one, two = (dialect(NAME=f"mine /{name}", table=Table({f"{name}Word.x": "page_url"})) for name in ("one", "two"))
    first, second = (parse_policy(tables, dialects=[made]).words for made in (one, two))
    assert (first - WORDS, second - WORDS) == ({"oneWord", "x"} - WORDS, {"twoWord", "x"} - WORDS)
    assert first >= WORDS == parse_policy(tables).words
