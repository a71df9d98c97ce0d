"""Methods of other people's classes, replaced and put back. Only what is still ours is put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Patched:
    """A few replaced methods of one library."""

    def __init__(self) -> None:
        self._replaced: list[tuple[Any, str, Any, Any]] = []

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Put `make(original)` in the place of `owner.name`."""
        original = getattr(owner, name)
        ours = make(original)
        setattr(owner, name, ours)
        self._replaced.append((owner, name, original, ours))

    def restore(self) -> None:
        """Put the originals back; what somebody else has wrapped meanwhile stays, and passes calls on."""
        while self._replaced:
            owner, name, original, ours = self._replaced.pop()
            if getattr(owner, name, None) is ours:
                setattr(owner, name, original)

    def __bool__(self) -> bool:
        return bool(self._replaced)
