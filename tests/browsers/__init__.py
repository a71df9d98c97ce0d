"""Pages in real browsers: the kit (`engines.py` and a file for each engine), and what holds in all of them.

    def test_a_rule(visitor):                        # once in Chromium, in Firefox and in WebKit
        page = visitor.open(url)                     # in a fresh profile; `visitor.tab(url)`: another tab of it
        page.click("button.accept")                  # a trusted click, also inside shadow roots
        assert page.evaluate("() => gatekeeper.allows('analytics')") is True

Tests of one engine ask for `chromium` (a playwright browser), `firefox` or `webkit`. What asks for any of them has the
marker `browser`. `make browsers` runs these; `.ci/browser` installs the engines on Debian.
"""
