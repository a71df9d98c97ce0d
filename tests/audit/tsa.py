"""A time-stamping authority on loopback (RFC 3161, CMS of RFC 5652), with a certificate authority of its own.

Its tokens are written with a DER encoder of a few lines: what checks them shares none of it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from rfc3161_client._rust import parse_timestamp_request

from gatekeeper.model import Answer
from tests.answering import answering
from tests.builders import NOW

AT = datetime.fromtimestamp(int(NOW), UTC)
YEAR = timedelta(days=365)


def der(tag: int, *parts: bytes) -> bytes:
    """One element: its tag, its length, and what is in it."""
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    digits = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(digits)]) + digits + body


def oid(text: str) -> bytes:
    """An object identifier."""
    first, second, *rest = map(int, text.split("."))
    out = bytes([first * 40 + second])
    for part in rest:
        digits = [part & 0x7F]
        while part := part >> 7:
            digits.append(0x80 | part & 0x7F)
        out += bytes(reversed(digits))
    return der(0x06, out)


def integer(n: int) -> bytes:
    """A number, not negative."""
    return der(0x02, n.to_bytes(n.bit_length() // 8 + 1))


SHA256 = der(0x30, oid("2.16.840.1.101.3.4.2.1"), der(0x05))
TST_INFO = oid("1.2.840.113549.1.9.16.1.4")


def name(text: str) -> x509.Name:
    """A distinguished name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Tsa:
    """Keys, certificates, and answers. `key` is `rsa` or `ec`; without `stamping` the certificate has another use."""

    def __init__(
        self, *, key: str = "rsa", stamping: bool = True, since: datetime = AT - YEAR, until: datetime = AT + YEAR
    ) -> None:
        self._ca, self._key = made(key), made(key)
        self.root = certificate(name("Root"), self._ca, name("Root"), self._ca, since, until, None)
        use = ExtendedKeyUsageOID.TIME_STAMPING if stamping else ExtendedKeyUsageOID.CODE_SIGNING
        self.leaf = certificate(name("Stamps"), self._key, name("Root"), self._ca, since, until, use)
        self.at = AT
        self.status = 0
        self.asked = 0

    def pem(self) -> bytes:
        """What is believed."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def answer(self, query: bytes) -> bytes:
        """The answer to a request."""
        self.asked += 1
        request = parse_timestamp_request(query)
        if self.status:
            return der(0x30, der(0x30, integer(self.status), der(0x30, der(0x0C, b"not today"))))
        return der(0x30, der(0x30, integer(0)), self.token(request.message_imprint.message, request.nonce))

    def of(self, line: bytes, *, nonce: int | None = 7) -> bytes:
        """The answer to a line's hash."""
        return der(0x30, der(0x30, integer(0)), self.token(hashlib.sha256(line).digest(), nonce))

    def token(self, digest: bytes, nonce: int | None) -> bytes:
        """A token over a hash: SignedData with the TSTInfo, one signer and its certificate."""
        at = der(0x18, f"{self.at:%Y%m%d%H%M%S}Z".encode())
        imprint = der(0x30, SHA256, der(0x04, digest))
        number = b"" if nonce is None else integer(nonce)
        info = der(0x30, integer(1), oid("1.3.6.1.4.1.4146.2.3"), imprint, integer(4711), at, number)
        cert = self.leaf.public_bytes(serialization.Encoding.DER)
        which = der(0x30, der(0x30, der(0x30, der(0x04, hashlib.sha256(cert).digest()))))
        attributes = sorted((
            attribute("1.2.840.113549.1.9.3", TST_INFO),
            attribute("1.2.840.113549.1.9.4", der(0x04, hashlib.sha256(info).digest())),
            attribute("1.2.840.113549.1.9.16.2.47", which),
        ))  # fmt: skip
        issuer = der(0x30, self.leaf.issuer.public_bytes(), integer(self.leaf.serial_number))
        signer = der(
            0x30, integer(1), issuer, SHA256, der(0xA0, *attributes), self._algorithm(),
            der(0x04, self._sign(der(0x31, *attributes))),
        )  # fmt: skip
        signed = der(
            0x30, integer(3), der(0x31, SHA256), der(0x30, TST_INFO, der(0xA0, der(0x04, info))), der(0xA0, cert),
            der(0x31, signer),
        )  # fmt: skip
        return der(0x30, oid("1.2.840.113549.1.7.2"), der(0xA0, signed))

    def _algorithm(self) -> bytes:
        if isinstance(self._key, rsa.RSAPrivateKey):
            return der(0x30, oid("1.2.840.113549.1.1.11"), der(0x05))
        return der(0x30, oid("1.2.840.10045.4.3.2"))

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """Its address."""
        kind = (("Content-Type", "application/timestamp-reply"),)
        with answering(lambda call: Answer(200, kind, self.answer(call.body))) as url:
            yield f"{url}/tsr"

    def policy(self, folder: Path, url: str) -> str:
        """The table of a policy in `folder`, which believes it."""
        (folder / "roots.pem").write_bytes(self.pem())
        return f'[audit.anchors]\nauthority = "{url}"\nroots = "roots.pem"\n'


def made(key: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """A private key."""
    return rsa.generate_private_key(65_537, 2048) if key == "rsa" else ec.generate_private_key(ec.SECP256R1())


def attribute(which: str, value: bytes) -> bytes:
    """A signed attribute with one value."""
    return der(0x30, oid(which), der(0x31, value))


def certificate(
    subject: x509.Name, key: object, issuer: x509.Name, by: object, since: datetime, until: datetime, use: object
) -> x509.Certificate:
    """A certificate; without a `use`, an authority's own."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=use is None, path_length=None), critical=True)
    )
    if use is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=True)
    return builder.sign(by, hashes.SHA256())
