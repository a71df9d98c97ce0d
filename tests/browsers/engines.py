"""What the tests ask of a browser, whatever its engine: an `Engine` gives `Visitor`s, these give `Page`s."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from typing import Any

# The first element that a selector names, in the document or in any open shadow root.
DEEP = """
const deep = (selector, root = document) => {
  const found = root.querySelector(selector);
  if (found) return found;
  for (const host of root.querySelectorAll("*")) {
    const inner = host.shadowRoot && deep(selector, host.shadowRoot);
    if (inner) return inner;
  }
  return null;
};
"""
_MIDDLE = (
    "(selector) => {"
    + DEEP
    + """
  const found = deep(selector);
  if (!found) return null;
  found.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
  const box = found.getBoundingClientRect();
  return box.width && box.height ? [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)] : null;
}"""
)


# A button that can be seen, by its words or its label.
_BUTTON = (
    "(name) => {"
    + """
  const inside = (root) => [...root.querySelectorAll("*")].flatMap((one) =>
    [one, ...(one.shadowRoot ? inside(one.shadowRoot) : [])]);
  const named = (one) => one.getAttribute("aria-label") === name || one.textContent.trim() === name;
  const found = inside(document).find((one) => one.localName === "button" && named(one) && one.checkVisibility());
  if (!found) return null;
  found.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
  const box = found.getBoundingClientRect();
  return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];
}"""
)


class Page(ABC):
    """One tab."""

    @abstractmethod
    def goto(self, url: str) -> None:
        """Go there, and wait for its `load`."""

    @abstractmethod
    def evaluate(self, function: str, *args: Any) -> Any:
        """What a function of JavaScript returns for JSON arguments, its promise awaited."""

    @abstractmethod
    def click_at(self, x: int, y: int) -> None:
        """A click of the pointer, which the page takes for the visitor's own."""

    @abstractmethod
    def press(self, key: str) -> None:
        """A key, by its name in the UI Events specification (`Tab`, `Enter`), or a character."""

    @abstractmethod
    def back(self) -> None:
        """As the browser's button does."""

    @abstractmethod
    def forward(self) -> None:
        """As the browser's button does."""

    def click(self, selector: str) -> None:
        """A click in the middle of an element, when it is there."""
        self.click_at(*self.wait(_MIDDLE, selector))

    def button(self, name: str) -> None:
        """A click on the button of this name, when it can be seen."""
        self.click_at(*self.wait(_BUTTON, name))

    def wait(self, function: str, *args: Any, seconds: float = 10.0) -> Any:
        """What the function returns, as soon as it is true in JavaScript's sense."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if found := self.evaluate(function, *args):
                    return found
                why = ""
            except Exception as error:  # between two pages there is nothing to ask
                why = str(error)
            assert time.monotonic() < deadline, f"not within {seconds} s: {function} {json.dumps(args)} {why}"


class Visitor(ABC):
    """A fresh profile: no cookies, no storage, no cache of another visitor's."""

    @abstractmethod
    def open(self, url: str) -> Page:
        """A new tab at this address."""

    def tab(self, url: str) -> Page:
        """Another tab of the same visitor."""
        return self.open(url)

    @abstractmethod
    def cookies(self) -> dict[str, str]:
        """Name -> value, HttpOnly ones too."""

    @abstractmethod
    def close(self) -> None:
        """Close all tabs and forget everything."""


class Engine(ABC):
    """A running browser."""

    name: str

    @abstractmethod
    def visitor(self, *, gpc: bool = False) -> Visitor:
        """A fresh profile. `gpc`: it sends `Sec-GPC: 1` and tells pages so."""
