"""What Google's two upload APIs have in common. Pure. Tokens, consent objects and answers.

A caller's own tokens go on, else the policy's are put in. A refusal in a consent object blocks the element before; so
what is written is what came, or what was decided where nothing came, and never looser.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gatekeeper.model import Answer
from gatekeeper.vendors.dialect import FLAG, PROTOCOL, STAMP_KEYS, Kept, Leaf, Native, Unreadable
from gatekeeper.vendors.formats import credentials
from gatekeeper.vendors.formats.credentials import Credential
from gatekeeper.vendors.formats.replies import Words, cleaned, json_answer, wait
from gatekeeper.vendors.google import events as google_ads
from gatekeeper.vendors.kind import Destination, Shaping

JSON: Final = (("Content-Type", "application/json; charset=UTF-8"),)
CREDENTIALS: Final = (
    credentials.authorization("Bearer"),
    Credential("developer-token", re.compile(r"[A-Za-z0-9_-]{1,64}")),
    Credential("login-customer-id", re.compile(r"[0-9]{1,20}"), PROTOCOL),
    Credential("linked-customer-id", re.compile(r"[0-9]{1,20}"), PROTOCOL),
    Credential("x-goog-user-project", re.compile(r"[a-z0-9][a-z0-9.:-]{0,62}"), PROTOCOL),
)
_SNAKE: Final = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")
_SWITCHES: Final = ("adUserData", "adPersonalization")
_INDEXED: Final = re.compile(
    r"\b(conversions|conversion_adjustments|conversionAdjustments|operations|events)\[([0-9]{1,5})\]"
)

EnumWords = Mapping[int, str]  # a number of the enum -> its word


def spelled(value: Any) -> Any:
    """A JSON value with every key in lowerCamelCase. Raises Unreadable if one object has a key in both spellings.

    Google's parser takes the names of its protos (`conversion_action`), too (protobuf.dev, ProtoJSON).
    """
    if isinstance(value, list):
        return [spelled(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    made = {key if key in STAMP_KEYS else _camel(key): spelled(inner) for key, inner in value.items()}
    if len(made) != len(value):
        raise Unreadable("a key is there in two spellings")
    return made


def _camel(key: str) -> str:
    return _SNAKE.sub(lambda match: match[1].upper(), key) if "_" in key else key


def headers(native: Native, to: Destination, *, ads: bool) -> tuple[tuple[str, str], ...]:
    """Content type, and the policy's tokens for those that the caller did not send; `ads`: those of the Ads API too."""
    found = [("Content-Type", "application/json")]
    if not credentials.came(native.shared, "Authorization"):
        found.append(("Authorization", "Bearer " + to.secret("access_token")))
    if ads and not credentials.came(native.shared, "developer-token") and "developer_token" in to.secrets:
        found.append(("developer-token", to.secret("developer_token")))
    manager = to.settings.get("login_customer_id")
    if ads and manager is not None and not credentials.came(native.shared, "login-customer-id"):
        found.append(("login-customer-id", google_ads.digits(manager)))
    return tuple(found)


def event_name(to: Destination, name: str) -> str:
    """The event a conversion is one of: what the policy lists for the destination, if that is one."""
    return next(iter(to.events)) if to.events is not None and len(to.events) == 1 else name


def said(consent: object, words: EnumWords) -> object:
    """A consent object as `signals.flags.google` reads it: numbers of the enum as its words."""
    if not isinstance(consent, Mapping):
        return consent
    return {key: word if isinstance(word, str) else _word(word, words) for key, word in consent.items()}


def _word(value: object, words: EnumWords) -> str:
    return words.get(value, "denied") if isinstance(value, int) and not isinstance(value, bool) else "denied"


def flags(leaves: Sequence[Leaf]) -> dict[str, object]:
    """The switches of consent among leaves."""
    return {str(leaf.path[-1]): leaf.value for leaf in leaves if leaf.role == FLAG}


def decided(came: Mapping[str, object], shaping: Shaping, granted: object, denied: object) -> dict[str, object]:
    """The consent object to send, out of the one that came; `granted` and `denied` as this API writes them."""
    word = granted if shaping.marketing_granted else denied
    made = {name: came.get(name, word) for name in _SWITCHES}
    if shaping.restricted_use:
        made["adPersonalization"] = denied
    return made


def refused(answer: Answer, body: Mapping[str, Any] | None, kept: Sequence[Kept | None]) -> Answer:
    """An error for the caller: Google's object in the caller's numbering, or the status alone."""
    error = None if body is None else body.get("error")
    if not isinstance(error, dict):
        return Answer(502 if answer.status < 400 else answer.status, wait(answer))
    return json_answer({"error": told(error, kept)}, answer.status, (*JSON, *wait(answer)))


def told(value: Any, kept: Sequence[Kept | None]) -> Any:
    """A part of an answer with positions as the caller counted them, and without the policy's secrets."""
    words = Words(kept, "***")

    def text(value: str) -> str:
        return _INDEXED.sub(lambda found: f"{found[1]}[{words.number(int(found[2]))}]", words.text(value))

    def change(key: str, value: Any) -> Any:
        path = value.get("fieldPathElements") if isinstance(value, dict) else None
        if isinstance(path, list) and path and isinstance(path[0], dict):
            path[0]["index"] = words.number(path[0].get("index", 0))  # proto3 JSON may leave a 0 out
        return value

    return cleaned(value, text, change)
