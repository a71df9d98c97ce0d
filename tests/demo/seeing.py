"""Ways through the console of a demo, for tests in a browser and for pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gatekeeper.demo import history
from gatekeeper.demo.crowd import visitors
from gatekeeper.demo.stage import stage

expect = pytest.importorskip("playwright.sync_api").expect


@contextmanager
def past(folder, minutes) -> Iterator:
    """A demo with a past, and somebody who bought something in it."""
    seen = []

    def noted(*given):
        steps = visitors(*given)
        seen.extend(step.visitor for step in steps if step.event == "purchase")
        return steps

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "visitors", noted)
        with stage(folder, minutes=minutes) as up:
            yield up, seen[-1]


def log_in(page, up):
    """With the token that the demo prints."""
    page.goto(up.console)
    page.get_by_label("Admin token").fill(up.token)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/gk/admin/now")


def look(page, up, who):
    """Go to a person's page."""
    page.goto(f"{up.console}people")
    page.get_by_label("Kind").first.select_option("email")
    page.get_by_label("Value").first.fill("jane@example.org" if who is None else who.email)
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_role("heading", name="The story")).to_be_visible()
    page.wait_for_load_state()


def explain(page, up, who):
    """Have an event explained."""
    page.goto(f"{up.console}policy/explain")
    page.get_by_label("Where the visitor is").fill("DE")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("heading", name="Ask again")).to_be_visible()


def compare(page, up, who):
    """Have the log decided by another policy: one without TikTok."""
    text = up.policy_path.read_text("utf-8")
    other = re.sub(r"\[destinations\.tiktok\].*?(?=\n\[)", "", text, flags=re.DOTALL)
    page.goto(f"{up.console}policy")
    file = {"name": "next.toml", "mimeType": "application/toml", "buffer": other.encode()}
    page.get_by_label("Another policy, as a file").set_input_files(file)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("decided by another policy")
    page.wait_for_load_state()


def at(path):
    """Go to an address."""

    def go(page, up, who):
        page.goto(f"{up.console}{path}")

    return go
