from __future__ import annotations

import asyncio
import threading

import pytest

from dicom_exporter.threads import DaemonWorker, in_daemon_thread


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


async def test_daemon_worker_does_all_in_one_thread_until_nobody_has_it() -> None:
    worker = DaemonWorker("worker")
    threads = [await worker.begin(threading.current_thread) for _ in range(3)]
    assert len(set(threads)) == 1
    assert threads[0].daemon
    with pytest.raises(ZeroDivisionError):
        await worker.begin(lambda: 1 // 0)
    assert await worker.begin(lambda: "after an exception") == "after an exception"
    del worker
    threads[0].join(60)
    assert not threads[0].is_alive()
