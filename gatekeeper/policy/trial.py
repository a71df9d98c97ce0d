"""Test mode: every policy that is loaded keeps its log, store and keys in a temporary folder, and needs no secrets.

An app's own tests must not write into the log that is its evidence, and need no vendor's secret. The mode holds for the
whole process, from `begin` on: for every policy that is loaded later. `runtime/unsent.py` keeps its gates from sending.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from gatekeeper.policy.anchors import AnchorsTable
from gatekeeper.policy.file import PolicyFile

_PREFIX: Final = "gatekeeper-test-"
_folder: list[Path] = []  # at most one: of the process


def begin() -> Path:
    """Begin, if it has not begun; the temporary folder, which is removed at the end of the process."""
    if not _folder:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        _folder.append(folder)
        atexit.register(_remove, folder, os.getpid())
    return _folder[0]


def on() -> bool:
    """Whether this process is in test mode."""
    return bool(_folder)


def environ() -> Mapping[str, str]:
    """Where secrets are read from: the environment; in test mode with a placeholder for each that is not set."""
    return _Placeholders() if on() else os.environ


def kept(file: PolicyFile) -> PolicyFile:
    """A policy's file; in test mode with log, store and keys in the temporary folder, and no anchor elsewhere."""
    if not on():
        return file
    folder = begin()
    return file.model_copy(
        update={
            "audit": file.audit.model_copy(
                update={"path": str(folder / "audit"), "anchor": None, "anchors": AnchorsTable()}
            ),
            "keys": file.keys.model_copy(update={"path": str(folder / "keys")}),
            "storage": file.storage.model_copy(update={"url": f"sqlite:///{folder / 'gatekeeper.db'}"}),
        }
    )


class _Placeholders(Mapping[str, str]):
    def __getitem__(self, name: str) -> str:
        return os.environ.get(name) or hashlib.sha256(f"placeholder of {name}".encode()).hexdigest()

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not in a child, which shares it
        shutil.rmtree(folder, ignore_errors=True)
