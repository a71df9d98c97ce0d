"""S3, and what speaks like it, by boto3, whose own settings say who you are. Needs the extra `s3`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from gatekeeper.audit.shared.objects import Stored
from gatekeeper.errors import AuditError, missing

R = TypeVar("R")
CONNECT: Final = 3.0  # seconds
READ: Final = 20.0  # seconds without a byte
_THERE: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
_REGION: Final = "is in another region; set AWS_REGION to the bucket's"
_KNOWN: Final = {
    "AccessDenied": "access is denied; this role may list, get and put objects, and put their retention",
    "AllAccessDisabled": "access is denied; see the bucket's settings",
    "InvalidAccessKeyId": "the access key is not known; see AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret key is wrong; see AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "the credentials have expired",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "NoSuchBucket": "there is no such bucket",
    "PermanentRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "301": _REGION,
    "InvalidRequest": "the request is refused; was the bucket made with Object Lock?",
    "SlowDown": "too many requests",
    "403": "access is denied",
    "404": "it is not there",
}


class S3:
    """See `Objects`. The client is made with the first use; it is one process's."""

    def __init__(self, address: str, endpoint: str | None = None) -> None:
        parts = urlsplit(address)
        self._bucket, prefix = parts.netloc, parts.path.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._endpoint = endpoint
        self._made: Any = None

    def check(self, *, locked: bool) -> None:
        """Look at the bucket's settings: whether it has Object Lock, or keeps versions."""
        self.list("-")
        versions = self._ask(lambda: self._client().get_bucket_versioning(Bucket=self._bucket)).get("Status")
        if locked and not self._ask(self._has_lock):
            raise AuditError(f"the archive {self._bucket}: the bucket was made without Object Lock; make another one")
        if not locked and versions == "Enabled":
            raise AuditError(
                f"the archive {self._bucket}: the bucket keeps versions: nothing is deleted there; make another one"
            )

    def _has_lock(self) -> bool:
        from botocore.exceptions import ClientError

        try:
            found = self._client().get_object_lock_configuration(Bucket=self._bucket)
        except ClientError as error:
            if _code(error) == "ObjectLockConfigurationNotFoundError":
                return False
            raise
        return bool(found["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled")

    def list(self, prefix: str = "") -> dict[str, Stored]:
        """Every object whose key begins so; of one with versions the first."""
        found: dict[str, Stored] = {}

        def ask() -> None:
            pages = self._client().get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix):
                for one in page.get("Versions", ()):
                    key, changed = one["Key"][len(self._prefix) :], one["LastModified"].timestamp()
                    version = None if one["VersionId"] == "null" else one["VersionId"]
                    if key not in found or changed <= found[key].changed:  # the newest comes first
                        found[key] = Stored(one["ETag"].strip('"'), changed, version)

        self._ask(ask)
        return found

    def get(self, key: str, version: str | None = None) -> bytes:
        """The content of an object."""
        more = {} if version is None else {"VersionId": version}
        ask: Callable[[], bytes] = lambda: (  # noqa: E731  # typed
            self._client().get_object(Bucket=self._bucket, Key=self._prefix + key, **more)["Body"].read()
        )
        return self._ask(ask)

    def put(self, key: str, data: bytes) -> None:
        """Put an object, in the place of an older one."""
        self._ask(lambda: self._put(key, data))

    def put_once(self, key: str, data: bytes, until: float) -> bool:
        """Put an object that is locked until a time, if there is none."""
        from botocore.exceptions import ClientError

        def ask() -> bool:
            try:
                self._put(
                    key, data, IfNoneMatch="*", ObjectLockMode="COMPLIANCE",
                    ObjectLockRetainUntilDate=datetime.fromtimestamp(until, UTC),
                )  # fmt: skip
            except ClientError as error:
                if _code(error) in _THERE:
                    return False
                raise
            return True

        return self._ask(ask)

    def _put(self, key: str, data: bytes, **more: Any) -> None:
        # Object Lock asks for a checksum in a header.
        self._client().put_object(
            Bucket=self._bucket, Key=self._prefix + key, Body=data, ChecksumAlgorithm="SHA256", **more
        )

    def _client(self) -> Any:
        if self._made is None:
            import boto3
            from botocore.config import Config

            how: dict[str, Any] = {} if self._endpoint is None else {"addressing_style": "path"}
            config = Config(connect_timeout=CONNECT, read_timeout=READ, retries={"total_max_attempts": 2}, s3=how)
            self._made = boto3.session.Session().client("s3", endpoint_url=self._endpoint, config=config)
        return self._made

    def _ask(self, ask: Callable[[], R]) -> R:
        try:
            from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
            from botocore.exceptions import ConnectionError as NoConnectionError
        except ImportError:
            raise missing("audit.archive", "boto3", "s3") from None
        try:
            return ask()
        except ClientError as error:
            code = _code(error)
            why = _KNOWN.get(code, f"the answer is {code}")
        except (HTTPClientError, NoConnectionError):
            why = "it does not answer; see audit.archive_endpoint and the network"
        except (BotoCoreError, OSError, ValueError) as error:
            why = f"it cannot be asked ({type(error).__name__})"
        raise AuditError(f"the archive {self._bucket}: {why}")


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
