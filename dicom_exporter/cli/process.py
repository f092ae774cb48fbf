"""The process around the event loop."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

from dicom_exporter.logs import log_loop_exception

log = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")

_ENOUGH_FILES = 1_048_576
_OBJECTS_BETWEEN_COLLECTIONS = 20_000
"""A few MiB of garbage at most."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` in a new event loop: uvloop's where there is one, as it halves the cost of an association."""

    async def watched() -> T:
        _collect_garbage_seldom()
        asyncio.get_running_loop().set_exception_handler(log_loop_exception)
        return await main

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(watched())


def _collect_garbage_seldom() -> None:
    """Leave what is loaded by now out of garbage collections, and have fewer of them.

    pydicom's dictionaries and ten thousand targets are a million objects that stay; and probes make so many small ones
    that Python's own thresholds have it look for cycles for a sixth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 50, 100)


def raise_file_limit() -> int:
    """Raise the soft limit on file descriptors to the hard one: each target that is being probed holds a socket.

    Returns how many there may be.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return _ENOUGH_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError) as error:  # macOS has a bound of its own, below the one it reports
            log.debug("the limit on file descriptors stays", reason=type(error).__name__)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    log.debug("file descriptors", soft=soft, hard=hard)
    return _ENOUGH_FILES if soft == resource.RLIM_INFINITY else soft


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop
