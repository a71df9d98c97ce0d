"""Reading a whole request's signals: eleven cookies with a consent platform's among them, seen before and not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from itertools import count

from gatekeeper.model import Purpose
from gatekeeper.signals import CookieReaders, Readers

from .. import gates
from ..shape import CheckError, InProcess, Repeat, Scenario, Stage
from .decide import repeat

_COOKIES = (
    "_ga=GA1.1.1234567890.1700000000; _ga_ABCDEFGHIJ=GS1.1.1700000000.1.1.1700000000.0.0.0; "
    "_fbp=fb.1.1596403881668.1116446470; sessionid=4f1c2d3e4a5b6c7d8e9f0a1b2c3d4e5f; "
    "csrftoken=Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFy; _gcl_au=1.1.123456789.1700000000; {consent}; "
    "lang=de; cart=12; theme=dark; seen=1"
)
_CONSENT = {
    "onetrust": "OptanonConsent=isGpcEnabled=0&datestamp=Fri+Nov+20+2026&version=202409.1.0&consentId=0f{n}"
    "&interactionCount=1&groups=C0001%3A1%2CC0002%3A1%2CC0004%3A0; OptanonAlertBoxClosed=2026-11-20T10:00:00.000Z",
    "cookieyes": "cookieyes-consent=consentid:0f{n},consent:yes,action:yes,necessary:yes,functional:no,analytics:yes,"
    "performance:no,advertisement:no",
    "cookiebot": "CookieConsent={{stamp:%27k{n}%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:true"
    "%2Cmarketing:false%2Cmethod:%27explicit%27%2Cver:1%2Cutc:1763632800000%2Cregion:%27de%27}}",
    "tcf": "euconsent-v2=CQNfCFgQNfCFgAcABBENBeFgAAAAAAAAAChQAAAAAAAA.YAAAAAAAAAAA",
}
_FRESH = 20_000


@contextlib.contextmanager
def _read(name: str, fresh: bool, stage: Stage) -> Iterator[Repeat]:
    readers = Readers(CookieReaders())
    headers = [_COOKIES.format(consent=_CONSENT[name].format(n=n)).encode() for n in range(_FRESH if fresh else 1)]
    turn = count()

    def read() -> object:
        found = ((b"cookie", headers[next(turn) % len(headers)]), (b"sec-gpc", b"1"), (b"user-agent", b"x"))
        return readers.read(found, verify=gates.RING.verify)

    signals = read()
    if len(signals) < 2 or not any(Purpose.ANALYTICS in signal.says for signal in signals):
        raise CheckError("the consent platform's cookie was not read")
    yield repeat(read)


SCENARIO = Scenario(
    "signals",
    "a request's cookies and headers",
    (
        *(InProcess(f"{name}, seen before", partial(_read, name, False)) for name in _CONSENT),
        *(InProcess(f"{name}, new", partial(_read, name, True)) for name in _CONSENT if "{n}" in _CONSENT[name]),
    ),
)
