"""Start all programs, show the alerts, and stop all programs at the end."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deploy.demo_stack.pages import Pages, receiver, show
from deploy.demo_stack.settings import alertmanager_config, prometheus_config, write_rules
from dicom_exporter import DEFAULT_PORT

TIMES_FASTER = 20
PORTS = {"exporter": DEFAULT_PORT, "prometheus": 9090, "alertmanager": 9093, "pages": 9099}
COULD_NOT_RUN = 3
_PATIENCE = 10.0
"""Seconds for a program to end after SIGTERM."""
_PACKAGES = {"prometheus": ("prometheus",), "prometheus-alertmanager": ("prometheus-alertmanager", "alertmanager")}
"""Debian package -> possible names of its program."""


class CouldNotRun(Exception):
    """A program is missing, or has ended unexpectedly."""


@dataclass(frozen=True)
class Child:
    """A program that was started."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    async def ended(self) -> None:
        """Wait until the program ends, which is an error. Raises CouldNotRun with the end of its log."""
        code = await self.process.wait()
        last = "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-10:])
        raise CouldNotRun(f"{self.name} ended with exit code {code}:\n{last}")


def find_programs() -> list[str]:
    """The paths of Prometheus and Alertmanager. Raises CouldNotRun with the packages to install."""
    found = {
        package: next((path for name in names if (path := shutil.which(name))), None)
        for package, names in _PACKAGES.items()
    }
    missing = [package for package, path in found.items() if path is None]
    if missing:
        raise CouldNotRun(f"{' and '.join(missing)} not found: apt-get install {' '.join(missing)}")
    return [path for path in found.values() if path is not None]


def reserve_port(wanted: int, stack: AsyncExitStack) -> int:
    """`wanted` if it is free on loopback, otherwise another free port. Raises CouldNotRun.

    No other program is given it until `stack` ends; a server that sets SO_REUSEADDR, as all do, can listen there.
    """
    reservation = stack.enter_context(socket.socket())
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for port in (wanted, 0):
        with suppress(OSError):
            reservation.bind(("127.0.0.1", port))
            return int(reservation.getsockname()[1])
    raise CouldNotRun("no free port on 127.0.0.1")


@asynccontextmanager
async def child(name: str, arguments: Sequence[str], directory: Path) -> AsyncIterator[Child]:
    """Run a program until the block ends. Ctrl-C does not reach it, so that the programs end in the right order."""
    log = directory / f"{name}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *arguments, cwd=directory, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield Child(name, process, log)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _PATIENCE)
            except TimeoutError:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()


async def run(targets: int | None, directory: Path, stop: asyncio.Event) -> None:
    """Run the stack until `stop` is set. Raises CouldNotRun if a program cannot start or ends."""
    prometheus, alertmanager = find_programs()
    async with AsyncExitStack() as stack:
        ports = {name: reserve_port(port, stack) for name, port in PORTS.items()}
        exporter = f"127.0.0.1:{ports['exporter']}"
        urls = {name: f"http://localhost:{port}" for name, port in ports.items()}
        taken = [port for name, port in PORTS.items() if ports[name] != port]
        interval = "5s" if targets is None else "15s"
        jobs: list[Mapping[str, Any]] = [
            {"job_name": "dicom", "honor_labels": True, "static_configs": [{"targets": [exporter]}]}
        ]
        write_rules(directory / "rules", TIMES_FASTER, urls["exporter"])
        (directory / "prometheus.yml").write_text(
            prometheus_config(
                jobs, f"127.0.0.1:{ports['alertmanager']}", "rules/*.yml", scrape=interval, evaluation="2s"
            )
        )

        def write(text: str) -> None:
            try:
                show(text)
            except BrokenPipeError:  # the reader has closed the pipe, as with `| head`
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                stop.set()

        pages = Pages(write, colours=sys.stdout.isatty())
        hook = await stack.enter_async_context(receiver(pages.receive, ports["pages"]))
        (directory / "alertmanager.yml").write_text(alertmanager_config({"http://": f"{hook}/"}))
        size = [] if targets is None else [f"--targets={targets}"]
        demo = [sys.executable, "-m", "dicom_exporter", "demo", f"--web.listen-address={exporter}", *size]
        programs = {
            "exporter": demo,
            "alertmanager": [
                alertmanager,
                "--config.file=alertmanager.yml",
                "--storage.path=alertmanager",
                f"--web.listen-address=127.0.0.1:{ports['alertmanager']}",
                "--cluster.listen-address=",
            ],
            "prometheus": [
                prometheus,
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=prometheus",
                f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
            ],
        }
        children = [await stack.enter_async_context(child(*each, directory)) for each in programs.items()]
        write(greeting(urls, interval, taken))
        waiting = [asyncio.create_task(each.ended()) for each in children]
        stopped = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([stopped, *waiting], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (stopped, *waiting):
                task.cancel()
        write("Stopping ...")


def greeting(urls: dict[str, str], interval: str, taken: Sequence[int]) -> str:
    """The first text in the terminal; `taken` are ports in whose place others are used."""
    others = f"Other ports than usual, as {', '.join(map(str, taken))} cannot be had.\n" if taken else ""
    return f"""\
A demonstration with simulated archives runs on this machine:
  the exporter      {urls["exporter"]}
  Prometheus        {urls["prometheus"]}/alerts
  Alertmanager      {urls["alertmanager"]}
  this terminal     {urls["pages"]} receives the alerts, instead of a pager
{others}
The rules and the routes are those in prometheus/, but faster: each alert waits
1/{TIMES_FASTER} of its normal time, and Prometheus scrapes every {interval}. One archive is
open to anybody, so the first alert comes within two minutes.
Press Ctrl-C to stop.
"""


async def main(targets: int | None) -> int:
    """Run until Ctrl-C, SIGTERM or SIGHUP, or until a program ends; return the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    with TemporaryDirectory(prefix="dicom_exporter-demo-stack-") as directory:
        try:
            await run(targets, Path(directory), stop)
        except CouldNotRun as error:
            sys.stderr.write(f"demo-stack: {error}\n")
            return COULD_NOT_RUN
    return 0


def at_least_three(text: str) -> int:
    """Parse the number of targets."""
    if not text.isdecimal() or int(text) < 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 3 or more")
    return int(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m deploy.demo_stack", description=__doc__)
    parser.add_argument("--targets", type=at_least_three, metavar="N", help="number of archives, 3 or more; default: 3")
    sys.exit(asyncio.run(main(parser.parse_args().targets)))
