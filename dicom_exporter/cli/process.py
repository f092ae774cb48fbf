"""The process around the event loop."""

import asyncio
import gc
import importlib.util
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

from dicom_exporter import signals
from dicom_exporter.logs import log_loop_exception

log = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")

_MAX_FILES = 1_048_576
_OBJECTS_BETWEEN_COLLECTIONS = 20_000
"""New container objects between two collections: at most a few MiB of garbage."""


def run(main: Coroutine[Any, Any, T], *, interruptible: bool = True) -> T:
    """Run `main` in a new event loop: uvloop's if it is installed, as it halves the cost of an association.

    A signal cancels it, and then raises KeyboardInterrupt. If it is not `interruptible`, it handles signals itself, and
    they are held after it.
    """

    async def configured() -> T:
        asyncio.get_running_loop().set_exception_handler(log_loop_exception)
        try:
            return await (_interrupted_by_signals(main) if interruptible else main)
        finally:
            signals.hold()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        result = runner.run(configured())
    if interruptible:
        signals.interruptible()
    return result


async def _interrupted_by_signals(main: Coroutine[Any, Any, T]) -> T:
    """`main`, which the signals of `signals.interruptible` cancel, as `asyncio.Runner` does it at SIGINT."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        task.cancel()

    for number in (getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)):
        if signal.getsignal(number) is signals.interrupt:
            loop.add_signal_handler(number, interrupt)
    try:
        return await main
    except asyncio.CancelledError:
        if interrupted:
            raise KeyboardInterrupt from None
        raise


def collect_garbage_less_often() -> None:
    """Exclude all objects that exist now from garbage collection, and collect less often.

    pydicom's dictionaries and ten thousand targets are a million objects that are never freed. Probes allocate so many
    small objects that with Python's default thresholds a sixth of the time is spent looking for cycles.
    """
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 50, 100)


def raise_file_limit() -> int:
    """Raise the soft limit on file descriptors to the hard limit: each probe in flight holds a socket.

    Returns the limit.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return _MAX_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError) as error:  # macOS has an internal limit, below the one that it reports
            log.debug("the limit on file descriptors stays", reason=type(error).__name__)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    log.debug("file descriptors", soft=soft, hard=hard)
    return _MAX_FILES if soft == resource.RLIM_INFINITY else soft


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop
