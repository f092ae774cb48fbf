"""Many clients at once, with reloads, while half of the targets hang: nothing fails, and nothing leaks."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from dicom_exporter.config import Config, load
from dicom_exporter.prober.prober import Prober
from tests.testing import hostile, in_process
from tests.testing.exporting import configure, parsed, until
from tests.testing.hostile import Behaviour
from tests.testing.running import Running, started

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system has no /proc"),
]

AT_ONCE = 200
HANGING, GOOD, CLOSED = 10, 5, 5
SECOND = {"X-Prometheus-Scrape-Timeout-Seconds": "1"}
RELOADS = 10
"""In each wave of requests."""


@asynccontextmanager
async def archives() -> AsyncIterator[list[Mapping[str, Any]]]:
    """The targets, each with its own address: targets of one address wait for each other."""
    async with AsyncExitStack() as stack:
        behaviours: dict[str, Behaviour] = {f"hanging-{number}": hostile.plain.silent for number in range(HANGING)}
        behaviours |= {f"good-{number}": hostile.honest.honest(3) for number in range(GOOD)}
        targets = [{"name": f"closed-{number}", "address": f"127.0.0.1:{1 + number}"} for number in range(CLOSED)]
        for name, behaviour in behaviours.items():
            server = await stack.enter_async_context(hostile.server(behaviour))
            targets.append({"name": name, "address": server.address})
        yield list(targets)


def client(url: str) -> ClientSession:
    """A client with as many connections as it has requests."""
    return ClientSession(url, connector=TCPConnector(limit=0), timeout=ClientTimeout(total=120))


async def wave(session: ClientSession, paths: list[str]) -> Counter[tuple[str, int]]:
    """Ask for all `paths` at once: the number of responses with each status. Responses must be complete."""
    texts = set()

    async def get(path: str) -> tuple[str, int]:
        async with session.get(path, headers=SECOND) as response:
            text = await response.text()
            if path == "/metrics" and response.status == 200:
                texts.add(text)
        return path, response.status

    statuses = Counter(await asyncio.gather(*(get(path) for path in paths)))
    for text in texts:
        page = parsed(text)
        assert len(page.values("dicom_target_info")) == HANGING + GOOD + CLOSED
        good = {page.outcome(f"good-{number}") for number in range(GOOD)}
        assert good <= {"success", "no_answer", "overload"}  # the archives are in this process, which is busy
    return statuses


async def reloads(session: ClientSession, running: Running) -> set[int]:
    """Reload repeatedly, by signal and by HTTP; returns the statuses of the latter."""
    statuses = set()
    for _ in range(RELOADS):
        running.process.send_signal(signal.SIGHUP)
        async with session.post("/-/reload") as response:
            statuses.add(response.status)
        async with session.get("/-/healthy") as response:
            statuses.add(response.status)
    return statuses


class Process:
    """The resources of a process."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")

    @property
    def sockets_and_files(self) -> int:
        return len(list((self._proc / "fd").iterdir()))

    @property
    def threads(self) -> int:
        return len(list((self._proc / "task").iterdir()))

    @property
    def resident(self) -> int:
        """Bytes of memory."""
        fields = dict(line.split(":", 1) for line in (self._proc / "status").read_text().splitlines())
        return int(fields["VmRSS"].split()[0]) * 1024


async def test_load_200_scrapes_during_reloads_are_answered(tmp_path: Path) -> None:
    async with archives() as targets, AsyncExitStack() as stack:
        configure(tmp_path, targets)
        running = await stack.enter_async_context(started("--web.listen-address=127.0.0.1:0", directory=tmp_path))
        url = await running.url()
        stack.push_async_callback(_end, asyncio.create_task(_drain(running)))
        process = Process(running.process.pid)
        some = [f"/probe?target={target['name']}" for target in targets]
        async with client(url) as session:
            await wave(session, ["/metrics", *some])  # what is made once, is made
        before = process.sockets_and_files
        resident = []
        for _ in range(3):
            async with client(url) as session:
                paths = ["/metrics"] * (AT_ONCE - len(some)) + some
                found, reloaded = await asyncio.gather(wave(session, paths), reloads(session, running))
                assert {status for _, status in found} == {200}
                assert reloaded == {200}
            resident.append(process.resident)

        async def as_before() -> bool:
            return process.sockets_and_files <= before

        await until(as_before, f"no more than {before} sockets and files are open")
        assert process.threads <= 24
        assert resident[-1] - resident[0] < 30 << 20
        async with client(url) as session:
            async with session.get("/metrics") as response:
                page = parsed(await response.text())
            async with session.get("/metrics?probe=false") as response:
                text = await response.text()
        assert [page.outcome(f"good-{number}") for number in range(GOOD)] == ["success"] * GOOD
        assert "\ndicom_exporter_requests_in_flight 1.0\n" in text
        assert "\ndicom_exporter_probes_in_flight 0.0\n" in text
        assert 'dicom_exporter_requests_refused_total{reason="requests"} 0.0' in text


async def test_load_above_limit_is_refused_and_none_is_lost(tmp_path: Path) -> None:
    async with archives() as targets, AsyncExitStack() as stack:
        configure(tmp_path, targets)
        flags = ("--web.listen-address=127.0.0.1:0", "--web.max-requests=40")
        running = await stack.enter_async_context(started(*flags, directory=tmp_path))
        url = await running.url()
        stack.push_async_callback(_end, asyncio.create_task(_drain(running)))
        async with client(url) as session:
            found = await wave(session, ["/metrics"] * AT_ONCE + ["/-/healthy"] * 20)
            assert found["/-/healthy", 200] == 20
            assert set(found) <= {("/-/healthy", 200), ("/metrics", 200), ("/metrics", 503)}
            assert found["/metrics", 200] >= 40
            refused = found["/metrics", 503]
            assert refused > 0
            async with session.get("/metrics?probe=false") as response:
                text = await response.text()
        assert f'dicom_exporter_requests_refused_total{{reason="requests"}} {refused}.0' in text


async def test_load_sigterm_with_200_waiting_requests_ends(tmp_path: Path) -> None:
    async with archives() as targets, AsyncExitStack() as stack:
        configure(tmp_path, targets)
        running = await stack.enter_async_context(started("--web.listen-address=127.0.0.1:0", directory=tmp_path))
        url = await running.url()
        stack.push_async_callback(_end, asyncio.create_task(_drain(running)))
        async with client(url) as session:

            async def get(path: str) -> tuple[int, str]:
                async with session.get(path) as response:  # without a limit: the modules' 10 s
                    return response.status, await response.text()

            waiting = [asyncio.create_task(get("/metrics")) for _ in range(AT_ONCE // 2)]
            waiting += [asyncio.create_task(get("/probe?target=hanging-1")) for _ in range(AT_ONCE // 2)]

            async def all_wait() -> bool:
                _, text = await get("/metrics?probe=false")
                return f"\ndicom_exporter_requests_in_flight {AT_ONCE + 1}.0\n" in text

            await until(all_wait, "all requests are in")
            running.process.send_signal(signal.SIGTERM)
            answers = await asyncio.gather(*waiting)
        assert {status for status, _ in answers} == {200}
        for text in {text for _, text in answers}:
            assert 1 in parsed(text).values("dicom_echo_outcome", outcome="overload")
        assert await running.ended() == 0


async def test_load_leaves_no_task(tmp_path: Path) -> None:
    """In this process, if the tasks can be counted; some clients disconnect before the response."""
    async with archives() as targets:
        configure(tmp_path, targets, probe={"allow": ["127.0.0.0/8"]})
        config = load([tmp_path / "config.yml"])
        tasks = len(asyncio.all_tasks())
        prober = Prober(config)
        state = in_process.state(prober, _loader(config))
        async with in_process.exporter(state) as session:
            patient = [asyncio.create_task(_status(session, "/metrics")) for _ in range(50)]
            hasty = [asyncio.create_task(_status(session, "/metrics")) for _ in range(50)]
            some = [f"/probe?target={target['address']}" for target in targets]
            hasty += [asyncio.create_task(_status(session, path)) for path in some]
            while state.traffic.requests_in_flight < len(patient) + len(hasty):  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.001)
            for task in hasty:
                task.cancel()
            assert await asyncio.gather(*patient) == [200] * len(patient)

            async def none_left() -> bool:
                return not prober.probes_in_flight and not state.traffic.requests_in_flight

            await until(none_left, "requests and probes have ended")
        await prober.close()

        async def as_before() -> bool:

            return len(asyncio.all_tasks()) <= tasks

        await until(as_before, "as many tasks as before")


def _loader(config: Config) -> Callable[[], Config]:
    return lambda: config


async def _status(session: ClientSession, path: str) -> int:
    async with session.get(path, headers=SECOND) as response:
        await response.read()
        return response.status


async def _drain(running: Running) -> None:
    """Read its log, so that a full pipe does not block it."""
    assert running.process.stderr is not None
    while await running.process.stderr.read(65536):
        pass


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
