"""`[consent.notice]`: the notice of a policy in every language, with the recipients that its destinations are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from gatekeeper.browser import RIGHT_TO_LEFT, texts, unreviewed
from gatekeeper.consent.notice import Recipient, Wording, digest, preferred, wording
from gatekeeper.model import OPTIONAL, Purpose
from gatekeeper.policy.faults import Faults
from gatekeeper.policy.file import PolicyFile
from gatekeeper.policy.tables.consent import NoticeTable
from gatekeeper.vendors.kind import Destination
from gatekeeper.vendors.recipients import known
from gatekeeper.vendors.settings import Common


@dataclass(frozen=True, slots=True)
class Notices:
    """One notice, in every language. `usual` is for visitors who prefer no language that there is."""

    version: str
    purposes: tuple[Purpose, ...]
    languages: Mapping[str, Wording]
    usual: Wording

    def choose(self, language: str | None, accept_language: Iterable[str] = ()) -> Wording:
        """The notice in a language that was asked for, else in the one the visitor's browser prefers."""
        asked = None if language is None else preferred((language,), self.languages)
        found = asked or preferred(accept_language, self.languages)
        return self.usual if found is None else self.languages[found]


def notices(file: PolicyFile, destinations: Mapping[str, Destination], faults: Faults) -> Notices:
    """The notice of a policy file. Languages whose words were not reviewed are not in it."""
    table, packaged = file.consent.notice, texts()
    said = {language: own_texts(language, table, faults) for language in {**packaged, **table.texts}}
    if table.language not in said and table.language not in unreviewed():  # of those, `check` warns
        known = ", ".join(said)
        faults.append(
            f'consent.notice.language: "{table.language}" is not a language of the notice; use one of {known}, or '
            f"write [consent.notice.texts.{table.language}]"
        )
    asked = recipients(file, destinations)
    version = table.version or f"auto-{_derived(asked)}"
    made = {
        language: wording(
            found,
            asked,
            version=version,
            language=language,
            direction="rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr",
            scope=table.scope,
            url=table.url,
            controller=file.policy.controller,
        )
        for language, found in said.items()
    }
    return Notices(version, tuple(asked), made, made.get(table.language) or made["en"])


def own_texts(language: str, table: NoticeTable, faults: Faults) -> dict[str, str]:
    """The words of a language: the packaged ones, with the policy's own in their places."""
    packaged, own = texts(), table.texts.get(language, {})
    where = f"consent.notice.texts.{language}"
    for name in own.keys() - packaged["en"].keys():
        faults.unknown(where, name, "a text of the notice", packaged["en"], "remove it")
    if language not in packaged:
        missing = [name for name in packaged["en"] if name not in own]
        if missing:
            faults.append(f"{where}: {', '.join(missing)} are missing; a language of your own needs every text")
    usual = packaged.get(language, packaged["en"])
    return {name: own.get(name, usual[name]) for name in packaged["en"]}


def recipients(file: PolicyFile, destinations: Mapping[str, Destination]) -> Mapping[Purpose, tuple[Recipient, ...]]:
    """Who receives data, by the purposes that some destination has; by both where no destination has one."""
    found: dict[Purpose, tuple[Recipient, ...]] = {}
    for purpose in OPTIONAL:
        some = dict.fromkeys(
            [
                recipient(file.destinations[name], to, file.policy.controller)
                for name, to in destinations.items()
                if to.purpose is purpose
            ]
        )
        if some:
            found[purpose] = tuple(some)
    return found or dict.fromkeys(OPTIONAL, ())


def recipient(table: Common, to: Destination, controller: str) -> Recipient:
    """Who a destination is, in the words of a notice: the policy's own, else the catalogue's."""
    by = to.kind.received_by
    company: str | None = to.kind.processor
    if by == "operator":
        company = controller
    elif by == "endpoint":
        company = urlsplit(to.endpoint).hostname
    company = table.recipient or company
    about = known(company)
    name = company or to.kind.title if by == "endpoint" else to.kind.title
    return Recipient(
        name=name,
        company=company,
        country=table.country or about.get("country"),
        policy=table.privacy_policy or about.get("privacy_policy"),
        retention=table.retention,
    )


def _derived(asked: Mapping[Purpose, tuple[Recipient, ...]]) -> str:
    """A version that changes with purposes and recipients, and not with a better word."""
    meaning = {
        purpose.value: sorted([one.name, one.company, one.country] for one in some) for purpose, some in asked.items()
    }
    return digest(orjson.dumps(meaning, default=str))[:8]
