"""Work that may block for ever, such as reading a file on a mount that hangs: in a daemon thread of its own.

Neither the event loop nor the end of the process waits for such a thread, as they would for `asyncio.to_thread`.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def in_daemon_thread(work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Begin `work`; the future gets what it returns or raises. Raises RuntimeError if no thread can be started."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            settle, result = future.set_result, work()
        except Exception as error:  # noqa: BLE001 - handed on to whoever waits
            settle, result = future.set_exception, error  # type: ignore[assignment]
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(lambda: None if future.done() else settle(result))

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
