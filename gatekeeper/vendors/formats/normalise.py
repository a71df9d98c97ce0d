"""Normalising personal data before it is hashed. Pure. A raw value in; the normal form, or `None`, out.

Only what several vendors share stands here; a vendor's own rules are in its file, with their source.
`None` means that the value cannot be what it claims to be: it is dropped, never sent as it is.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import unicodedata
from functools import cache
from typing import Final

import iso3166

from gatekeeper.model import Personal

# The pixel's own e-mail test (RFC 2822 approximated), with letters of any script allowed on both sides.
_EMAIL: Final = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@(?:[^\W_](?:[\w-]{0,62}[^\W_])?\.)+[^\W_](?:[\w-]{0,62}[^\W_])?"
)
_APPENDIX: Final = re.compile(r"[0-9a-f]{64}\..+")


def sha256(text: str) -> str:
    """SHA-256 over UTF-8, as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def hashed(value: Personal, normal: str | None) -> str | None:
    """What to send for a personal value whose normal form is `normal`; a supplied hash passes as it is."""
    if value.hashed:
        return value.value
    return None if normal is None else sha256(normal)


def plain_hash(value: Personal) -> bool:
    """Whether a supplied hash is a plain one: Meta's appendix form means nothing to other vendors."""
    return not (value.hashed and _APPENDIX.fullmatch(value.value))


def email(raw: str) -> str | None:
    """Trimmed and in lower case; `None` unless it is one address with a dotted domain."""
    text = raw.strip().lower()
    return text if len(text) <= 254 and _EMAIL.fullmatch(text) else None


def google_email(raw: str) -> str | None:
    """As `email`; at gmail.com and googlemail.com also without dots and `+suffix`.

    Source: developers.google.com, Data Manager API, formatting guidelines of 2026 (older pages differ).
    """
    text = email(raw)
    if text is None:
        return None
    local, _, domain = text.rpartition("@")
    if domain in ("gmail.com", "googlemail.com"):
        local = local.partition("+")[0].replace(".", "")
    return f"{local}@{domain}" if local else None


def letters(raw: str) -> str | None:
    """Lower case without white space and punctuation, letters of every script kept: names at Meta."""
    return "".join(c for c in raw.strip().lower() if c.isalnum()) or None


def compact(raw: str) -> str | None:
    """Lower case without white space, punctuation kept: names at TikTok, customer numbers."""
    return "".join(raw.lower().split()) or None


def lower(raw: str) -> str | None:
    """Trimmed and in lower case, nothing else: names and streets at Google."""
    return raw.strip().lower() or None


def place_name(raw: str) -> str | None:
    """The name of a city or state as it may go out in clear, trimmed; `None` for what could be anything else.

    Letters of every script, spaces and the punctuation of names, at most two digits (`Paris 15`): no e-mail
    address, telephone number, emoji or control character passes for a place.
    """
    text = unicodedata.normalize("NFC", " ".join(raw.split()))
    if len(text) > 80 or sum(c.isdigit() for c in text) > 2:
        return None
    letters_only = "".join(c for c in text if c not in " .,'’()/-" and not c.isdigit())
    if not letters_only or any(unicodedata.category(c)[0] not in "LM" for c in letters_only):
        return None
    return text


def clear_postal_code(raw: str) -> str | None:
    """A postal code as it may go out in clear, trimmed; `None` unless it looks like one (at most ten characters)."""
    text = raw.strip()
    return text if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 -]{0,8}[A-Za-z0-9]", text) else None


def ascii_alnum(raw: str) -> str | None:
    """Lower case, only a-z and 0-9: cities."""
    return re.sub(r"[^a-z0-9]", "", raw.lower()) or None


def birth_date(raw: str) -> str | None:
    """YYYYMMDD out of the usual spellings; where day and month could be swapped, the month comes first."""
    groups = re.findall(r"\d+", raw)
    if len(groups) == 1 and len(groups[0]) == 8:
        year, month, day = int(groups[0][:4]), int(groups[0][4:6]), int(groups[0][6:])
    elif len(groups) >= 3 and all(len(group) <= 4 for group in groups[:3]):
        first, second, third = map(int, groups[:3])
        if first > 31:
            year, month, day = first, second, third
        elif second > 31:
            year, month, day = second, third, first
        else:
            year, month, day = third, first, second
        if month > 12:
            month, day = day, month
    else:
        return None
    if not (1800 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{year:04}{month:02}{day:02}"


def network(address: str) -> str:
    """An IP address cut to a network of many people: /24 of IPv4, /48 of IPv6 (what Matomo and GA cut to)."""
    prefix = 24 if ipaddress.ip_address(address).version == 4 else 48
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False).network_address)


def gender(raw: str) -> str | None:
    """`m` or `f`, from the word, a salutation or a pronoun; others have no normal form at vendors that take it."""
    word = raw.strip().lower().rstrip(".")
    if word in ("m", "male", "man", "boy", "mr", "mister", "sir", "gentleman", "he", "him", "his"):
        return "m"
    if word in ("f", "female", "woman", "girl", "mrs", "ms", "miss", "madam", "lady", "she", "her", "hers"):
        return "f"
    return None


@cache
def _countries() -> dict[str, str]:
    names = {}
    for country in iso3166.countries:
        for name in (country.alpha2, country.alpha3, country.name, country.apolitical_name):
            names[_key(name)] = country.alpha2.lower()
            names[_key(re.sub(r"\(.*?\)", "", name.partition(",")[0]))] = country.alpha2.lower()
    # Everyday names the standard does not have.
    names |= {"unitedkingdom": "gb", "greatbritain": "gb", "uk": "gb", "usa": "us", "unitedstates": "us"}
    names |= {"russia": "ru", "southkorea": "kr", "northkorea": "kp", "turkey": "tr", "vietnam": "vn"}
    names |= {"czechrepublic": "cz", "ivorycoast": "ci", "taiwan": "tw", "iran": "ir", "laos": "la"}
    names |= {"holland": "nl", "thenetherlands": "nl", "syria": "sy", "bolivia": "bo", "tanzania": "tz"}
    return names | {"korearepublicof": "kr", "congo": "cg", "venezuela": "ve", "moldova": "md"}


def _key(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def country(raw: str) -> str | None:
    """ISO 3166-1 alpha-2 in lower case, from a code or an English name."""
    return _countries().get(_key(raw)) if len(raw) <= 80 else None


_STATES: Final = {
    # United States (ISO 3166-2:US) and Canada (ISO 3166-2:CA), English names without spaces.
    **dict(
        part.split("=")
        for part in (
            "alabama=al alaska=ak arizona=az arkansas=ar california=ca colorado=co connecticut=ct delaware=de "
            "districtofcolumbia=dc florida=fl georgia=ga hawaii=hi idaho=id illinois=il indiana=in iowa=ia "
            "kansas=ks kentucky=ky louisiana=la maine=me maryland=md massachusetts=ma michigan=mi minnesota=mn "
            "mississippi=ms missouri=mo montana=mt nebraska=ne nevada=nv newhampshire=nh newjersey=nj "
            "newmexico=nm newyork=ny northcarolina=nc northdakota=nd ohio=oh oklahoma=ok oregon=or "
            "pennsylvania=pa rhodeisland=ri southcarolina=sc southdakota=sd tennessee=tn texas=tx utah=ut "
            "vermont=vt virginia=va washington=wa westvirginia=wv wisconsin=wi wyoming=wy "
            "alberta=ab britishcolumbia=bc manitoba=mb newbrunswick=nb newfoundlandandlabrador=nl "
            "northwestterritories=nt novascotia=ns nunavut=nu ontario=on princeedwardisland=pe quebec=qc "
            "québec=qc saskatchewan=sk yukon=yt"
        ).split()
    )
}


def state(raw: str) -> str | None:
    """The two-letter code of a US state or Canadian province; elsewhere lower case without punctuation.

    A number gives no value: Meta's own parameter builder sends nothing for it.
    """
    text = letters(raw)
    return None if text is None or text.isdigit() else _STATES.get(text, text)


def postal_code(raw: str) -> str | None:
    """Lower case, without spaces and dashes; of a US ZIP+4 the first five digits."""
    text = raw.strip().lower()
    if re.fullmatch(r"\d{5}-\d{4}", text):
        text = text[:5]
    text = re.sub(r"[\s-]", "", text)
    return text if len(text) >= 2 else None
