"""Visitors of a running gate: what a browser's pages ask of `/gk/consent`, and the cookies it keeps."""

import hashlib
import json
from base64 import urlsafe_b64encode

import httpx

SAME = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}


def words(state):
    """What a banner puts on the page, in the order of the contract: as docs/consent.md tells authors of banners."""
    notice = state["notice"]
    found = [notice["version"], notice["language"], notice["scope"], notice["url"] or "", *notice["texts"].values()]
    for purpose in state["purposes"]:
        found += [purpose["title"], purpose["text"]]
        for one in purpose["recipients"]:
            found += [one["name"], *filter(None, (one[key] for key in ("company", "country", "policy", "retention")))]
    return found


def rendered(state):
    """The hash of the words, as a banner's script works it out."""
    text = json.dumps(words(state), ensure_ascii=False, separators=(",", ":"))
    return "sha256-" + urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class Visitor:
    """One browser with cookies of its own, on one page of the site."""

    def __init__(self, url, **headers):
        self.origin = url
        self.http = httpx.Client(trust_env=False, base_url=url, headers={**SAME, **headers}, timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.http.close()

    def state(self, **query):
        answer = self.http.get("/gk/consent", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def body(self, state=None, **more):
        """A choice as a banner posts it; purposes and fields by name."""
        choices = {name: more.pop(name) for name in ("analytics", "marketing") if name in more}
        if state is not None:
            more = {"token": state["token"], "rendered": rendered(state), **more}
        return {"choices": choices, "method": "save", "surface": "banner", **more}

    def choose(self, state=None, *, headers=None, **more):
        return self.http.post(
            "/gk/consent", json=self.body(state, **more), headers={"origin": self.origin, **(headers or {})}
        )

    def withdraw(self, *purposes, headers=None):
        return self.http.delete(
            "/gk/consent",
            params=[("purpose", one) for one in purposes],
            headers={"origin": self.origin, **(headers or {})},
        )

    @property
    def cookies(self):
        return {cookie.name: cookie.value for cookie in self.http.cookies.jar}
