"""What is asked of an object store: objects by key, of which some can be neither changed nor deleted for a time."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Stored(NamedTuple):
    """An object as a listing has it: what tells its content from others, and when it was put, Unix seconds.

    Of an object with versions it is the first one: a later one was put by a hand that may not change it.
    """

    tag: str
    changed: float
    version: str | None = None


class Objects(Protocol):
    """A bucket, or a part of one. All methods raise AuditError with a remedy."""

    def check(self, *, locked: bool) -> None:
        """Raises AuditError where the bucket is not there, or not one in which objects are `locked`, or deleted."""

    def list(self, prefix: str = "") -> dict[str, Stored]:
        """Every object whose key begins so."""

    def get(self, key: str, version: str | None = None) -> bytes:
        """The content of an object."""

    def put(self, key: str, data: bytes) -> None:
        """Put an object, in the place of an older one."""

    def put_once(self, key: str, data: bytes, until: float) -> bool:
        """Put an object that can be neither changed nor deleted before a time; `False` where one is there already."""


class Archive(NamedTuple):
    """Where lines are kept that cannot be deleted, and where the references are that can."""

    heads: Objects
    references: Objects
