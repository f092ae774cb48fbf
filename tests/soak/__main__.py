"""Run the soak: `python -m tests.soak --minutes 30`. The exit code is 1 if a check failed."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.soak import rude, weather
from tests.soak.clients import PROMETHEUS, Clients
from tests.soak.moods import Timeline
from tests.soak.sampling import Sample, sample
from tests.soak.verdict import Facts, report
from tests.testing import web_config

_PORT = 21104
_MOST_FILES = 4096
_LITTLE_MORE = 0.15
"""File descriptors for each target during a shortage, in addition to those in use: too few for most targets."""
_QUIET = 3.0
"""Seconds without a scrape before a sample."""
_PATIENCE = 60.0


@dataclass(slots=True)
class Options:
    """The options of the command line."""

    minutes: float
    targets: int
    interval: float
    timeout: float
    beat: float
    port: int
    seed: int
    most_unknown: float
    directory: Path
    output: Path | None


@dataclass(slots=True)
class Soak:
    """A soak test in progress."""

    options: Options
    exporter: asyncio.subprocess.Process
    url: str
    clients: Clients
    chance: random.Random
    clock: weather.Clock
    started: float
    samples: list[Sample] = field(default_factory=list)
    reloads: int = 0
    refusals: int = 0
    """Invalid configurations that were rejected, as expected."""
    mistakes: list[str] = field(default_factory=list)
    shortages: int = 0
    clock_errors_seen: int = 0

    @property
    def pid(self) -> int:
        return self.exporter.pid

    def elapsed(self) -> float:
        return time.monotonic() - self.started


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--targets", type=int, default=500)
    parser.add_argument("--interval", type=float, default=6.0, help="seconds between two scrapes of one client")
    parser.add_argument("--timeout", type=float, default=6.0, help="scrape timeout in seconds")
    parser.add_argument("--beat", type=float, default=60.0, help="seconds between two reloads, and between two samples")
    parser.add_argument("--port", type=int, default=_PORT, help="port of all peers, on 127.77.0.0/16")
    parser.add_argument("--seed", type=int, default=104)
    parser.add_argument(
        "--most-unknown", type=float, default=0.01, help="highest share of outcomes that may be overload"
    )
    parser.add_argument("--directory", type=Path, help="for logs; a new temporary directory by default")
    parser.add_argument("--output", type=Path, help="also write the result to this file")
    given = parser.parse_args()
    given.directory = given.directory or Path(tempfile.mkdtemp(prefix="soak-"))
    given.directory.mkdir(parents=True, exist_ok=True)
    options = Options(**vars(given))
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    facts = asyncio.run(_soak(options))
    text, holds = report(facts)
    sys.stdout.write(text)
    if options.output is not None:
        options.output.write_text(text)
    return 0 if holds else 1


async def _soak(options: Options) -> Facts:
    directory = options.directory
    chance = random.Random(options.seed)
    config = directory / "config.yml"
    config.write_text(weather.configuration(weather.some(options.targets, chance), options.port, options.timeout))
    clock = weather.Clock(directory)
    web = directory / "web.yml"
    web.touch(0o600)
    web.write_text(web_config.users(**rude.USERS))
    async with (
        _peers(options) as peers,
        _helper(options, "spenders", str(directory), str(options.port)),
        _exporter(options, clock) as (exporter, url),
    ):
        timeline = Timeline(directory / "timeline")
        clients = Clients(url, timeline, interval=options.interval, timeout=options.timeout)
        soak = Soak(options, exporter, url, clients, chance, clock, time.monotonic())
        async with _helper(options, "rude", url):
            await _run(soak, peers)
        code = await _stop_in_mid_scrape(soak)
        timeline.close()
        peers.send_signal(signal.SIGTERM)
        await asyncio.wait_for(peers.wait(), _PATIENCE)
    return Facts(
        command=" ".join(["python -m tests.soak", *sys.argv[1:]]),
        seconds=soak.elapsed(),
        samples=soak.samples,
        scrapes=clients.seen,
        timeout=options.timeout,
        reloads=soak.reloads,
        refusals=soak.refusals,
        mistakes=soak.mistakes,
        clock_jumps=clock.jumps if weather.FAKETIME else 0,
        clock_errors_seen=soak.clock_errors_seen,
        shortages=soak.shortages,
        exit_code=code,
        most_unknown=options.most_unknown,
        stops=json.loads((directory / "watched").read_text()),
        peers=json.loads((directory / "peers.json").read_text()),
        log=(directory / "exporter.log").read_text(errors="replace"),
    )


async def _run(soak: Soak, peers: asyncio.subprocess.Process) -> None:
    """Run everything in parallel, until the time is over or a task fails."""
    jobs: list[Coroutine[Any, Any, None]] = [
        soak.clients.keep_scraping(keep_alive=True),
        soak.clients.keep_scraping(keep_alive=False),
        _every(soak.options.beat / 3, lambda: _jump(soak)),
        _beats(soak),
        _alive(soak.exporter, "exporter"),
        _alive(peers, "peers"),
    ]
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, timeout=soak.options.minutes * 60, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        soak.clients.resume()


async def _alive(process: asyncio.subprocess.Process, name: str) -> None:
    """Raise RuntimeError if the process ends."""
    raise RuntimeError(f"{name} ended with {await process.wait()}, see {name}.log")


async def _every(seconds: float, do: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await do()


async def _beats(soak: Soak) -> None:
    """For each beat: a reload, sometimes a shortage of file descriptors, then a pause of the scrapes and a sample."""
    beat = soak.options.beat
    number = 0
    while True:
        begin = time.monotonic()
        await _reload(soak, broken=number % 5 == 4)
        if number % 3 == 1:
            await asyncio.sleep(beat / 4)
            await _run_short_of_files(soak, beat / 4)
        await asyncio.sleep(max(0.0, begin + beat - _QUIET - time.monotonic()))
        await _look(soak)
        number += 1


async def _reload(soak: Soak, *, broken: bool) -> None:
    config = soak.options.directory / "config.yml"
    numbers = weather.some(soak.options.targets, soak.chance)
    text = weather.configuration(numbers, soak.options.port, soak.options.timeout)
    config.write_text(text.replace("identity", "identify") if broken else text)
    if not broken:
        soak.clients.targets &= frozenset(numbers)
    if soak.reloads % 2 and not broken:
        weather.reload_by_signal(soak.pid)
        await asyncio.sleep(2)
    else:
        try:
            async with (
                aiohttp.ClientSession(headers=PROMETHEUS) as client,
                client.post(f"{soak.url}/-/reload") as answer,
            ):
                if (answer.status == 500) is not broken:
                    soak.mistakes.append(f"reload of {'an invalid' if broken else 'a valid'} file: {answer.status}")
                soak.refusals += broken
        except aiohttp.ClientError as error:
            soak.mistakes.append(f"reload: {type(error).__name__}")
    if not broken:
        soak.reloads += 1
        soak.clients.targets = frozenset(numbers)


async def _run_short_of_files(soak: Soak, seconds: float) -> None:
    quiet = soak.samples[-1].files if soak.samples else 30
    soak.clients.short_of_files = True
    weather.limit_files(soak.pid, quiet + round(_LITTLE_MORE * soak.options.targets))
    soak.shortages += 1
    await asyncio.sleep(seconds)
    weather.limit_files(soak.pid, _MOST_FILES)
    await asyncio.sleep(soak.options.timeout)  # a scrape may still join probes of that time
    soak.clients.short_of_files = False


async def _jump(soak: Soak) -> None:
    """Change the wall clock, and check whether the exporter uses the new time."""
    soak.clock.jump()
    await asyncio.sleep(1.5)
    with contextlib.suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession(headers=PROMETHEUS) as client, client.get(f"{soak.url}/-/healthy") as answer:
            said = answer.headers.get("Date", "")
            soak.clock_errors_seen += said != "" and said[:22] != _http_date()[:22]


def _http_date() -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())


async def _look(soak: Soak) -> None:
    """Take a sample while no scrape is in progress."""
    await soak.clients.pause()
    await asyncio.sleep(_QUIET)
    taken = sample(soak.pid, soak.elapsed(), soak.options.directory / "watched")
    soak.samples.append(taken)
    soak.clients.resume()
    sys.stdout.write(
        f"{taken.at:6.0f} s  {taken.sockets} sockets  {taken.files} files  {taken.tasks} tasks  {taken.threads} threads"
        f"  {taken.memory:.1f} MiB  {soak.clients.seen.answered} scrapes\n"
    )
    sys.stdout.flush()


async def _stop_in_mid_scrape(soak: Soak) -> int | None:
    """Send SIGTERM during a scrape, which must be answered; return the exit code, None if the process did not end."""
    if soak.exporter.returncode is not None:
        return soak.exporter.returncode
    async with aiohttp.ClientSession(headers=PROMETHEUS) as client:
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": str(soak.options.timeout)}
        asked = asyncio.create_task(_status(client, f"{soak.url}/metrics", headers))
        await _until_it_probes(client, soak)
        soak.exporter.send_signal(signal.SIGTERM)
        try:
            status = await asked
            if status != 200:
                soak.mistakes.append(f"the scrape during SIGTERM was answered with status {status}")
        except aiohttp.ClientError as error:
            soak.mistakes.append(f"the scrape during SIGTERM was not answered: {type(error).__name__}")
    try:
        return await asyncio.wait_for(soak.exporter.wait(), _PATIENCE)
    except TimeoutError:
        return None


async def _until_it_probes(client: aiohttp.ClientSession, soak: Soak) -> None:
    """Wait until the exporter says that it probes: then it has the request for a scrape, which had begun before."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            async with client.get(f"{soak.url}/metrics?probe=false") as response:
                if re.search(r"^dicom_exporter_probes_in_flight [1-9]", await response.text(), re.MULTILINE):
                    return
            await asyncio.sleep(0.1)


async def _status(client: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> int:
    async with client.get(url, headers=headers) as response:
        await response.read()
        return response.status


@contextlib.asynccontextmanager
async def _peers(options: Options) -> AsyncIterator[asyncio.subprocess.Process]:
    arguments = [str(options.directory), str(options.targets), str(options.port), str(options.seed)]
    with (options.directory / "peers.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.soak.peers", *arguments, stdout=log, stderr=log
        )
    async with _ending(process):
        async with asyncio.timeout(_PATIENCE):
            while not (options.directory / "peers.json").exists():  # noqa: ASYNC110 - another process's progress
                await asyncio.sleep(0.1)
        yield process


@contextlib.asynccontextmanager
async def _helper(options: Options, name: str, *arguments: str) -> AsyncIterator[None]:
    with (options.directory / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"tests.soak.{name}", *arguments, stdout=log, stderr=log
        )
    async with _ending(process):
        yield


@contextlib.asynccontextmanager
async def _exporter(options: Options, clock: weather.Clock) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    path = options.directory / "exporter.log"
    with path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.soak.watched", str(options.directory / "watched")),
            *(f"--config.file={options.directory / 'config.yml'}", "--web.listen-address=127.0.0.1:0"),
            f"--web.config.file={options.directory / 'web.yml'}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A socket that is garbage-collected while open could close a file descriptor that is in use again.
            env={**os.environ, **clock.environment(), "PYTHONWARNINGS": "always::ResourceWarning"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (_MOST_FILES, _MOST_FILES)),
        )
    async with _ending(process):
        async with asyncio.timeout(_PATIENCE):
            while not (found := re.search(r"msg=listening address=(\S+)", path.read_text())):
                if process.returncode is not None:
                    raise RuntimeError(f"the exporter ended with {process.returncode}: {path.read_text()}")
                await asyncio.sleep(0.1)
        yield process, f"http://{found[1]}"


@contextlib.asynccontextmanager
async def _ending(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """Kill the process at the end of the block, unless it has already ended."""
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


if __name__ == "__main__":
    sys.exit(main())
