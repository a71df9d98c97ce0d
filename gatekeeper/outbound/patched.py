"""Methods of other people's classes, replaced and put back. Only what is still ours is put back."""

from __future__ import annotations

import functools
import inspect
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
        on = [True]

        if inspect.iscoroutinefunction(original):  # still one: `unittest.mock` asks

            @functools.wraps(original)
            async def method(*args: Any, **options: Any) -> Any:
                """Ours while it is on, else the library's."""
                return await (ours if on else original)(*args, **options)

        else:

            @functools.wraps(original)
            def method(*args: Any, **options: Any) -> Any:
                """Ours while it is on, else the library's."""
                return (ours if on else original)(*args, **options)

        # What replaces it in turn looks at its parameters: respx does, in a way that unwraps nothing.
        method.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]  # functions have one
        setattr(owner, name, method)
        self._replaced.append((owner, name, original, (method, on)))

    def restore(self) -> None:
        """Put the originals back; what another library has wrapped meanwhile stays, and ours in it passes calls on."""
        while self._replaced:
            owner, name, original, (method, on) = self._replaced.pop()
            on.clear()
            if getattr(owner, name, None) is method:
                setattr(owner, name, original)

    def __bool__(self) -> bool:
        return bool(self._replaced)
