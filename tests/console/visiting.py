"""A browser without a browser: requests to the console of an app, with its cookie, and the forms of its pages."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from html import unescape
from html.parser import HTMLParser

import httpx

import gatekeeper
from gatekeeper.audit import read, segments
from gatekeeper.console import session as sessions
from gatekeeper.policy.load import parse_policy
from tests.builders import policy_data
from tests.running import shop

TOKENS = {
    "DPO": "dpo-5f0c1b7e9d3a48c2a6e1",
    "READER": "reader-81d2c47b9e5f30a64c",
    "REPORTER": "reporter-3b7f12d8c95e604a",
    "METRICS": "metrics-2f9b84c1d7e6035a",
}
EVERYTHING = ["read", "suppress", "erase", "approve", "report", "deliver"]
ADMINS = [
    {"name": "dpo", "token": {"env": "DPO"}, "may": EVERYTHING},
    {"name": "reader", "token": {"env": "READER"}, "may": ["read"]},
    {"name": "reporter", "token": {"env": "REPORTER"}, "may": ["report"]},
]


DESTINATIONS = {
    "own": {"kind": "first_party", "endpoint": "http://127.0.0.1:9/events"},
    "ads": {
        "kind": "http_json", "purpose": "marketing", "endpoint": "http://127.0.0.1:9/in",
        "fields": ["page_url", "order_value", "email", "phone", "external_id"],
    },
    "errors": {"kind": "sentry", "dsn": "http://public@127.0.0.1:9/42"},
}  # fmt: skip


def make_app(folder, admins=ADMINS, **tables):
    """An app behind the gate, with a console unless `admins` is empty."""
    server = {"admin_token": {"env": "METRICS"}, "admins": admins}
    data = policy_data(
        audit={"path": str(folder / "audit")}, keys={"path": str(folder / "keys")},
        storage={"url": f"sqlite:///{folder}/gatekeeper.db"},
        **({"server": server, "destinations": DESTINATIONS} | tables),
    )  # fmt: skip
    return gatekeeper.GatekeeperMiddleware(shop(), config=parse_policy(data, environ=TOKENS))


class Forms(HTMLParser):
    """The forms of a page: where each goes, and its fields with their values."""

    def __init__(self, html):
        super().__init__()
        self.found, self.selects = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        row = dict(attrs)
        if tag == "form":
            self.found.append((row.get("action", ""), {}))
        elif tag in ("input", "select", "textarea") and self.found and row.get("name"):
            self.found[-1][1][row["name"]] = row.get("value", "")


class Visitor:
    """Somebody in front of the console."""

    def __init__(self, app, scheme="http", host="localhost", prefix="/gk/admin/") -> None:
        self.app, self.scheme, self.host, self.prefix = app, scheme, host, prefix
        self.cookie = None
        self.set_cookies = []

    def ask(self, method, path, form=None, headers=None, raw=None, files=None):
        """One request, answered; a redirect is not followed."""

        async def go():
            transport = httpx.ASGITransport(app=self.app)
            url = f"{self.scheme}://{self.host}"
            async with httpx.AsyncClient(transport=transport, base_url=url) as client:
                given = dict(headers or {})
                if self.cookie is not None:
                    given["cookie"] = f"gatekeeper_console={self.cookie}"
                return await client.request(
                    method, path if path.startswith("/") else self.prefix + path, data=form, headers=given,
                    content=raw, files=files,
                )  # fmt: skip

        answer = asyncio.run(go())
        for line in answer.headers.get_list("set-cookie"):
            self.set_cookies.append(line)
            found = re.match(r"gatekeeper_console=([^;]*)", line)
            self.cookie = (found[1] or None) if found else self.cookie
        return answer

    def get(self, path, **more):
        """A page."""
        return self.ask("GET", path, **more)

    def form(self, path, action=None):
        """The fields of a page's form that goes to `action`: the page's own path, unless it is given."""
        html = self.get(path).text
        wanted = self.prefix + (action or path)
        return next(fields for where, fields in Forms(html).found if unescape(where).partition("?")[0] == wanted)

    def post(self, path, action=None, **fields):
        """Fill in a page's form and send it."""
        given = self.form(path, action) | fields
        return self.ask("POST", action or path, given)

    def log_in(self, who="DPO"):
        """Log in by the form."""
        answer = self.post("login", token=TOKENS.get(who, who))
        assert answer.status_code == 303, answer.text
        return self

    def enter(self, who="DPO"):
        """Come with the cookie of a login: what a shared app's bound on logins would not let every test do."""
        policy, keys = self.app.runtime.policy, self.app.runtime.keys
        session = sessions.begun(who.lower(), os.urandom(16), time.time())
        self.cookie = sessions.written(session, policy.admins, keys)
        return self

    def acts(self):
        """The admin lines of the log."""
        folder = self.app.runtime.policy.audit_folder
        found = [json.loads(raw) for one in read.files(folder) for raw in segments.lines(one)]
        return [one for one in found if one["kind"] == "admin"]
