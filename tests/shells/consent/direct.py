"""The endpoint without a server: requests in, answers out, with a clock that tests set."""

import json
from urllib.parse import urlencode

from gatekeeper.gate.choosing import Choosing
from gatekeeper.model import Found
from gatekeeper.shells.consent.endpoint import ConsentEndpoint
from tests.builders import NOW, RING, make_gate, make_policy
from tests.shells.consent.ledger import MemoryLedger
from tests.shells.consent.visitors import rendered

HOST = "www.shop.example"
OWN = {"origin": f"https://{HOST}", "sec-fetch-site": "same-origin"}
PLACES = {"85.10.1.1": Found("DE"), "73.1.2.3": Found("US", "CA"), "81.2.69.142": Found("GB")}


class Answer:
    """What came back."""

    def __init__(self, reply):
        self.status, self.raw, self.headers = reply.status, reply.body, reply.headers
        self.set_cookie = [value.decode() for name, value in reply.headers if name == b"set-cookie"]

    def header(self, name):
        return next((value.decode() for key, value in self.headers if key == name.encode()), None)

    @property
    def json(self):
        return json.loads(self.raw)


class Site:
    """One installation; `now` is its clock, `wait` what its limits say."""

    def __init__(self, **tables):
        self.now, self.wait, self.asked = NOW, None, 0
        tables = {"jurisdiction": {"default": "gdpr"}, "server": {"origins": ["https://app.example"]}, **tables}
        self.use(make_policy(**tables))

    def use(self, policy, ledger=None):
        """Serve by this policy, with the ledger there was."""
        self.gate = make_gate(policy, lookup=lambda address: PLACES.get(str(address)), clock=lambda: self.now)
        self.ledger = ledger or getattr(self, "ledger", None) or MemoryLedger()
        self.gate.choosing = Choosing(policy, RING, self.ledger)
        self.endpoint = ConsentEndpoint(self.gate, self.over)
        return self

    def over(self, caller, size):
        self.asked += 1
        return self.wait

    async def ask(self, method="GET", *, body=b"", query="", client="127.0.0.1", **headers):
        """One request; header names with `_` for `-`."""
        given = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
        pairs = [(name.encode(), value.encode()) for name, value in given.items() if value is not None]
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "scheme": "https", "path": "/gk/consent",
            "query_string": query.encode(), "headers": pairs, "client": (client, 1),
        }  # fmt: skip

        async def read():
            return body

        return Answer(await self.endpoint.reply(scope, tuple(pairs), read))


class Browser:
    """A visitor of a site, with the cookies that were set for them."""

    def __init__(self, site, client="127.0.0.1", **headers):
        self.site, self.client, self.headers, self.jar = site, client, headers, {}

    async def ask(self, method="GET", **more):
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        given = {"cookie": cookies or None, **self.headers, **more}
        answer = await self.site.ask(method, client=self.client, **given)
        for line in answer.set_cookie:
            name, _, value = line.partition(";")[0].partition("=")
            if "Max-Age=0" in line:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value
        return answer

    async def state(self, query="", **headers):
        answer = await self.ask(query=query, sec_fetch_site="same-origin", **headers)
        assert answer.status == 200
        return answer.json

    async def post(self, body, **headers):
        headers = {
            "content_type": "application/json",
            "origin": OWN["origin"],
            "sec_fetch_site": "same-origin",
            **headers,
        }
        return await self.ask("POST", body=body if isinstance(body, bytes) else json.dumps(body).encode(), **headers)

    async def choose(self, state=None, *, headers=None, token=..., shown=None, **more):
        choices = {name: more.pop(name) for name in ("analytics", "marketing") if name in more}
        body = {"choices": choices, **more}
        if state is not None:
            body |= {"token": state["token"], "rendered": shown or rendered(state)}
        if token is not ...:
            body["token"] = token
        return await self.post(body, **(headers or {}))

    async def form(self, fields, **headers):
        html = {"content_type": "application/x-www-form-urlencoded", "accept": "text/html,*/*;q=0.8"}
        return await self.post(urlencode(fields).encode(), **html, **headers)

    async def withdraw(self, query="", **headers):
        return await self.ask("DELETE", query=query, **{"origin": OWN["origin"], **headers})
