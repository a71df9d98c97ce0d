"""Which contestants this machine has, and one sentence for each that it lacks.

What `install` fetched lies in `.bench` under the current directory, or where GATEKEEPER_BENCH points.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
HOW = "run benchmarks/contestants/install"


def folder() -> Path:
    """Where node's packages and mitmproxy are."""
    return Path(os.environ.get("GATEKEEPER_BENCH", ".bench")).resolve()


def python_module(*names: str) -> Callable[[], str | None]:
    """What is missing of these modules."""

    def missing() -> str | None:
        lacking = [name for name in names if importlib.util.find_spec(name) is None]
        return f"pip install {' '.join(lacking)}" if lacking else None

    return missing


def node() -> str:
    """The path of node, empty without it."""
    return shutil.which("node") or ""


def npm_missing(*packages: str) -> str | None:
    """What is missing of node and these packages."""
    if not node():
        return f"node is not installed; {HOW}"
    lacking = [name for name in packages if not (folder() / "node_modules" / name).is_dir()]
    return f"no {', '.join(lacking)} in {folder().name}/node_modules; {HOW}" if lacking else None


def node_module(name: str, stage: Path) -> tuple[Path, dict[str, str]]:
    """A copy of a script beside a link to the packages: how node finds them."""
    script = stage / name
    shutil.copyfile(HERE / name, script)
    link = stage / "node_modules"
    if not link.exists():
        link.symlink_to(folder() / "node_modules")
    return script, {"NODE_ENV": "production"}


def mitmdump() -> str:
    """The path of mitmdump, empty without it."""
    own = folder() / "mitmproxy" / "bin" / "mitmdump"
    return str(own) if own.exists() else shutil.which("mitmdump") or ""


def mitmproxy_missing() -> str | None:
    """What is missing of mitmproxy."""
    return None if mitmdump() else f"mitmdump is not installed; {HOW}"


def nginx() -> str:
    """The path of nginx, empty without it."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin") or ""


def nginx_missing() -> str | None:
    """What is missing of nginx."""
    return None if nginx() else f"nginx is not installed; {HOW}"


def lua_modules() -> list[Path]:
    """The modules nginx has to load for Lua, in order; empty if they are not there."""
    room = Path("/usr/lib/nginx/modules")
    wanted = [room / "ndk_http_module.so", room / "ngx_http_lua_module.so"]
    return wanted if all(path.exists() for path in wanted) else []


def lua_missing() -> str | None:
    """What is missing of nginx with Lua and its JSON."""
    if nginx_missing():
        return nginx_missing()
    if not lua_modules():
        return f"nginx has no Lua module; {HOW}"
    return None if any(Path("/usr/lib").glob("*/lua/5.1/cjson.so")) else f"lua-cjson is not installed; {HOW}"
