"""Gatekeeper: a consent gate between an application and every place its tracking data goes.

from gatekeeper import GatekeeperMiddleware
app = GatekeeperMiddleware(app, config="gatekeeper.toml")
"""

import os

if not hasattr(os, "register_at_fork"):
    raise ImportError(
        "Gatekeeper runs on Linux and macOS; on Windows run it in WSL, or as a sidecar on another machine"
    )

from gatekeeper import context
from gatekeeper._version import __version__
from gatekeeper.context import link, track
from gatekeeper.errors import AuditError, ConfigError, DeliveryError, EventError, GatekeeperError, StorageError
from gatekeeper.policy import Extensions, Policy, load_policy
from gatekeeper.runtime import flush, start
from gatekeeper.shells.asgi.issue import issue_consent
from gatekeeper.shells.asgi.middleware import GatekeeperMiddleware
from gatekeeper.shells.consent.markup import page_head, preferences_page

__all__ = [
    "AuditError",
    "ConfigError",
    "DeliveryError",
    "EventError",
    "Extensions",
    "GatekeeperError",
    "GatekeeperMiddleware",
    "Policy",
    "StorageError",
    "__version__",
    "context",
    "flush",
    "issue_consent",
    "link",
    "load_policy",
    "page_head",
    "preferences_page",
    "start",
    "track",
]
