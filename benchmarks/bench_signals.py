"""Reading a whole request's signals: 11 cookies with a consent platform's among them, seen before and not."""

from __future__ import annotations

from itertools import count

from benchmarks.timing import cpu_us, report
from gatekeeper.signals import CookieReaders, Readers
from tests.builders import RING

COOKIES = (
    "_ga=GA1.1.1234567890.1700000000; _ga_ABCDEFGHIJ=GS1.1.1700000000.1.1.1700000000.0.0.0; "
    "_fbp=fb.1.1596403881668.1116446470; sessionid=4f1c2d3e4a5b6c7d8e9f0a1b2c3d4e5f; "
    "csrftoken=Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFy; _gcl_au=1.1.123456789.1700000000; {consent}; "
    "lang=de; cart=12; theme=dark; seen=1"
)
CONSENT = {
    "onetrust": "OptanonConsent=isGpcEnabled=0&datestamp=Fri+Nov+20+2026&version=202409.1.0&consentId=0f{n}"
    "&interactionCount=1&groups=C0001%3A1%2CC0002%3A1%2CC0004%3A0; OptanonAlertBoxClosed=2026-11-20T10:00:00.000Z",
    "cookieyes": "cookieyes-consent=consentid:0f{n},consent:yes,action:yes,necessary:yes,functional:no,analytics:yes,"
    "performance:no,advertisement:no",
    "cookiebot": "CookieConsent={{stamp:%27k{n}%27%2Cnecessary:true%2Cpreferences:false%2Cstatistics:true"
    "%2Cmarketing:false%2Cmethod:%27explicit%27%2Cver:1%2Cutc:1763632800000%2Cregion:%27de%27}}",
    "tcf": "euconsent-v2=CQNfCFgQNfCFgAcABBENBeFgAAAAAAAAAChQAAAAAAAA.YAAAAAAAAAAA",
}


def main() -> None:
    """Measure and print."""
    figures = {}
    for name, consent in CONSENT.items():
        readers, numbers = CookieReaders(), count()
        header = COOKIES.format(consent=consent.format(n=0)).encode()
        figures[f"{name}, {len(header)} bytes, seen before"] = cpu_us(
            lambda h=header, r=readers: r.read((h,)), calls=20_000
        )
        if "{n}" in consent:
            fresh = [COOKIES.format(consent=consent.format(n=n)).encode() for n in range(14_000)]
            figures[f"{name}, new"] = cpu_us(lambda f=fresh, r=readers, n=numbers: r.read((f[next(n)],)), calls=2000)
        whole = Readers(readers)
        headers = ((b"cookie", header), (b"sec-gpc", b"1"), (b"user-agent", b"x"))
        figures[f"{name}, whole request, seen before"] = cpu_us(
            lambda h=headers, w=whole: w.read(h, verify=RING.verify), calls=20_000
        )
    report("signals: a Cookie header", figures)


if __name__ == "__main__":
    main()
