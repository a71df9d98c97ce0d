"""What a user of the public API writes. It is never run: `make check` has mypy --strict read it against the package."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import gatekeeper
import gatekeeper.outbound
from gatekeeper import ConfigError, Extensions, GatekeeperError, GatekeeperMiddleware, Policy, context, load_policy
from gatekeeper.signals.cookies import klaro
from gatekeeper.testing import Simulators
from gatekeeper.testing.store import open_memory
from gatekeeper.vendors import http_json, pinterest


async def order(request: Request) -> Response:
    """A view that records a choice and tracks an event."""
    choice: str = gatekeeper.issue_consent(analytics=True, notice_version="2026-11", secure=False)
    try:
        token: str = context.dump()
    except GatekeeperError as error:
        return JSONResponse({"error": str(error)}, 500)
    request_id: str | None = gatekeeper.track("purchase", order_value=149.0, email="jane@example.com")
    return JSONResponse({"id": request_id, "token": token}, headers={"Set-Cookie": choice})


def policies(path: Path) -> Policy:
    """A policy, however it is named."""
    try:
        return load_policy(path, environ={"GA4_API_SECRET": "…"})
    except ConfigError as error:
        problems: list[str] = list(error.problems)
        raise SystemExit("\n".join(problems)) from error


app = Starlette()
app.add_middleware(GatekeeperMiddleware, config="gatekeeper.toml")
wrapped = GatekeeperMiddleware(Starlette(), config=policies(Path("gatekeeper.toml")))

caught: tuple[str, ...] = gatekeeper.outbound.install()
gatekeeper.outbound.uninstall()

with Simulators(only=["ga4"]) as simulators:
    url: str = simulators.ga4.url
    typo = simulators.ga5  # type: ignore[attr-defined]  # a typo is an error; were it none, this comment would be one

EXTENSIONS: Extensions = {"kinds": [http_json], "readers": [klaro], "dialects": [pinterest.DIALECT]}
extended = GatekeeperMiddleware(Starlette(), config="gatekeeper.toml", store=open_memory, **EXTENSIONS)
spelled = GatekeeperMiddleware(Starlette(), "gatekeeper.toml", kinds=[http_json], readers=[klaro])
loaded: Policy = load_policy("gatekeeper.toml", **EXTENSIONS)
working = gatekeeper.start("gatekeeper.toml", dialects=[pinterest.DIALECT])
wrong = load_policy("gatekeeper.toml", kinds=[klaro])  # type: ignore[list-item]  # a cookie format is not a kind
