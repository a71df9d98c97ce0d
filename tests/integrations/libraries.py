"""The libraries, each as it is really used: how a job is sent, what a worker is, and what travels."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

from gatekeeper.integrations.carried import KEY
from tests.integrations.conftest import note


def shout():
    """A job by its name in this module."""
    note()


async def shout_async():
    """The same as a coroutine."""
    await asyncio.sleep(0)
    note()


def again(self):
    """A task of Celery's that is tried twice."""
    note("again ")
    if self.request.retries == 0:
        raise self.retry(countdown=0)


class Celery:
    """A worker thread of Celery and its broker in memory."""

    @contextmanager
    def used(self):
        """Installed, until it is left."""
        import celery
        from celery.contrib.testing.worker import start_worker

        from gatekeeper.integrations import celery as ours

        ours.install()
        ours.install()
        self.app = celery.Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)
        self.app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=False)
        self.task = self.app.task(shout, name="shout", shared=False)
        self.retried = self.app.task(again, bind=True, name="again", max_retries=1, shared=False)

        def sends():
            note("sends ")
            self.task.delay()

        self.sending = self.app.task(sends, name="sends", shared=False)
        try:
            with start_worker(self.app, perform_ping_check=False, loglevel="WARNING", shutdown_timeout=20):
                yield self
        finally:
            ours.uninstall()

    def send(self, token=None):
        """One job; with a token of the test's own, if given."""
        if token is None:
            self.task.delay()
        else:
            # As a message that another program put there.
            self.app.send_task("shout", headers={KEY: token})


class Rq:
    """RQ with a worker of this process, over a Redis in memory."""

    @contextmanager
    def used(self):
        """Installed, until it is left."""
        import fakeredis
        import rq

        from gatekeeper.integrations import rq as ours

        ours.install()
        ours.install()
        self.rq, self.redis = rq, fakeredis.FakeStrictRedis()
        self.queue = rq.Queue("shop", connection=self.redis)
        try:
            yield self
        finally:
            ours.uninstall()

    def send(self, token=None):
        """One job, and a worker that does what there is."""
        self.queue.enqueue(shout, meta=None if token is None else {KEY: token})
        worker = threading.Thread(target=self.work)
        worker.start()
        worker.join(20)

    def work(self):
        """A worker's life, without its signals, which belong to a main thread."""

        class Worker(self.rq.SimpleWorker):
            def _install_signal_handlers(self):
                pass

        class Timeouts(self.rq.timeouts.TimerDeathPenalty):
            pass

        Worker.death_penalty_class = Timeouts
        Worker([self.queue], connection=self.redis).work(burst=True, logging_level="ERROR")


class Dramatiq:
    """Dramatiq's stub broker with a real worker."""

    coroutine = False

    @contextmanager
    def used(self):
        """Installed, until it is left."""
        import dramatiq
        from dramatiq.brokers.stub import StubBroker
        from dramatiq.middleware import AsyncIO

        from gatekeeper.integrations import dramatiq as ours

        self.broker = StubBroker()
        self.broker.add_middleware(AsyncIO())
        ours.install(self.broker)
        ours.install(self.broker)
        function = shout_async if self.coroutine else shout
        self.actor = dramatiq.actor(function, broker=self.broker, max_retries=1, min_backoff=1, max_backoff=1)
        worker = dramatiq.Worker(self.broker, worker_threads=1, worker_timeout=50)
        worker.start()
        try:
            yield self
        finally:
            worker.stop()
            self.broker.close()

    def send(self, token=None):
        """One message."""
        options = {} if token is None else {KEY: token}
        self.actor.send_with_options(**options)


class DramatiqAsync(Dramatiq):
    """With an async actor."""

    coroutine = True


class Scheduler:
    """APScheduler in a thread of its own."""

    @contextmanager
    def used(self):
        """Installed, until it is left."""
        from apscheduler.schedulers.background import BackgroundScheduler

        from gatekeeper.integrations import apscheduler as ours

        ours.install()
        ours.install()
        self.ours = ours
        self.scheduler = BackgroundScheduler(timezone="UTC")
        self.scheduler.start()
        try:
            yield self
        finally:
            self.scheduler.get_jobs()  # waits for the round that is under way
            self.scheduler.shutdown()
            ours.uninstall()

    def send(self, token=None):
        """One job, at once."""
        if token is None:
            self.scheduler.add_job(shout)
        else:
            self.scheduler.add_job(self.ours.run, args=[token, shout])


LIBRARIES = {
    "celery": Celery, "rq": Rq, "dramatiq": Dramatiq, "dramatiq-async": DramatiqAsync, "apscheduler": Scheduler,
}  # fmt: skip
