"""The gate inside a Django project, under WSGI or ASGI. Settings in, a middleware out; no change to views.

INSTALLED_APPS = ["gatekeeper.django", ...]
MIDDLEWARE = ["gatekeeper.django.GatekeeperMiddleware", ...]      # first: before sessions, CSRF and vendors' own
GATEKEEPER = {"config": BASE_DIR / "gatekeeper.toml"}
"""

from gatekeeper.django.middleware import GatekeeperMiddleware

__all__ = ["GatekeeperMiddleware"]
