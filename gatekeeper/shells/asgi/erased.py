"""`POST <prefix>/erased/<id>/<destination>`: an endpoint of the operator's says how far a deletion is."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from gatekeeper.errors import AuditError, RightsError, StorageError
from gatekeeper.installation.forks import work
from gatekeeper.rights.callback import called_back
from gatekeeper.runtime import Runtime
from gatekeeper.shells.asgi import Headers, Read, Reply, Scope, json_reply, problem_reply
from gatekeeper.shells.asgi.relay import RETRY_AFTER
from gatekeeper.signals import header_values
from gatekeeper.vendors.deletion.endpoint import HEADER

PATH: Final = "/erased/"
_HEADER: Final = HEADER.lower().encode()
_LONGEST: Final = 64 * 2**10  # bytes of such a message


async def reply(runtime: Runtime, path: str, scope: Scope, headers: Headers, read: Read) -> Reply:
    """The answer; `path` is what stands behind the prefix."""
    if scope["method"] != "POST":
        return problem_reply(405, "what became of a deletion is posted", headers=((b"allow", b"POST"),))
    erasure, _, destination = path.removeprefix(PATH).partition("/")
    signature = header_values(headers, _HEADER)
    body = await read()
    if len(body) > _LONGEST:
        return problem_reply(413, "the message is too large")
    said = signature[0].decode("latin-1") if len(signature) == 1 else ""
    do = work(partial(called_back, runtime.erasing.erasures, erasure, destination, body, said))
    try:
        found = await asyncio.get_running_loop().run_in_executor(None, do)
    except RightsError as error:
        return problem_reply(error.status, error.title, field=error.field)
    except (AuditError, StorageError) as error:
        return problem_reply(503, str(error), headers=(RETRY_AFTER,))
    return json_reply(200, {"erasure": erasure, "state": found["state"]})
