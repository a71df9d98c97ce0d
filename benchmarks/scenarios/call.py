"""A vendor's own call through the sidecar's proxy, beside proxies that do the same filtering, or none."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from .. import checks, gates, samples, visitors
from ..contestants import installed
from ..machine import free_port
from ..process import ROOM, Process, running
from ..shape import AbsentError, Scenario, Served, Stage

GA4 = "/gk/to/ga4/mp/collect?measurement_id=G-BENCH&api_secret=bench"
_META = "/gk/to/meta_capi/v23.0/123/events?access_token=bench"
_CALLS = {
    "GA4": ("ga4", GA4, samples.ga4_call(), visitors.ga4_call),
    "Meta": ("meta_capi", _META, samples.meta_call(), visitors.meta_call),
}
Start = Callable[[Stage], AbstractContextManager[Process]]
_OURS = "gatekeeper"


def does_the_same(vendor: str, target: str, body: dict[str, object], process: Process, stage: Stage) -> None:
    """A granted call arrives filtered; refused ones, by cookie or by Sec-GPC where it counts, do not arrive."""
    assert stage.vendor is not None
    granted, one = samples.post(target, body), {vendor: 1}
    refused = [samples.post(target, body, granted=False)]
    if vendor == "meta_capi":
        refused.append(samples.post(target, body, gpc=True))
    for request in refused:
        checks.nothing_arrives(process, stage.vendor, request, granted, one)


def _ours_does(vendor: str, target: str, body: dict[str, object], process: Process, stage: Stage) -> None:
    status, _, _ = process.exchange(samples.post(target, body))
    if status in (404, 501):
        raise AbsentError(f"the sidecar answers calls to {vendor} with {status}")
    does_the_same(vendor, target, body, process, stage)


def passes_on(vendor: str, target: str, body: dict[str, object], process: Process, stage: Stage) -> None:
    assert stage.vendor is not None
    stage.vendor.told("clear")
    checks.answered(process, samples.post(target, body), (200, 204))
    checks.arrived(stage.vendor, {vendor: 1}, filtered=False)


@contextlib.contextmanager
def python(client: str, mode: str, stage: Stage) -> Iterator[Process]:
    folder = _folder(stage, f"python-{client}-{mode}")
    port = free_port()
    command = [sys.executable, "-m", f"{ROOM}.contestants.python_proxy", client, mode, str(port)]
    with running([*command, str(stage.vendor_port)], port, folder=folder, core=stage.core) as process:
        yield process


@contextlib.contextmanager
def _undici(stage: Stage) -> Iterator[Process]:
    folder, port = _folder(stage, "undici"), free_port()
    script, environ = installed.node_module("undici.mjs", folder)
    command = [installed.node(), str(script), str(port), str(stage.vendor_port)]
    with running(command, port, folder=folder, core=stage.core, environ=environ) as process:
        yield process


@contextlib.contextmanager
def _mitmproxy(stage: Stage) -> Iterator[Process]:
    folder, port = _folder(stage, "mitmproxy"), free_port()
    shutil.copyfile(installed.HERE / "mitm_addon.py", folder / "mitm_addon.py")
    command = [
        installed.mitmdump(), "-q", "--mode", f"reverse:http://127.0.0.1:{stage.vendor_port}",
        "--listen-host", "127.0.0.1", "--listen-port", str(port), "--set", f"confdir={folder}", "-s", "mitm_addon.py",
    ]  # fmt: skip
    with running(command, port, folder=folder, core=stage.core) as process:
        yield process


@contextlib.contextmanager
def nginx(template: str, stage: Stage) -> Iterator[Process]:
    folder, port = _folder(stage, template.partition(".")[0]), free_port()
    modules = "\n".join(f"load_module {path};" for path in installed.lua_modules())
    words = {"FOLDER": str(folder), "PORT": str(port), "VENDOR": str(stage.vendor_port), "MODULES": modules}
    text = (installed.HERE / template).read_text("utf-8")
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    (folder / "nginx.conf").write_text(text, "utf-8")
    command = [installed.nginx(), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    with running(command, port, folder=folder, core=stage.core) as process:
        yield process


def _folder(stage: Stage, name: str) -> Path:
    folder = stage.folder / name
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)  # nginx started as root serves as another user
    return folder


_KINDS: tuple[tuple[str, Start, bool, str, Callable[[], str | None], tuple[str, ...]], ...] = (
    (_OURS, gates.sidecar, True, "law, consent, allow-list, scrubbing, durable audit", lambda: None, ("GA4", "Meta")),
    ("nginx + Lua", partial(nginx, "nginx_lua.conf.in"), True, "one cookie, four field names", installed.lua_missing,
     ("GA4", "Meta")),
    ("nginx", partial(nginx, "nginx.conf.in"), False, "no policy: the floor", installed.nginx_missing, ("GA4",)),
    ("node + undici", _undici, True, "one cookie, four field names",
     lambda: installed.npm_missing("undici"), ("GA4", "Meta")),
    ("starlette + aiohttp", partial(python, "aiohttp", "filter"), True, "one cookie, four field names",
     installed.python_module("aiohttp"), ("GA4",)),
    ("starlette + pyreqwest", partial(python, "pyreqwest", "filter"), True, "one cookie, four field names",
     installed.python_module("pyreqwest"), ("GA4",)),
    ("starlette + httpx", partial(python, "httpx", "plain"), False, "no policy at all",
     installed.python_module("httpx"), ("GA4", "Meta")),
    ("mitmproxy", _mitmproxy, True, "an add-on with the same filter", installed.mitmproxy_missing, ("GA4",)),
)  # fmt: skip


def _each(call: str) -> Iterator[Served]:
    """Everybody with the calls of a day of one vendor."""
    vendor, target, body, varied = _CALLS[call]
    for name, start, filters, note, missing, calls in _KINDS:
        if call in calls:
            does = _ours_does if name == _OURS else does_the_same if filters else passes_on
            yield Served(
                f"{call}: {name}", start, partial(does, vendor, target, body), visitors.many(target, varied), note,
                missing, compiling=name.startswith("node"), thorough=call != "GA4",
            )  # fmt: skip


def _of_ours() -> Iterator[Served]:
    """Ours with other input, and beside the release before."""
    vendor, target, body, varied = _CALLS["GA4"]
    check = partial(_ours_does, vendor, target, body)
    day = visitors.many(target, varied)
    yield Served("GA4: gatekeeper, the release before", gates.before, check, day, "", gates.no_release_before)
    alike = visitors.one(samples.post(target, body))
    yield Served("GA4: gatekeeper, one visitor", gates.sidecar, check, alike, "the same call again and again")
    new = visitors.many(target, visitors.new_shape)
    yield Served("GA4: gatekeeper, new shapes", gates.sidecar, check, new, "a parameter's name that no call had before")


SCENARIO = Scenario(
    "call",
    "a vendor's own call of one of 800 visitors, proxied",
    (*_each("GA4"), *_of_ours(), *_each("Meta")),
    rate=200.0,
    needs_vendor=True,
)
_PACED = ("gatekeeper", "gatekeeper, the release before", "nginx + Lua", "node + undici")
PACES = tuple(
    Scenario(
        f"call-{rate}",
        f"the same at {rate:,} a second",
        tuple(one for one in SCENARIO.contestants if one.name in {f"GA4: {name}" for name in _PACED}),
        rate=float(rate),
        needs_vendor=True,
    )
    for rate in (500, 2_000)
)
