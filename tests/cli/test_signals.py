"""SIGHUP, SIGTERM and SIGINT at every moment: before anything is imported, while files are read, and at the end.

A program that holds the signals reports it in /proc, so a test can send one at exactly that moment. The configuration
is a FIFO: the exporter waits in it until the test writes it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.testing.running import PATIENCE, Running, started

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc"),
]

FREE = "--web.listen-address=127.0.0.1:0"
CONFIG = json.dumps({"targets": [{"name": "one", "address": "127.0.0.1:9"}]})
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


def signals_in(line: str, pid: int) -> set[int]:
    """The signals of a mask in /proc/PID/status: SigBlk, SigCgt."""
    for each in Path(f"/proc/{pid}/status").read_text().splitlines():
        if each.startswith(f"{line}:"):
            mask = int(each.split()[1], 16)
            return {number for number in SIGNALS if mask >> (number - 1) & 1}
    raise AssertionError(line)


def children_of(pid: int) -> list[int]:
    """Its child processes."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def holding(running: Running) -> None:
    """Wait until the process holds the signals."""
    async with asyncio.timeout(PATIENCE):
        while signals_in("SigBlk", running.process.pid) != set(SIGNALS):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.001)


async def handling(running: Running) -> None:
    """Wait until the process has handlers, and holds the signals no more."""
    async with asyncio.timeout(PATIENCE):
        pid = running.process.pid
        while signals_in("SigBlk", pid) or signals_in("SigCgt", pid) != set(SIGNALS):  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def hang(directory: Path, name: str = "config.yml") -> Path:
    """A file that cannot be read to its end, as on a mount that hangs."""
    os.mkfifo(directory / name)
    return directory / name


async def answer(fifo: Path, text: str = CONFIG) -> None:
    """Let whoever reads `fifo` go on."""
    await asyncio.to_thread(fifo.write_text, text)


@pytest.mark.parametrize("arguments", [[FREE], ["demo", FREE]], ids=["serve", "demo"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stop_before_imports_ends_with_0(arguments: list[str], number: int, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(CONFIG)
    async with started(*arguments, directory=tmp_path) as exporter:
        await holding(exporter)
        exporter.process.send_signal(number)
        assert await exporter.ended() == 0
        assert exporter.process.stderr is not None
        assert b"Traceback" not in await exporter.process.stderr.read()


async def test_hangup_before_imports_reloads_once_ready(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(CONFIG)
    async with started(FREE, directory=tmp_path) as exporter:
        await holding(exporter)
        exporter.process.send_signal(signal.SIGHUP)
        await exporter.url()
        await exporter.logged('msg="configuration reloaded" targets=1')
        exporter.process.send_signal(signal.SIGTERM)
        assert await exporter.ended() == 0


async def test_hangup_while_configuration_is_read_reloads_once_ready(tmp_path: Path) -> None:
    fifo = hang(tmp_path)
    async with started(FREE, directory=tmp_path) as exporter:
        await handling(exporter)
        exporter.process.send_signal(signal.SIGHUP)
        await answer(fifo)
        await exporter.url()
        await answer(fifo)
        await exporter.logged('msg="configuration reloaded" targets=1')


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", ["config.yml", "web.yml"])
async def test_stop_while_file_hangs_at_start_ends_with_0(name: str, number: int, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(CONFIG)
    (tmp_path / name).unlink(missing_ok=True)
    hang(tmp_path, name)
    web = ["--web.config.file=web.yml"] if name == "web.yml" else []
    async with started(FREE, *web, directory=tmp_path) as exporter:
        await handling(exporter)
        exporter.process.send_signal(number)
        assert await exporter.ended() == 0


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("arguments", [["report"], ["--config.check"]])
async def test_commands_that_end_by_themselves_are_interrupted(
    arguments: list[str], number: int, tmp_path: Path
) -> None:
    hang(tmp_path)
    async with started(*arguments, directory=tmp_path) as running:
        await handling(running)
        running.process.send_signal(number)
        assert await running.ended() == 3
        assert running.process.stderr is not None
        assert await running.process.stderr.read() == b"dicom_exporter: interrupted\n"


IMPORTED = """
import os, signal, weakref

class Thing:
    pass

thing = Thing()
callback = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGTERM))
exec("del thing")  # exceptions of the callback are dropped
"""
IMPORTING = """
from dicom_exporter import signals

signals.begin()
signals.interruptible()
try:
    import imported
    while True:
        pass
except KeyboardInterrupt:
    print(hasattr(imported, "callback"))
"""


def test_interrupt_during_import_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "imported.py").write_text(IMPORTED)
    command = [sys.executable, "-c", IMPORTING]
    path = os.pathsep.join((str(tmp_path), *filter(None, sys.path)))
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


@pytest.mark.parametrize("number", SIGNALS)
async def test_probe_is_interrupted_and_its_association_ends(number: int, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        silent.setblocking(False)
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        async with started("probe", address, directory=tmp_path) as running:
            connection, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(silent), PATIENCE)
            with connection:
                running.process.send_signal(number)
                assert await running.ended() == 3


async def test_reload_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(CONFIG)
    async with started(FREE, directory=tmp_path) as exporter:
        await exporter.url()
        (tmp_path / "config.yml").unlink()
        fifo = hang(tmp_path)
        exporter.process.send_signal(signal.SIGHUP)
        writer = await asyncio.to_thread(fifo.open, "w")  # returns once the reload has opened it
        with writer:
            exporter.process.send_signal(signal.SIGTERM)
            assert await exporter.ended() == 0


async def test_systemd_is_told_of_start_reload_and_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yml").write_text(CONFIG)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        async def told() -> str:
            data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(systemd, 100), PATIENCE)
            return data.decode().partition("\n")[0]

        async with started(FREE, directory=tmp_path) as exporter:
            assert await told() == "READY=1"
            exporter.process.send_signal(signal.SIGHUP)
            assert [await told(), await told()] == ["RELOADING=1", "READY=1"]
            exporter.process.send_signal(signal.SIGTERM)
            assert await told() == "STOPPING=1"
            assert await exporter.ended() == 0


def has_pid_namespaces() -> bool:
    """Whether this user may make one."""
    try:
        done = subprocess.run(["unshare", "--pid", "--fork", "true"], check=False, capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_process_1_has_its_signals_while_it_starts(number: int, tmp_path: Path) -> None:
    """The kernel discards a signal for process 1 of a container that has no handler for it."""
    hang(tmp_path)
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "dicom_exporter", FREE]
    if not await asyncio.to_thread(has_pid_namespaces):
        pytest.skip("needs a PID namespace")
    process = await asyncio.create_subprocess_exec(*command, cwd=tmp_path)
    try:
        async with asyncio.timeout(PATIENCE):
            while not (found := children_of(process.pid)):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            (pid,) = found
            while signals_in("SigBlk", pid) != set(SIGNALS):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            os.kill(pid, number)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
