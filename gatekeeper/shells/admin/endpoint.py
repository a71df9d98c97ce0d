"""`<prefix>/admin/…`: who asks, whether they may, and an act in a thread. Bodies hold identifiers; paths never do.

404 no admin token in the policy · 401 not one of them · 403 its scope does not cover it · 409 a wrong state
422 the body · 429 more than ten a second · 503 the log or the store cannot be written: nothing was done
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from cachetools import TTLCache

from gatekeeper.errors import AuditError, ConfigError, EventError, RightsError, StorageError
from gatekeeper.gate import Gate
from gatekeeper.installation import forks
from gatekeeper.runtime import Runtime
from gatekeeper.shells.admin.acts import ACTS, Act
from gatekeeper.shells.admin.admitted import Rate, beside, office_of, parts_of
from gatekeeper.shells.admin.asked import Asked
from gatekeeper.shells.asgi import Headers, Read, Reply, Scope, problem_reply
from gatekeeper.shells.asgi.caller import bearer
from gatekeeper.signals import header_values

_REPEATED: Final = 86_400.0  # seconds in which a repetition is answered as the first
_STORED: Final = (b"cache-control", b"no-store")
_RETRY: Final = (b"retry-after", b"5")
_SAID: Final = (200, 201, 202)
_log = logging.getLogger("gatekeeper")
_QUOTED: Final = re.compile(r'"[^"]*" ')  # what was given: no answer repeats it
R = TypeVar("R")


class AdminEndpoint:
    """The admin API of one policy."""

    def __init__(self, runtime: Runtime, gate: Gate, prefix: str, rate: Rate, acts: Iterable[Act] = ACTS) -> None:
        self._runtime = runtime
        self._gate = gate
        self._prefix = prefix
        self._acts = tuple(acts)
        self._rate = rate
        self._answers: TTLCache[tuple[str, ...], tuple[bytes, Reply]] = TTLCache(1_000, _REPEATED)
        self._lock = forks.Guard()

    async def reply(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        """The answer; never cached, and of no other origin's page."""
        try:
            answer = await self._reply(scope, headers, read)
        except EventError as error:
            answer = problem_reply(error.status, error.title, field=error.field, detail=error.detail)
        except RightsError as error:
            title = _QUOTED.sub("this ", error.title) if error.status == 422 else error.title
            answer = problem_reply(error.status, title, field=error.field)
        except ConfigError as error:
            answer = problem_reply(422, "the request cannot be done as it is", detail="; ".join(error.problems))
        except (AuditError, StorageError, TimeoutError, OSError) as error:
            what = "the audit log cannot be written" if isinstance(error, AuditError) else "the store does not answer"
            _log.error("admin: %s (%s)", what, type(error).__name__)
            answer = problem_reply(503, f"{what}: nothing was done", headers=(_RETRY,))
        return answer._replace(headers=(*answer.headers, _STORED))

    async def _reply(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        admins = self._gate.policy.admins
        if not admins:
            return problem_reply(404, "there is no such endpoint", detail="the policy has no [[server.admins]]")
        who = next((one for one in admins if bearer(headers, (one.token,))), None)
        if who is None:
            return problem_reply(401, "the bearer token is not known", headers=((b"www-authenticate", b"Bearer"),))
        wait = self._rate.over(who.name, time.monotonic())
        if wait:
            return problem_reply(429, "too many requests", headers=((b"retry-after", b"%d" % wait),))
        path, method = str(scope["path"]).partition(self._prefix)[2], str(scope["method"])
        act, parts = self._find(method, path)
        office = office_of(self._runtime, self._gate, who.name)
        if act.may not in who.may:
            await beside(lambda: office.record(_name(act), result="forbidden"))
            return problem_reply(403, "the token may not do this", detail=f'it needs "{act.may}" in its `may`')
        body = await read()
        asked = Asked(parts, _query(scope, act), _checked(act, body), self._runtime.erasing.erasures)
        key = _key(headers)
        return await self._once(key, who.name, f"{method} {path}", body, lambda: act.do(office, asked))

    def _find(self, method: str, path: str) -> tuple[Act, tuple[str, ...]]:
        """The act of a path, and its variable parts. Raises EventError."""
        there = [(act, parts) for act in self._acts if (parts := parts_of(act.path, path)) is not None]
        if not there:
            raise EventError(404, "there is no such endpoint")
        for act, parts in there:
            if act.method == method:
                return act, parts
        allowed = ", ".join(sorted({act.method for act, _ in there}))
        raise EventError(405, "the method is not one of this endpoint", detail=f"it takes {allowed}")

    async def _once(self, key: str | None, who: str, what: str, body: bytes, act: Callable[[], Reply]) -> Reply:
        """Do an act; a repetition with the same `Idempotency-Key` in this process is answered as the first was."""
        if key is None:
            return await beside(act)
        name, digest = (who, what, key), hashlib.sha256(body).digest()
        with self._lock:
            before = self._answers.get(name)
        if before is not None:
            if before[0] != digest:
                raise EventError(422, "the Idempotency-Key was used for another request")
            return before[1]
        made = await beside(act)
        if made.status in _SAID:
            with self._lock:
                self._answers[name] = digest, made
        return made


def _query(scope: Scope, act: Act) -> dict[str, str]:
    """The parameters of the query. Raises EventError for one that an act does not take: identifiers stand in bodies."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(bytes(scope.get("query_string", b"")).decode("latin-1"), keep_blank_values=True):
        if name not in act.parameters or name in found:
            detail = "identifiers stand in the body, never in an address"
            raise EventError(422, "the query has a parameter that is not one of this endpoint", detail=detail)
        found[name] = value
    return found


def _checked(act: Act, body: bytes) -> Any:
    """The body as its type. Raises EventError; no message repeats a value."""
    if act.body is None:
        if body.strip():
            raise EventError(422, "this endpoint takes no body")
        return None
    try:
        return msgspec.json.decode(body, type=act.body)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise EventError(422, _plain(what), field=where.strip("`.") or None) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise EventError(400, "the body is not JSON") from None


def _plain(what: str) -> str:
    """What is wrong with a body, without anything of it: an unknown key could be an identifier."""
    return "has a key that is not known" if "unknown field" in what else what.replace("`", "'").lower()


def _key(headers: Headers) -> str | None:
    values = header_values(headers, b"idempotency-key")
    if not values:
        return None
    text = values[0].decode("latin-1")
    if len(values) > 1 or not 0 < len(text) <= 128 or not text.isprintable():
        raise EventError(400, "the Idempotency-Key is not valid")
    return text


def _name(act: Act) -> str:
    return f"{act.method} {act.path}"
