"""A time stamp on a line of the log (RFC 3161). Pure. A checkpoint's line and an authority's answer in, a time out.

    {"line":"<the line without its line feed>","answer":"<TimeStampResp, DER in base64>"}

The authority saw the SHA-256 of the line and nothing else. Its signature says that the line existed at that time, and
with it all lines that the checkpoint names. Checking it needs the extra `timestamps`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType
from typing import TYPE_CHECKING, Final

import orjson

from gatekeeper.errors import AuditError, missing

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_BEGIN: Final = b'{"line":"'
_VERIFY: Final = re.compile(r'Verify error: ([^"]*)')
MOST: Final = 2**17  # bytes of an answer; usual ones have 3 to 10 KB


@dataclass(frozen=True, slots=True)
class Stamp:
    """A line of the log, and what an authority answered to its hash."""

    line: bytes  # without its line feed
    answer: bytes

    def written(self) -> bytes:
        """The stamp as it stands in its file: one line."""
        answer = base64.b64encode(self.answer).decode()
        return orjson.dumps({"line": self.line.decode(), "answer": answer}) + b"\n"

    @property
    def name(self) -> str:
        """What tells it from other stamps: the first digits of the line's hash."""
        return hashlib.sha256(self.line).hexdigest()[:16]


def is_stamp(raw: bytes) -> bool:
    """Whether a line of an anchor file is a time stamp."""
    return raw.startswith(_BEGIN)


def parse(raw: bytes) -> Stamp:
    """The stamp in a line of an anchor file. Raises ValueError."""
    found = orjson.loads(raw)
    try:
        line, answer = found["line"].encode(), base64.b64decode(found["answer"], validate=True)
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ValueError("is not a time stamp") from error
    return Stamp(line, answer)


def roots(pem: bytes) -> list[Certificate]:
    """The certificates of a PEM file, which are believed. Raises ValueError."""
    from cryptography.x509 import load_pem_x509_certificates

    return load_pem_x509_certificates(pem)


def request(line: bytes) -> tuple[bytes, int | None]:
    """What an authority is asked, and the number that its answer must repeat. Raises ConfigError."""
    client = _client()
    made = client.TimestampRequestBuilder().data(line).hash_algorithm(client.HashAlgorithm.SHA256).build()
    return made.as_bytes(), made.nonce


def time_of(stamp: Stamp, believed: list[Certificate], *, nonce: int | None = None) -> datetime:
    """When the line was shown to the authority, UTC, if the answer is good and by an authority that is believed.

    Raises AuditError with the reason, and ConfigError if the extra is not installed.
    """
    client = _client()
    try:
        answer = client.decode_timestamp_response(stamp.answer)
        if answer.status != 0:
            raise AuditError(f"the authority refused ({_words(answer)})")
        client.VerifierBuilder(roots=believed, nonce=nonce).build().verify_message(answer, stamp.line)
        at: datetime = answer.tst_info.gen_time
    except (client.VerificationError, ValueError) as error:
        raise AuditError(f"is not a good time stamp ({_reason(str(error))})") from None
    return at.astimezone(UTC)


def _reason(text: str) -> str:
    """The part of OpenSSL's errors that a reader needs."""
    found = _VERIFY.search(text)
    return found[1] if found else text.partition(": ErrorStack")[0][:200]


def _words(answer: object) -> str:
    told = getattr(answer, "status_string", None) or ()
    return "; ".join(map(str, told))[:200] or "it does not say why"


def _client() -> ModuleType:
    try:
        import rfc3161_client
    except ImportError:
        raise missing("time stamps", "rfc3161-client", "timestamps") from None
    return rfc3161_client
