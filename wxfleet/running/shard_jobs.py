"""How workers share the fleet: jobs of procrastinate. Only this file and `storage.job_schema` know it.

Each shard has a job that never ends, `own_shard`, and a successor that waits for its lock. Whoever runs the job owns
the shard (`shards` says so, with the epoch that fences); when the job ends, or its worker is dead, the successor starts
elsewhere. Jobs are never retried: the successor is there already. The coarse work is a periodic job on a queue of its
own. No message is ever a job.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from typing import Any, LiteralString, TypeVar

import psycopg
import psycopg_pool
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bots.ownership import SHARDS
from storage.errors import DatabaseUnavailable
from texts.catalogue import say

T = TypeVar("T")
log = structlog.get_logger(__name__)

_SHARDS_QUEUE = "shards"
_COARSE_QUEUE = "coarse"
_COARSE_AT_ONCE = 2
_POLL_S = 2.0
"""Notifications bring everything at once; this is for when one was lost."""
_NEVER_S = 10.0**8
_ANSWER_S = 5.0
"""A statement that has no answer by then is given up: the connection may be cut without anybody saying so."""
_AGAIN_S = 1.0
_FETCHED_AT_ONCE = 64
KEEP_FAILED_HOURS = 24
_EVERY_TWO_SECONDS = "* * * * * */2"
"""Each look costs every worker a question for its time, a notification and a question for the job."""


class ShardJobs:
    """procrastinate as this process uses it. `run` until cancelled, after every `own` has returned.

    `room()` says how many more shards this worker wants; no job is fetched where it wants none. `own(number)` lasts as
    long as the shard is this worker's. `look()` is the coarse work. `moved()` is called when workers came, went or
    gave shards back.
    """

    def __init__(
        self,
        url: str,
        *,
        room: Callable[[], int],
        own: Callable[[int], Awaitable[None]],
        look: Callable[[], Awaitable[None]],
        moved: Callable[[], None],
        timeout_ms: int,
    ) -> None:
        logging.getLogger("procrastinate").setLevel(logging.WARNING)  # a line for each job's beginning and end
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # one for each try, while the database is away
        self._timeout_ms = timeout_ms
        options = {"connect_timeout": 5, "application_name": "wxfleet jobs"}
        connector = PsycopgConnector(
            conninfo=url, min_size=1, max_size=4, timeout=_ANSWER_S, kwargs=options, pool_factory=_trusting_pool
        )
        self._app = App(connector=connector)
        self._jobs = _Jobs(connector, room, moved)
        self._app.job_manager = self._jobs
        self._add_tasks(own, look)

    def _add_tasks(self, own: Callable[[int], Awaitable[None]], look: Callable[[], Awaitable[None]]) -> None:
        @self._app.task(name="own_shard", queue=_SHARDS_QUEUE)
        async def own_shard(number: int) -> None:
            await own(number)

        @self._app.periodic(cron=_EVERY_TWO_SECONDS, periodic_id="look")
        @self._app.task(name="look", queue=_COARSE_QUEUE, lock="look", queueing_lock="look", priority=1)
        async def coarse(timestamp: int) -> None:
            await look()

        @self._app.periodic(cron="23 * * * *", periodic_id="tidy")
        @self._app.task(name="tidy", queue=_COARSE_QUEUE, queueing_lock="tidy", priority=1)
        async def tidy(timestamp: int) -> None:
            await self._jobs.delete_old_jobs(
                KEEP_FAILED_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
            )

    async def run(self) -> None:
        """Fetch and run jobs. Raises DatabaseUnavailable at the start; later a database that is away is waited for."""
        try:
            async with self._app.open_async():
                await self._work()
        except (ConnectorException, psycopg.Error) as error:
            reason = str(error.__cause__ or error)
            raise DatabaseUnavailable(
                say("storage.unavailable", error=reason), hint=say("storage.unavailable.hint")
            ) from error

    async def _work(self) -> None:
        await self._app.run_worker_async(
            queues=[_SHARDS_QUEUE, _COARSE_QUEUE],
            name="wxfleet",
            concurrency=SHARDS + _COARSE_AT_ONCE,
            fetch_job_polling_interval=_POLL_S,
            abort_job_polling_interval=_NEVER_S,
            shutdown_graceful_timeout=_AGAIN_S,
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=_NEVER_S,  # `beat` does it, in the transaction of our own heartbeat
            stalled_worker_timeout=self._timeout_ms / 1000,
        )

    def wake(self) -> None:
        """There is room for more: look for jobs now."""
        self._jobs.wake()

    async def beat(self, tx: AsyncConnection) -> None:
        """In the transaction of our heartbeat, so that procrastinate and we never differ about who lives."""
        if self._jobs.worker is not None:
            await tx.execute(_BEAT, {"worker": self._jobs.worker})

    async def running(self, tx: AsyncConnection) -> frozenset[int]:
        """The shards whose jobs run here, as the database sees it."""
        rows = await tx.execute(_RUNNING, {"worker": self._jobs.worker})
        return frozenset(int(row.number) for row in rows)

    async def hand_back(self, tx: AsyncConnection, numbers: Collection[int]) -> None:
        """End the jobs of these shards when `tx` commits: their successors start where there is room."""
        await tx.execute(_END, {"worker": self._jobs.worker, "locks": [f"shard:{n}" for n in numbers]})
        await nudge(tx)

    async def sweep(self, tx: AsyncConnection) -> int:
        """Fail the jobs of workers that are dead, so that their successors start. Returns how many."""
        failed = len((await tx.execute(_SWEEP, {"timeout_ms": self._timeout_ms})).all())
        if failed:
            await nudge(tx)
        return failed


async def queue_successors(tx: AsyncConnection, numbers: Iterable[int] = range(SHARDS)) -> None:
    """Each of these shards has a job that waits from now on. Whatever was lost in whatever crash, this mends it."""
    await tx.execute(_QUEUE, {"numbers": list(numbers)})


async def nudge(tx: AsyncConnection) -> None:
    """Let all workers look at once, when `tx` commits, at who is there and what is free."""
    await tx.execute(_NUDGE)


class _Jobs(JobManager):
    """procrastinate's door to the database, made to wait where it would end the worker."""

    def __init__(self, connector: PsycopgConnector, room: Callable[[], int], moved: Callable[[], None]) -> None:
        super().__init__(connector)
        self._room = room
        self._moved = moved
        self._wake: Callable[[], Awaitable[None]] | None = None
        self._waking: set[asyncio.Task[None]] = set()
        self._fetched: list[Job] = []
        self._troubled = False
        self.worker: int | None = None

    def wake(self) -> None:
        if self._wake is not None:
            task = asyncio.ensure_future(self._wake())
            self._waking.add(task)
            task.add_done_callback(self._waking.discard)

    async def register_worker(self) -> int:
        self.worker = await super().register_worker()
        return self.worker

    async def unregister_worker(self, worker_id: int) -> None:
        self.worker = None
        await self._asked(super().unregister_worker(worker_id))

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Shards by the dozen and only as many as are wanted, else coarse work."""
        count = min(self._room(), _FETCHED_AT_ONCE)
        if not self._fetched and count > 0:
            rows = await self._asked(
                self.connector.execute_query_all_async(
                    query=_FETCH, queues=[_SHARDS_QUEUE], worker=worker_id, count=count
                )
            )
            self._fetched = [Job.from_row(row["job"]) for row in rows or () if row["job"]["id"] is not None]
        if self._fetched:
            return self._fetched.pop(0)
        return await self._asked(super().fetch_job([_COARSE_QUEUE], worker_id))

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """The job of a shard was ended by `hand_back` or a sweep; where not, `running` tells its worker."""
        if job.queue != _SHARDS_QUEUE:
            await self._asked(super().finish_job(job, status, delete_job))

    async def defer_periodic_job(self, job: Job, periodic_id: str, defer_timestamp: int) -> int | None:
        return await self._asked(super().defer_periodic_job(job, periodic_id, defer_timestamp))

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        async def heard(*, channel: str, notification: Any) -> None:
            if notification["type"] == "moved":
                self._moved()
                notification = _INSERTED
            await on_notification(channel=channel, notification=notification)

        async def wake() -> None:
            await on_notification(channel="", notification=_INSERTED)

        self._wake = wake
        while True:
            with suppress(ConnectorException):  # `_asked` says that the database is away
                await super().listen_for_jobs(on_notification=heard, queues=queues)
            await asyncio.sleep(_AGAIN_S)

    async def _asked(self, question: Awaitable[T]) -> T | None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await question
        except (ConnectorException, TimeoutError) as error:
            if not self._troubled:
                log.warning("jobs.database", problem=repr(error.__cause__ or error))
            self._troubled = True
            return None
        self._troubled = False
        return answer


def _trusting_pool(**options: Any) -> psycopg_pool.AsyncConnectionPool:
    """Without a question before each question: a connection that is broken costs one answer, and all may fail."""
    return psycopg_pool.AsyncConnectionPool(**{**options, "check": None})


_INSERTED: Any = {"type": "job_inserted", "job_id": 0}
_FETCH: LiteralString = (
    "SELECT to_jsonb(procrastinate_fetch_job_v2(%(queues)s::varchar[], %(worker)s)) AS job"
    " FROM generate_series(1, %(count)s)"
)
_NUDGE = text(f"SELECT pg_notify('procrastinate_queue_v1#{_SHARDS_QUEUE}', '{{\"type\": \"moved\"}}')")
_BEAT = text(
    # It was forgotten while this process was frozen: it is there again, under its number.
    "INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES (:worker, now())"
    " ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()"
)
_RUNNING = text(
    f"SELECT (args ->> 'number')::int AS number FROM procrastinate_jobs"
    f" WHERE worker_id = :worker AND status = 'doing' AND queue_name = '{_SHARDS_QUEUE}'"
)
_END = text("DELETE FROM procrastinate_jobs WHERE worker_id = :worker AND status = 'doing' AND lock = ANY(:locks)")
_SWEEP = text(
    "WITH stalled AS (SELECT job.id FROM procrastinate_jobs job"
    " LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id WHERE job.status = 'doing'"
    " AND (worker.id IS NULL OR worker.last_heartbeat < now() - :timeout_ms * interval '1 millisecond')"
    " FOR UPDATE OF job SKIP LOCKED)"
    " SELECT procrastinate_finish_job_v1(id, 'failed', false) FROM stalled"
)
_QUEUE = text(
    "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)"
    f" SELECT '{_SHARDS_QUEUE}', 'own_shard', 'shard:' || n, 'shard:' || n, jsonb_build_object('number', n)"
    " FROM unnest(CAST(:numbers AS int[])) AS n WHERE NOT EXISTS"
    " (SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = 'shard:' || n AND status = 'todo')"
    " ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING"
)
