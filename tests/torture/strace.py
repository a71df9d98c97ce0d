"""strace, attached to a process: faults at the n-th call, and records of calls; and whether it can be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


@cache
def unavailable() -> str | None:
    """Why nothing can be traced here; None if it can."""
    if shutil.which("strace") is None:
        return "strace is not installed (as root on Debian: .ci/strace installs it)"
    tried = subprocess.run(["strace", "-qq", "-e", "trace=none", sys.executable, "-c", ""], capture_output=True)
    return None if tried.returncode == 0 else "this system does not let processes be traced"


@contextmanager
def attached(pid: int, *, inject: str = "", trace: Path | None = None) -> Iterator[None]:
    """Have a process and its threads traced, from now on until it ends."""
    command = ["strace", "-f", "-p", str(pid)]
    if trace is not None:
        command += ["-y", "-xx", "-s", "1000000", "-o", str(trace), "-e", f"trace={RECORDED}"]
    else:
        command += ["-o", "/dev/null", "-e", "trace=" + inject.partition(":")[0]]
    if inject:
        command += ["-e", f"inject={inject}"]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        said = tracer.stderr.readline()
        assert b"attached" in said, said
        yield
    finally:
        tracer.terminate()
        tracer.communicate(timeout=20)


RECORDED = (
    "openat,creat,write,pwrite64,writev,pwritev,sendto,sendmsg,fsync,fdatasync,sync_file_range,ftruncate,truncate,"
    "unlink,unlinkat,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,rmdir,connect,close"
)
