from __future__ import annotations

import asyncio
import threading

import pytest

from dicom_exporter.threads import in_daemon_thread


async def test_daemon_thread_hands_on_result() -> None:
    assert await in_daemon_thread(lambda: threading.current_thread().daemon, "work") is True


async def test_daemon_thread_hands_on_exception() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_daemon_thread(lambda: 1 // 0, "work")


async def test_daemon_thread_result_that_nobody_waits_for_is_dropped() -> None:
    go, done = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        go.wait()
        loop.call_soon_threadsafe(done.set)
        raise RuntimeError

    future = in_daemon_thread(work, "work")
    future.cancel()
    go.set()
    await done.wait()
    await asyncio.sleep(0)
    assert future.cancelled()


def test_daemon_thread_that_outlives_its_loop_ends_quietly() -> None:
    go = threading.Event()

    async def begin() -> threading.Thread:
        before = set(threading.enumerate())
        in_daemon_thread(go.wait, "work")
        (thread,) = set(threading.enumerate()) - before
        return thread

    thread = asyncio.run(begin())
    go.set()
    thread.join(60)  # pytest fails the test if the thread has raised
    assert not thread.is_alive()
