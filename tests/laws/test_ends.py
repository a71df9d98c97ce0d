"""Contexts end. Requests, copies of their contexts, kept and loaded visitors, in any order: who is spoken for?

A model of a few lines says whom each context speaks for; the real ones, made by `contextvars`, must agree.
"""

from __future__ import annotations

from contextlib import ExitStack
from contextvars import Context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper import context
from gatekeeper.model import Caller
from gatekeeper.signals.context import LIFETIME
from tests.builders import NOW, make_gate, own_cookie
from tests.laws.test_laws import law

VISITORS = ("anna", "bert")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("begin", "end", "copy", "keep", "load", "leave", "wait", "new")),
        st.integers(0, 7),
        st.sampled_from(VISITORS),
    ),
    max_size=24,
)


class Clock:
    """Seconds that only a test moves."""

    now = NOW

    def __call__(self):
        return self.now


class World:
    """Real contexts beside what a reader of the rules would say of each."""

    def __init__(self):
        self.clock = Clock()
        self.gate = make_gate(clock=self.clock)
        self.contexts = [(Context(), None)]  # with whom it speaks for: a dict that copies share, as they do in life
        self.stacks = {}

    def caller(self, visitor):
        """What the gate reads of a request of one of the two."""
        return Caller(headers=((b"cookie", own_cookie("analytics", subject=visitor, at=NOW - 5).encode()),))

    def whose(self, real):
        """The visitor that a tracking call would be sent for."""
        here = real.run(context.working)
        if here is None:
            return None
        return next((one.subject for one in self.gate.heard(here.caller()) if one.subject), None)

    def expected(self, state):
        """The rule."""
        if state is None or state["ended"] or self.clock.now > state["until"]:
            return None
        return state["who"]

    def step(self, what, n, visitor):
        """One thing that happens in the n-th context."""
        real, state = self.contexts[n % len(self.contexts)]
        entered = self.stacks.setdefault(id(real), [])
        match what:
            case "new":
                self.contexts.append((Context(), None))
            case "copy":
                self.contexts.append((real.copy(), state))
            case "wait":
                self.clock.now += LIFETIME / 2 + 1
            case "begin":
                here = context.Here(self.gate, lambda: self.caller(visitor))
                mark = real.run(context.current.set, here)
                new = {"who": visitor, "ended": False, "until": float("inf")}

                def end():
                    here.end()
                    new["ended"] = True
                    real.run(context.leave, mark)

                self.enter(n, new, state, end)
            case "keep" if self.expected(state):
                kept = real.run(context.keep)
                real.run(kept.__enter__)
                until = min(state["until"], self.clock.now + LIFETIME)
                outer = None if state["ended"] else state
                new = {"who": state["who"], "ended": False, "until": until}
                self.enter(n, new, outer, lambda: real.run(kept.__exit__))
            case "load" if self.expected(state):
                stack = ExitStack()
                token = real.run(context.dump)
                real.run(stack.enter_context, real.run(context.load, token))
                new = {"who": state["who"], "ended": False, "until": min(state["until"], self.clock.now + LIFETIME)}

                def unload():
                    new["ended"] = True
                    real.run(stack.close)

                self.enter(n, new, state, unload)
            case "end" | "leave" if entered:
                leaving, outer = entered.pop()
                leaving()
                self.contexts[n % len(self.contexts)] = (real, outer)

    def enter(self, n, new, outer, leaving):
        """The n-th context speaks for somebody else until it is left."""
        real, _ = self.contexts[n % len(self.contexts)]
        self.stacks[id(real)].append((leaving, outer))
        self.contexts[n % len(self.contexts)] = (real, new)


@law
@given(STEPS)
def test_a_call_speaks_for_a_visitor_only_in_their_request_or_where_they_were_taken_along(steps):
    """In every copy of every context, after every step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context.here, "_installed", [])
        world = World()
        context.install(world.gate)
        for step in steps:
            world.step(*step)
            assert [world.whose(real) for real, _ in world.contexts] == [
                world.expected(state) for _, state in world.contexts
            ]
        for entered in world.stacks.values():
            while entered:
                entered.pop()[0]()


def test_the_law_sees_a_context_that_does_not_end(monkeypatch):
    """With the end taken out, it fails at once."""
    monkeypatch.setattr(context.Here, "end", lambda self: None)
    monkeypatch.setattr(context.here, "_installed", [])
    world = World()
    for step in [("begin", 0, "anna"), ("copy", 0, "anna"), ("end", 0, "anna")]:
        world.step(*step)
    assert world.whose(world.contexts[1][0]) == "anna" != world.expected(world.contexts[1][1])
