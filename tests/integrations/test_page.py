"""The page `docs/in-process.md` on queues: its code runs, and each integration stands in its table."""

import ast
import asyncio
import re
from pathlib import Path

import pytest

import gatekeeper
from gatekeeper import context
from tests.integrations.conftest import heard, note

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "in-process.md").read_text("utf-8").partition("## Queues, background tasks and schedulers")[2]
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


async def executed(code, names):
    """Run a block of the page, which may await."""
    made = compile(code, "in-process.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    found = eval(made, names)
    if asyncio.iscoroutine(found):
        await found


def block(word):
    """The block that holds a word."""
    (found,) = [one for one in BLOCKS if word in one]
    return found


async def test_the_code_for_the_same_process_runs(shop):
    """Begun in Anna's request, done after it: both ways are hers."""
    queue = asyncio.Queue()

    async def send_receipt(order):
        await asyncio.sleep(0)
        note(order)

    first, second = block("keep()").split("...\n")
    names = {"gatekeeper": gatekeeper, "asyncio": asyncio, "queue": queue, "send_receipt": send_receipt, "order": "T1 "}
    with shop.request_of("anna"):
        await executed(first, names)
    await executed(second, names)
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
    assert heard(2) == ["T1 anna", "T1 anna"]


async def test_the_code_for_another_process_runs(shop):
    """The token is all that crosses."""

    class Task:
        @staticmethod
        def delay(*arguments):
            sent.append(arguments)

    sent = []
    web, worker = block("load(token)").split("gatekeeper.start(")
    with shop.request_of("anna"):
        await executed(web, {"gatekeeper": gatekeeper, "task": Task, "order_id": "T1"})
    loading = "\n".join(worker.splitlines()[1:]).replace("...", "note()")
    await executed(loading, {"gatekeeper": gatekeeper, "token": sent[0][1], "note": note})
    assert heard(1) == ["anna"] and context.present() is None


def test_the_code_for_celery_runs():
    """As a module that web process and workers import."""
    from gatekeeper.integrations import celery

    names = {}
    try:
        exec(block("# tasks.py"), names)
        assert callable(names["begin"]) and names["app"].main == "shop"
    finally:
        celery.uninstall()
        names["celery"].signals.worker_process_init.disconnect(names["begin"])


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "gatekeeper" / "integrations").glob("[a-z]*.py")))
def test_every_integration_is_in_the_table(name):
    """With the line that switches it on."""
    assert name == "carried" or f"`gatekeeper.integrations.{name}.install(" in PAGE
