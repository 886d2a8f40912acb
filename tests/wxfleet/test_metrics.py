"""What Prometheus gets, and that nothing else happens for it."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from bots.tally import Spread
from reports.backlog import Backlog
from tests.wxfleet.small_shop import open_shop
from wxfleet.reading.settings import examine
from wxfleet.running.metrics import CONTENT_TYPE, Metrics, Reading
from wxfleet.running.metrics_server import served
from wxfleet.running.screen import Screen
from wxfleet.running.service import Service

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"


class Still:
    """A fleet that stands still."""

    def __init__(self) -> None:
        self.ticks = Spread((0.01, 0.1))

    def reading(self) -> Reading:
        return Reading(
            build={"version": "1", "python": "3", "database": "sqlite"}, lanes={"idle": 3, "due": 1}, in_flight=2,
            claimed=7, outcomes={"accepted": 5, "in_doubt": 1}, ticks=self.ticks, failed_ticks=0,
            inbox_waiting={"write": 0, "fetch": 4, "handle": 0}, inbox_written=9, accounts={"online": 4}, shards=256,
            heartbeat_age_s=1.5, loop_lag=Spread((0.01,)), database_up=True, database_errors=0,
            backlog=Backlog(11, 2_500, 2, 1),
        )  # fmt: skip


def samples(exposition: bytes) -> dict[str, float]:
    """Each sample by its name with its labels, as it is written."""
    lines = (line for line in exposition.decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def ask(address: tuple[str, int], request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


async def scrape(address: tuple[str, int]) -> dict[str, float]:
    answer = await ask(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    return samples(answer.partition(b"\r\n\r\n")[2])


def test_every_metric_stands_in_the_documentation_with_its_labels_and_no_other() -> None:
    shown = set()
    for family in text_string_to_metric_families(Metrics(Still()).exposition().decode()):
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        name = f"{family.name}_total" if family.type == "counter" else family.name
        shown.add((name, ", ".join(f"`{label}`" for label in labels) or "–"))
    rows = re.findall(r"^\| `(wxfleet_\w+)` \| ([^|]+) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert {(name, labels.strip()) for name, labels in rows} == shown


def test_numbers_come_out_as_they_are_and_histograms_add_up() -> None:
    still = Still()
    for seconds in (0.005, 0.05, 0.05, 9.0):
        still.ticks.add(seconds)
    found = samples(Metrics(still).exposition())
    assert found['wxfleet_lanes{state="due"}'] == 1
    assert found['wxfleet_outcomes_total{state="accepted"}'] == 5
    assert found["wxfleet_lag_seconds"] == 2.5
    ticks = [found[f'wxfleet_tick_seconds_bucket{{le="{bound}"}}'] for bound in ("0.01", "0.1", "+Inf")]
    assert ticks == [1, 3, 4]
    assert found["wxfleet_tick_seconds_count"] == 4


def test_each_fleet_has_a_registry_of_its_own_and_the_process_wide_one_stays_clean() -> None:
    first, second = Metrics(Still()), Metrics(Still())
    assert first.exposition() == second.exposition()
    assert not [metric.name for metric in REGISTRY.collect() if metric.name.startswith("wxfleet")]


async def test_the_port_answers_scrapes_and_nothing_else() -> None:
    async def body() -> bytes:
        return b"x 1\n"

    async with served(("127.0.0.1", 0), body, CONTENT_TYPE) as address:
        assert (await ask(address, b"GET /metrics?x=1 HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\nx 1\n")
        assert (await ask(address, b"HEAD /metrics HTTP/1.1\r\n\r\n")).endswith(b"Connection: close\r\n\r\n")
        assert (await ask(address, b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
        assert (await ask(address, b"POST /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 405 ")
        assert await ask(address, b"x" * 100_000) == b""
        assert (await ask(address, b"GET /metrics HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


@asynccontextmanager
async def running(folder: Path, port: int) -> AsyncIterator[Service]:
    """A small simulated fleet with its metrics there."""
    examination = examine(open_shop(folder, f'metrics: {{listen: "127.0.0.1:{port}"}}\nsimulator: {{speed: 60}}\n'))
    assert examination.settings is not None
    service = Service(examination, Screen(examination.settings, examination.book, quiet=True))
    running = asyncio.create_task(service.run(), name="service")
    try:
        yield service
    finally:
        service.stop()
        await running


async def online(service: Service) -> None:
    async with asyncio.timeout(30):
        while service.house is None or [s.value for s in service.house.fleet.states().values()] != ["online"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_running_fleet_shows_its_numbers_and_one_without_a_free_port_runs_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        async with running(tmp_path, port) as service:
            await online(service)
    assert f"127.0.0.1:{port} 用不了" in capsys.readouterr().err
    async with running(tmp_path, port) as service:
        await online(service)
        found = await scrape(("127.0.0.1", port))
    assert found['wxfleet_accounts{state="online"}'] == 1
    assert sum(count for name, count in found.items() if name.startswith("wxfleet_lanes{")) == 1
    assert found["wxfleet_shards_owned"] == 256
    assert found["wxfleet_database_up"] == 1
    assert found["wxfleet_tick_seconds_count"] >= 1
    assert 0 <= found["wxfleet_heartbeat_age_seconds"] < 30
