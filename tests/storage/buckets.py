"""An object store for tests: moto's server, which stands in for S3. It does versions, Object Lock and conditions.

What it does not do: it checks no signature and no permission, and is not slow. `test_s3.py` has peers that answer so.
"""

from __future__ import annotations

import logging
import uuid
from contextlib import contextmanager

import boto3

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1"}


class Store:
    """The server; `fresh` makes the two buckets of an archive."""

    def __init__(self, url) -> None:
        self.url = url
        self.made = ()  # the last two
        self.client = boto3.client(
            "s3", endpoint_url=url, region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
        )

    def fresh(self):
        """Names of a bucket with Object Lock, and of one without."""
        name = f"log-{uuid.uuid4().hex[:12]}"
        where = {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}
        self.client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, **where)
        self.client.create_bucket(Bucket=f"{name}-refs", **where)
        self.made = (name, f"{name}-refs")
        return self.made


@contextmanager
def store():
    """The server, until the block ends."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Store(f"http://{host}:{port}")
    finally:
        server.stop()
