"""What only one of the libraries has: retries, chains, eager tasks, schedules, forked workers, stores."""

import asyncio
import base64
import json
import pickle
import subprocess
import sys
from datetime import timedelta

import pytest

from gatekeeper import context
from gatekeeper.errors import ConfigError
from gatekeeper.integrations import carried
from tests.hosts.test_prefork import POLICY
from tests.integrations.conftest import HEARD, heard, note, whose
from tests.integrations.libraries import Celery, Dramatiq, Rq, shout, shout_async
from tests.running import begun, ended


def test_a_task_carries_no_raw_identifier(shop):
    """A signed token: no cookie, no address; its subject is the pseudonym that the log has."""
    with shop.request_of("anna"):
        token = context.dump()
    payload = base64.urlsafe_b64decode(token.partition(".")[0] + "==")
    assert shop.cookie("anna").encode() not in payload and b"203.0.113.9" not in payload
    assert json.loads(payload)["subject"] == "anna"


def test_a_library_that_is_missing_is_named():
    """One sentence, with the name that pip knows."""
    with pytest.raises(ConfigError, match=r"^no_such_queue: is not installed; pip install no-such-queue$"):
        carried.library("no_such_queue.signals")


@pytest.fixture
def celery():
    """A worker thread."""
    with Celery().used() as used:
        yield used


def test_celery_passes_the_visitor_on(shop, celery):
    """To a retry, to what a task sends, and to the next of a chain."""
    with shop.request_of("anna"):
        celery.retried.delay()
        celery.sending.delay()
        (celery.task.si() | celery.task.si()).delay()
    assert heard(6) == ["again anna"] * 2 + ["anna"] * 3 + ["sends anna"]


def test_celery_runs_an_eager_task_for_the_caller(shop, celery):
    """`apply()` in a request is part of it, and leaves the request as it was."""
    with shop.request_of("anna"):
        celery.task.apply()
        assert whose() == "anna"
    celery.task.apply()
    assert heard(2) == ["anna", "nobody"]


def test_celery_is_left_as_it_was(shop):
    """After `uninstall`."""
    with Celery().used() as used:
        used.send()
        heard(1)
        from gatekeeper.integrations import celery as ours

        ours.uninstall()
        with shop.request_of("anna"):
            used.send()
        assert heard(1) == ["nobody"]


CELERY = """
import sys

import celery
import gatekeeper
from celery.signals import worker_process_init
from gatekeeper import context
from gatekeeper.integrations import celery as carrying

carrying.install()
folder = sys.argv[-1] if __name__ == "__main__" else __import__("os").environ["SHOP"]
app = celery.Celery("shop", broker="filesystem://", backend="file://" + folder + "/results")
app.conf.update(
    broker_transport_options=dict.fromkeys(("data_folder_in", "data_folder_out", "control_folder"), folder + "/queue"),
    worker_hijack_root_logger=False, broker_connection_retry_on_startup=True,
)


@worker_process_init.connect
def begin(**_):
    gatekeeper.start(folder + "/gatekeeper.toml")


@app.task(name="whose")
def whose():
    here = context.working()
    return next((one.subject for one in here.gate.heard(here.caller()) if one.subject), "nobody")
"""


def test_celerys_forked_workers_work_for_the_visitor(shop, tmp_path, monkeypatch):
    """A real worker with two processes, and a broker of files between it and the web process."""
    folder = tmp_path / "celery"
    for name in ("queue", "results"):
        (folder / name).mkdir(parents=True)
    (folder / "gatekeeper.toml").write_text(
        POLICY.format(endpoint="http://127.0.0.1:9").replace('"keys"', f'"{shop.runtime.policy.keys_folder}"')
    )
    (folder / "celery_shop.py").write_text(CELERY)
    env = {"SHOP": str(folder), "PYTHONPATH": str(folder)}
    words = ["-W", "ignore", "-m", "celery", "-A", "celery_shop", "worker", "--pool", "prefork", "-c", "2"]
    worker = begun(words, folder, env=env, cwd=folder)
    monkeypatch.setenv("SHOP", str(folder))
    monkeypatch.syspath_prepend(str(folder))
    try:
        import celery_shop

        sent = []
        for name in ("anna", "bert", "anna"):
            with shop.request_of(name):
                sent.append(celery_shop.whose.delay())
        sent.append(celery_shop.whose.delay())
        said = [one.get(timeout=60) for one in sent]
    finally:
        celery_shop.carrying.uninstall()
        sys.modules.pop("celery_shop", None)
        ended(worker)
    assert said == ["anna", "bert", "anna", "nobody"], (folder / "stderr").read_text()


@pytest.fixture
def rq():
    """Queues over a Redis in memory."""
    with Rq().used() as used:
        yield used


def test_rq_carries_the_visitor_of_later_dependent_and_inline_jobs(shop, rq):
    """Whatever makes the job, it is made in the request."""
    with shop.request_of("anna"):
        first = rq.queue.enqueue(shout)
        rq.queue.enqueue(shout, depends_on=first)
        later = rq.queue.enqueue_in(timedelta(hours=2), shout, meta={"own": 1})
        rq.rq.Queue("inline", is_async=False, connection=rq.redis).enqueue(shout)
        assert heard(1) == ["anna"] and whose() == "anna"
    assert later.meta["own"] == 1 and isinstance(later.meta[carried.KEY], str)
    rq.send()  # and a worker that does all there is
    assert heard(3) == ["anna", "anna", "nobody"]


def test_rqs_jobs_may_be_of_a_class_of_the_projects(shop, rq):
    """A queue's own `job_class` is made as without us."""

    class OwnJob(rq.rq.job.Job):
        pass

    with shop.request_of("anna"):
        made = rq.rq.Queue("own", job_class=OwnJob, connection=rq.redis).enqueue(shout)
    assert type(made) is OwnJob and carried.KEY in made.meta


@pytest.fixture
def dramatiq():
    """A stub broker with a worker."""
    with Dramatiq().used() as used:
        yield used


def test_dramatiq_passes_the_visitor_on(shop, dramatiq):
    """To a retry, and to the next of a pipeline."""
    import dramatiq as library

    def fails():
        note("fails ")
        raise ZeroDivisionError

    def piped():
        note("piped ")

    failing = library.actor(fails, broker=dramatiq.broker, max_retries=1, min_backoff=1, max_backoff=1)
    first = library.actor(piped, broker=dramatiq.broker, pipe_ignore=True)
    with shop.request_of("anna"):
        failing.send()
        library.pipeline([first.message(), first.message_with_options(pipe_ignore=True)], broker=dramatiq.broker).run()
    assert heard(4) == ["fails anna"] * 2 + ["piped anna"] * 2


@pytest.fixture
def scheduling():
    """APScheduler, caught."""
    from gatekeeper.integrations import apscheduler

    apscheduler.install()
    yield apscheduler
    apscheduler.uninstall()


async def test_apscheduler_runs_each_job_for_the_visitor_who_added_it(shop, scheduling):
    """An asyncio scheduler that Anna's request starts and Bert's wakes; what repeats is nobody's, also during one."""
    from apscheduler.schedulers.asyncio import AsyncIOScheduler
    from apscheduler.triggers.date import DateTrigger

    scheduler = AsyncIOScheduler(timezone="UTC")
    with shop.request_of("anna"):
        scheduler.start()
        scheduler.add_job(shout, DateTrigger())
        await all_of(1)
        assert heard(1) == ["anna"]
        scheduler.add_job(lambda: note("again "), "interval", seconds=0.01, id="again")
        await all_of(2)
        scheduler.remove_job("again")
    with shop.request_of("bert"):
        scheduler.add_job(shout_async)
        scheduler.add_job(f"{__name__}:shout")
        await all_of(4)
    assert {*HEARD} == {"again nobody", "bert"} and HEARD.count("bert") == 2
    scheduler.shutdown()


async def all_of(count):
    """Wait until that many jobs are done."""
    async with asyncio.timeout(20):
        while len(HEARD) < count:
            await asyncio.sleep(0.001)


def test_apschedulers_jobs_keep_their_names_faults_and_stores(shop, scheduling):
    """As without us: a wrong argument is refused at once, and a job can be kept in a store."""
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.start(paused=True)
    with shop.request_of("anna"):
        job = scheduler.add_job(shout, id="one")
        assert (job.name, job.id) == ("shout", "one")
        assert scheduler.add_job(shout, "date", None, None, "two", "called").name == "called"
        with pytest.raises(ValueError, match="longer than the target callable can handle"):
            scheduler.add_job(shout, args=[1, 2])
    state = pickle.loads(pickle.dumps(job.__getstate__()))
    scheduler.shutdown()
    assert state["func"] == "gatekeeper.integrations.apscheduler:run" and state["args"][1] is shout


DJANGO = """
import sys

import django
from django.conf import settings

folder, policy = sys.argv[1:3]
tasks = "django.tasks" if django.VERSION >= (6,) else "django_tasks"
settings.configure(
    SECRET_KEY="test", USE_TZ=True, INSTALLED_APPS=[*([] if tasks == "django.tasks" else [tasks]), "django_tasks_db"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder + "/shop.sqlite3"}},
    TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"},
           "now": {"BACKEND": tasks + ".backends.immediate.ImmediateBackend"}},
)
django.setup()
import asyncio
import importlib
import logging

from django.core.management import call_command

import gatekeeper
from gatekeeper import context
from gatekeeper.integrations import django_tasks as carrying
from gatekeeper.shells.asgi.caller import here

task = importlib.import_module(tasks).task
runtime = gatekeeper.start(policy)
carrying.install()
carrying.install()


def say(tag):
    at = context.working()
    whose = next((one.subject for one in at.gate.heard(at.caller()) if one.subject), "nobody")
    print(tag, whose, flush=True)


@task
def sync(tag):
    say(tag)


@task
async def later(tag):
    say(tag)


@task(takes_context=True)
def told(context, tag):
    say(tag)


async def aenqueued(task, *args):
    await task.aenqueue(*args)


call_command("migrate", verbosity=0)
cookie = gatekeeper.issue_consent(config=runtime.policy, analytics=True, subject="anna").partition(";")[0]
visit = here(runtime.gate, {"type": "http", "headers": [(b"cookie", cookie.encode())]})
mark = context.current.set(visit)
sync.enqueue("sync")
later.enqueue("async")
told.enqueue("with-context")
asyncio.run(aenqueued(sync, "aenqueue"))
sync.using(backend="now").enqueue("immediate")
sync.call("called")
visit.end()
context.current.reset(mark)
sync.enqueue("outside")
logging.getLogger("django_tasks").setLevel("ERROR")
call_command("db_worker", batch=True, interval=0, startup_delay=False, verbosity=0)
carrying.uninstall()
sync.using(backend="now").enqueue("uninstalled")
runtime.close()
"""


def test_djangos_tasks_work_for_the_visitor(shop, tmp_path):
    """With the database's worker and at once; sync, async and with a task context; a direct call is the caller's."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY.format(endpoint="http://127.0.0.1:9"))
    script = tmp_path / "shop.py"
    script.write_text(DJANGO)
    command = [sys.executable, "-W", "ignore", str(script), str(tmp_path), str(tmp_path / "gatekeeper.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert dict(line.split() for line in done.stdout.splitlines()) == {
        "immediate": "anna",
        "called": "anna",
        "sync": "anna",
        "async": "anna",
        "with-context": "anna",
        "aenqueue": "anna",
        "outside": "nobody",
        "uninstalled": "nobody",
    }
