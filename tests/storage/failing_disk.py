"""A disk whose sync fails, as Linux does it: what was to be written is lost, once it is reported, and reads hide it.

An apsw VFS under the real SQLite. Every file is kept by the real one (the page cache); `on_disk` is what a cut of the
power would leave of it.
"""

from __future__ import annotations

from pathlib import Path

import apsw


class FailingDisk(apsw.VFS):
    """The default VFS until `leave`. While `broken` names a suffix, syncs of files that end so fail."""

    def __init__(self) -> None:
        self.broken: str | None = None
        self.failures = 0
        self.on_disk: dict[str, bytearray] = {}
        self.unsynced: dict[str, list[tuple[int, bytes]]] = {}
        self.base_vfs = apsw.vfs_names()[0]
        super().__init__("failing-disk", self.base_vfs, makedefault=True)

    def xOpen(self, name, flags):  # SQLite's name
        return _File(self, name, flags)

    def xDelete(self, name, sync):
        self.on_disk.pop(name, None)
        self.unsynced.pop(name, None)
        super().xDelete(name, sync)

    def leave(self) -> None:
        """Be no VFS any more."""
        self.unregister()

    def cut_power(self, folder: Path, to: Path) -> None:
        """What the disk holds of `folder`, in another one."""
        to.mkdir()
        for name, data in self.on_disk.items():
            (to / Path(name).relative_to(folder)).write_bytes(data)


class _File(apsw.VFSFile):
    def __init__(self, disk, name, flags):
        self.disk = disk
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else name
        super().__init__(disk.base_vfs, name, flags)

    def xWrite(self, data, offset):
        super().xWrite(data, offset)
        self.disk.unsynced.setdefault(self.path, []).append((offset, bytes(data)))

    def xTruncate(self, size):
        super().xTruncate(size)
        del self.disk.on_disk.setdefault(self.path, bytearray())[size:]

    def xSync(self, flags):
        writes = self.disk.unsynced.pop(self.path, [])
        if self.disk.broken is not None and self.path.endswith(self.disk.broken):
            self.disk.failures += 1
            raise apsw.IOError("fsync")  # and the writes count as clean
        super().xSync(flags)
        data = self.disk.on_disk.setdefault(self.path, bytearray())
        for offset, written in writes:
            data.extend(b"\0" * (offset - len(data)))
            data[offset : offset + len(written)] = written
