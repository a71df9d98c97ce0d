"""What S3 is asked, word by word, and what its answers are taken for; `tests/storage/test_s3.py` has a server."""

from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError

from gatekeeper.audit.shared.objects import Stored
from gatekeeper.audit.shared.s3 import S3
from gatekeeper.errors import AuditError

AT = datetime(2026, 11, 24, tzinfo=UTC)


def refused(code):
    return ClientError({"Error": {"Code": code}}, "x")


class Client:
    """Takes down what it is asked; answers or fails as it is told."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __getattr__(self, name):
        def ask(*words, **more):
            self.asked.append((name, *words, more))
            answer = self.answers.get(name, {})
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


class Pages(list):
    """The pages of a listing."""

    def paginate(self, **more):
        self.given = more
        return self


@pytest.fixture
def made(monkeypatch):
    """A bucket whose client is this one, and how the client was made."""

    def make(client, address="s3://bucket/a/b", endpoint=None):
        how = {}

        class Session:
            def client(self, name, **more):
                how.update(more, name=name)
                return client

        monkeypatch.setattr(boto3.session, "Session", Session)
        return S3(address, endpoint), how

    return make


@pytest.mark.parametrize(("endpoint", "style"), [(None, {}), ("http://127.0.0.1:9", {"addressing_style": "path"})])
def test_a_client_waits_shortly_and_tries_twice(made, endpoint, style):
    """It is made once; a store of one's own has its buckets in the path."""
    client = Client(get_paginator=Pages())
    bucket, how = made(client, endpoint=endpoint)
    assert bucket.list() == {} and how["name"] == "s3" and how["endpoint_url"] == endpoint
    config = how["config"]
    assert (config.connect_timeout, config.read_timeout, config.retries) == (3.0, 20.0, {"total_max_attempts": 2})
    assert config.s3 == style
    how.clear()
    assert bucket.list() == {} and how == {}


def version(key, tag, second=0, name="null"):
    return {"Key": key, "ETag": f'"{tag}"', "LastModified": AT.replace(second=second), "VersionId": name}


def test_a_listing_has_the_first_version_of_each_object(made):
    """By its key behind the prefix; the newest comes first in the answer."""
    pages = Pages([{"Versions": [version("a/b/x", "2", 9, "v2"), version("a/b/x", "1", 3, "v1")]}, {},
                   {"Versions": [version("a/b/y/z", "3"), version("a/b/x", "0", 3, "v0")]}])  # fmt: skip
    bucket, _ = made(Client(get_paginator=pages))
    at = AT.timestamp()
    assert bucket.list("x") == {"x": Stored("0", at + 3, "v0"), "y/z": Stored("3", at, None)}
    assert pages.given == {"Bucket": "bucket", "Prefix": "a/b/x"}


@pytest.mark.parametrize(
    ("address", "key"),
    [("s3://bucket", "k"), ("s3://bucket/", "k"), ("s3://bucket/p/", "p/k"), ("s3://bucket/X/", "X/k")],
)
def test_an_object_is_got_and_put_by_its_key(made, address, key):
    """Of one with versions the one that is wanted; put with a checksum, as a lock wants it."""

    class Body:
        def read(self):
            return b"data"

    client = Client(get_object={"Body": Body()})
    bucket, _ = made(client, address)
    assert bucket.get("k") == b"data" == bucket.get("k", "v1")
    bucket.put("k", b"new")
    where = {"Bucket": "bucket", "Key": key}
    put = where | {"Body": b"new", "ChecksumAlgorithm": "SHA256"}
    assert client.asked == [
        ("get_object", where), ("get_object", where | {"VersionId": "v1"}), ("put_object", put),
    ]  # fmt: skip


def test_an_object_is_put_once_and_locked_until_a_time(made):
    """If there is none; of two at once one comes late."""
    client = Client()
    bucket, _ = made(client)
    assert bucket.put_once("k", b"x", AT.timestamp()) is True
    assert client.asked == [(
        "put_object",
        {"Bucket": "bucket", "Key": "a/b/k", "Body": b"x", "ChecksumAlgorithm": "SHA256", "IfNoneMatch": "*",
         "ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": AT},
    )]  # fmt: skip
    for code in ("PreconditionFailed", "ConditionalRequestConflict"):
        bucket, _ = made(Client(put_object=refused(code)))
        assert bucket.put_once("k", b"x", 0.0) is False
    bucket, _ = made(Client(put_object=refused("SlowDown")))
    with pytest.raises(AuditError, match=r"^the archive bucket: too many requests$"):
        bucket.put_once("k", b"x", 0.0)


def lock(state):
    return {"ObjectLockConfiguration": {} if state is None else {"ObjectLockEnabled": state}}


NO_LOCK = "^the archive bucket: the bucket was made without Object Lock; make another one$"
VERSIONS = "^the archive bucket: the bucket keeps versions: nothing is deleted there; make another one$"
CHECKS = {
    "locked": (True, "Enabled", lock("Enabled"), None),
    "not-locked": (True, "Enabled", lock(None), NO_LOCK),
    "lock-is-off": (True, None, lock("Disabled"), NO_LOCK),
    "never-had-a-lock": (True, None, refused("ObjectLockConfigurationNotFoundError"), NO_LOCK),
    "cannot-be-asked": (True, None, refused("AccessDenied"), "^the archive bucket: access is denied; this role may"),
    "plain": (False, None, lock(None), None),
    "versions-are-off": (False, "Suspended", lock(None), None),
    "keeps-versions": (False, "Enabled", lock(None), VERSIONS),
}  # fmt: skip


@pytest.mark.parametrize(("locked", "versions", "answer", "said"), CHECKS.values(), ids=CHECKS)
def test_a_bucket_is_looked_at(made, locked, versions, answer, said):
    """Heads want a lock; of references nothing may be kept."""
    state = {} if versions is None else {"Status": versions}
    client = Client(get_paginator=Pages(), get_bucket_versioning=state, get_object_lock_configuration=answer)
    bucket, _ = made(client)
    if said is None:
        bucket.check(locked=locked)
    else:
        with pytest.raises(AuditError, match=said):
            bucket.check(locked=locked)
    asked = [one for one in client.asked if one[0] != "get_paginator"]
    assert (
        asked
        == [("get_bucket_versioning", {"Bucket": "bucket"})]
        + [("get_object_lock_configuration", {"Bucket": "bucket"})] * locked
    )
    assert client.asked[0] == ("get_paginator", "list_object_versions", {})
    assert client.answers["get_paginator"].given == {"Bucket": "bucket", "Prefix": "a/b/-"}


FAULTS = {
    "known": (refused("NoSuchBucket"), "there is no such bucket"),
    "of-another-region": (refused("301"), "is in another region; set AWS_REGION to the bucket's"),
    "unknown": (refused("Teapot"), "the answer is Teapot"),
    "nameless": (ClientError({}, "x"), "the answer is "),
    "silent": (
        ConnectTimeoutError(endpoint_url="x"), "it does not answer; see audit.archive_endpoint and the network",
    ),
    "away": (
        EndpointConnectionError(endpoint_url="x"), "it does not answer; see audit.archive_endpoint and the network",
    ),
    "no-credentials": (NoCredentialsError(), "it cannot be asked (NoCredentialsError)"),
    "broken-off": (OSError(5, "secret"), "it cannot be asked (OSError)"),
    "nonsense": (ValueError("secret"), "it cannot be asked (ValueError)"),
}  # fmt: skip


@pytest.mark.parametrize(("error", "said"), FAULTS.values(), ids=FAULTS)
def test_what_goes_wrong_is_told_with_its_remedy(made, error, said):
    """And with nothing of the answer that is not known."""
    bucket, _ = made(Client(get_object=error))
    with pytest.raises(AuditError) as caught:
        bucket.get("k")
    assert str(caught.value) == f"the archive bucket: {said}"


def test_without_the_extra_one_sentence_names_it(made, monkeypatch):
    """With how to install it."""
    import sys

    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    with pytest.raises(Exception, match=r"^audit\.archive: needs boto3.*gatekeeper-consent\[s3\]"):
        S3("s3://bucket").get("k")
