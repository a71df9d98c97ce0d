"""The deletion interfaces of all vendors on one port: Google, Meta, Amplitude, Mixpanel, PostHog, Matomo and others.

Each checks a request as its vendor documents it and answers 400 to what the vendor would refuse. A filter that is
empty is refused everywhere, also where the vendor itself would delete everybody. What was asked is remembered: the
first look says that a job is under way, later ones that it is done. `unknown` are identifiers that no vendor knows,
`never` those whose job never ends. The sources are those of `gatekeeper/vendors/deletion/`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from gatekeeper.model import Answer
from gatekeeper.testing.deletions import (
    amplitude,
    endpoint,
    ga4,
    google,
    matomo,
    meta,
    mixpanel,
    posthog,
    rudderstack,
    segment,
)
from gatekeeper.testing.deletions.rules import Check, Jobs, Reply, Routes
from gatekeeper.testing.received import Problem, Received
from gatekeeper.testing.vendor import Object, Report, reply

KIND: Final = "deletions"
_VENDORS: Final = (ga4, meta, google, amplitude, mixpanel, posthog, matomo, segment, rudderstack, endpoint)
ROUTES: Final[Routes] = {pattern: route for vendor in _VENDORS for pattern, route in vendor.ROUTES.items()}


class Deletions:
    """One such port; see `gatekeeper.testing.vendor.Vendor`. With a `secret` it checks signatures to own endpoints."""

    KIND = KIND

    def __init__(self, secret: str | None = None) -> None:
        self._jobs = Jobs(secret)

    @property
    def asked(self) -> dict[str, dict[str, Any]]:
        """A job's number -> what it is about."""
        return self._jobs.asked

    def check(self, received: Received) -> tuple[Problem, ...]:
        """The documented rules of the interface that was called."""
        found = _route(received)
        report = Report("vendors' documentation of deletion")
        if found is None:
            report.error("path", "not a deletion interface")
        else:
            found[0](received, report)
            if found[0] is endpoint.check and self._jobs.secret is not None:
                endpoint.check_signature(received, report, self._jobs.secret)
        return tuple(report.problems)

    def events(self, received: Received) -> tuple[Object, ...]:
        """The body, as one object."""
        body = received.json
        return (body,) if isinstance(body, dict) else ()

    def answer(self, received: Received, problems: tuple[Problem, ...]) -> Answer:
        """The vendor's own answer."""
        found = _route(received)
        if found is None:
            return Answer(404)
        if problems:
            return reply(400, {"error": [problem.rule for problem in problems]})
        return found[1](self._jobs, received)


def fresh() -> Deletions:
    """Another port, which remembers nothing."""
    return Deletions()


def check(received: Received) -> tuple[Problem, ...]:
    """The documented rules of the interface that was called."""
    return Deletions().check(received)


def events(received: Received) -> tuple[Object, ...]:
    """The body, as one object."""
    return Deletions().events(received)


def answer(received: Received, problems: tuple[Problem, ...]) -> Answer:
    """The vendor's own answer, of a port that remembers nothing."""
    return Deletions().answer(received, problems)


def _route(received: Received) -> tuple[Check, Reply] | None:
    asked = f"{received.method} {received.path}"
    return next((route for pattern, route in ROUTES.items() if re.fullmatch(pattern, asked)), None)
