"""A gate on a machine of its own: several of them share a database, an archive, and the keys for visitors."""

import contextlib
import uuid

import orjson
from typer.testing import CliRunner

from gatekeeper.cli import app
from gatekeeper.errors import DeliveryError, StorageError
from gatekeeper.gate import incoming
from gatekeeper.model import Caller
from gatekeeper.runtime import Runtime
from tests.rights.people import YES, cookie
from tests.storage.builders import wait

KEYS = {"GATEKEEPER_SIGNING_KEYS": f"s1:{(b's' * 32).hex()}", "GATEKEEPER_PSEUDONYM_KEYS": f"p1:{'cd' * 32}"}
POLICY = """
[policy]
version = "1"
controller = "Shop GmbH"

[jurisdiction]
default = "gdpr"

[storage]
url = "{url}"
copies = 1

[audit]
path = "audit"
{archive}

[keys]
path = "keys"

[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:9/events"
fields = ["page_url", "user_id", "client_id"]

{more}
"""


def archive(objects, every):
    """The policy's archive, in fresh buckets of a store; a segment goes there after `every`."""
    locked, plain = objects.fresh()
    return (
        f'archive = "s3://{locked}/gk"\narchive_references = "s3://{plain}/gk"\n'
        f'archive_endpoint = "{objects.url}"\narchive_every = "{every}"'
    )


class Gate:
    """One, in a folder of its own; `more` is added to its policy."""

    def __init__(self, folder, url, archive, more="") -> None:
        folder.mkdir()
        self.folder, self.config = folder, folder / "gatekeeper.toml"
        self.config.write_text(POLICY.format(url=url, archive=archive, more=more))
        self.runtime = self.made()
        self.runtime.start()

    def made(self):
        """A new runtime by the same policy."""
        return Runtime(self.config)

    def send(self, user):
        """One event of a person, accepted; its request id. Repeated, as a sender does, where the gate had no lease."""
        event = {"event": "page_view", "event_id": uuid.uuid4().hex, "consent": YES}
        event["data"] = {"page_url": "https://shop.example/", "user_id": user}
        who = Caller(headers=cookie("analytics", "marketing"))
        accepted = []

        def sent():
            with contextlib.suppress(DeliveryError, StorageError):
                accepted[:] = self.runtime.gate.take(incoming.parse(orjson.dumps(event)), who)[1].result(10).request_ids
                self.runtime.store.books.try_again().result(10)
                return True
            return False

        wait(sent, 60)
        (request_id,) = accepted
        return request_id

    def command(self, *words, code=0):
        """What a command prints."""
        found = CliRunner().invoke(app, [*words, "-c", str(self.config)])
        assert found.exit_code == code, (found.output, found.exception)
        return found.stdout
