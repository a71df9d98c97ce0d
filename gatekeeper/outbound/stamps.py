"""Whose event it is, written on it when it is queued: SDKs that send from a thread of their own, in batches.

Segment, PostHog, RudderStack and Sentry hand an event to a thread that knows no visitor. So `gatekeeper.context.dump()`
is put on the event at once, under a key of `native.dialect.STAMP_KEYS`; each element of a batch is then judged by its
own stamp, and no stamp is ever sent. An event without one is an unknown visitor's. An event for a host whose calls are
not judged here gets none: nothing would take it off again.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Callable
from typing import Any, Final

from gatekeeper import context
from gatekeeper.outbound.intercept import judges
from gatekeeper.outbound.patched import Patched

KEY: Final = "gatekeeper_context"
_log = logging.getLogger("gatekeeper")
_patched = Patched()


def install() -> None:
    """Mark the events of every SDK that is there."""
    for module, one in _SDKS.items():
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            continue
        try:
            one(importlib.import_module(module))
        except (ImportError, AttributeError) as error:  # another version: unmarked, so an unknown visitor
            _log.warning("events of %s cannot be marked with their visitor (%s)", module, type(error).__name__)


def uninstall() -> None:
    """Leave the SDKs as they were."""
    _patched.restore()
    if importlib.util.find_spec("sentry_sdk") is not None:
        scope = importlib.import_module("sentry_sdk.scope")
        if _sentry_event in scope.global_event_processors:
            scope.global_event_processors.remove(_sentry_event)


def _queue(host: str, path: str) -> Callable[[Any], None]:
    """For clients with `_enqueue(message, …)`. They send to `path` at `host` if they are given no other."""

    def install(sdk: Any) -> None:
        _patched.replace(sdk.Client, "_enqueue", marking)

    def marking(original: Any) -> Any:
        def _enqueue(self: Any, message: Any, *args: Any, **options: Any) -> Any:
            there = (getattr(self, "host", None) or host).rstrip("/") + path
            token = context.stamp() if judges(there) else None
            if token is not None and isinstance(message, dict):
                message[KEY] = token
            return original(self, message, *args, **options)

        return _enqueue

    return install


def _sentry(sdk: Any) -> None:
    """sentry-sdk: an event processor, which runs where the event is captured."""
    if _sentry_event not in sdk.global_event_processors:
        sdk.add_global_event_processor(_sentry_event)


def _sentry_address() -> str:
    """Where the current client sends its envelopes; empty where it sends nothing."""
    client = importlib.import_module("sentry_sdk").get_client()
    dsn = client.options.get("dsn")
    if not dsn:
        return ""
    parsed = importlib.import_module("sentry_sdk.utils").Dsn(dsn)
    return f"{parsed.scheme}://{parsed.netloc}{parsed.path}api/{parsed.project_id}/envelope/"


def _sentry_event(event: Any, hint: Any) -> Any:
    token = context.stamp() if judges(_sentry_address()) else None
    if token is not None:
        # Sentry's contexts are objects, not texts.
        event.setdefault("contexts", {})[KEY] = {"token": token}
    return event


_SDKS: Final[dict[str, Callable[[Any], None]]] = {
    "segment.analytics.client": _queue("https://api.segment.io", "/v1/batch"),
    "rudderstack.analytics.client": _queue("https://api.rudderstack.com", "/v1/batch"),
    "posthog.client": _queue("https://us.i.posthog.com", "/batch/"),
    "sentry_sdk.scope": _sentry,
}
