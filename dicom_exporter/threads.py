"""Work that may block for ever, such as reading a file on a mount that hangs: in a daemon thread.

Neither the event loop nor the end of the process waits for such a thread, as they would for `asyncio.to_thread`.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


def in_daemon_thread(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Begin `work`; the future gets what it returns or raises. Raises RuntimeError if no thread can be started.

    The event loop waits until the system runs the new thread.
    """
    future, run = _handing_on(work)
    threading.Thread(target=run, name=name, daemon=True).start()
    return future


class DaemonWorker:
    """One daemon thread for work that is done often: one after the other, and a new thread is awaited only once."""

    def __init__(self, name: str) -> None:
        self._todo: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=_work, args=(self._todo,), name=name, daemon=True)

    def begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """As `in_daemon_thread`, once what was begun before has ended."""
        if not self._thread.is_alive():
            self._thread.start()
        future, run = _handing_on(work)
        self._todo.put(run)
        return future

    def __del__(self) -> None:
        self._todo.put(None)


def _work(todo: "SimpleQueue[Callable[[], None] | None]") -> None:
    while (run := todo.get()) is not None:
        run()


def _handing_on(work: Callable[[], T]) -> tuple[asyncio.Future[T], Callable[[], None]]:
    """A future of the running event loop, and what does `work` in another thread and settles it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            settle, result = future.set_result, work()
        except Exception as error:  # noqa: BLE001 - handed on to whoever waits
            settle, result = future.set_exception, error  # type: ignore[assignment]
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(lambda: None if future.done() else settle(result))

    return future, run
