"""Dramatiq: the visitor's token in the options of every message that is sent in a visitor's request.

A retry keeps the token of its message, a pipeline hands it to the next one. Async actors work for the visitor, too.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from gatekeeper import context
from gatekeeper.errors import ConfigError
from gatekeeper.integrations.carried import KEY, working_for

try:
    import dramatiq
except ImportError:
    raise ConfigError("dramatiq: is not installed; pip install dramatiq") from None


class CarriedContext(dramatiq.Middleware):
    """The middleware; `install` puts it where pipelines see it."""

    def __init__(self) -> None:
        self._running: dict[str, ExitStack] = {}  # id of a message that is processed -> what is left when it ends

    def before_enqueue(self, broker: dramatiq.Broker, message: Any, delay: int) -> None:
        """Put the visitor on a message that has none: a retry keeps its own."""
        token = None if KEY in message.options else context.stamp()
        if token is not None:
            message.options[KEY] = token

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """Work for the visitor of the message."""
        stack = self._running[message.message_id] = ExitStack()
        stack.enter_context(working_for(message.options.get(KEY)))

    def after_process_message(
        self, broker: dramatiq.Broker, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Work for that visitor no longer."""
        self.after_skip_message(broker, message)

    def after_skip_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """The same for a message that another middleware skipped."""
        if message.message_id in self._running:
            self._running.pop(message.message_id).close()


def install(broker: dramatiq.Broker | None = None) -> None:
    """Take the visitor along in a broker's messages (the global broker's if not given), in senders and workers.

    A second time changes nothing.
    """
    broker = broker or dramatiq.get_broker()
    if any(isinstance(one, CarriedContext) for one in broker.middleware):
        return
    # First before a message, so last after it: what others send then is still for its visitor.
    first = type(broker.middleware[0]) if broker.middleware else None
    broker.add_middleware(CarriedContext(), before=first)
