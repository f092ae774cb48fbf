"""Reloading the configuration while the exporter runs: all of it is applied, or nothing."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import time

import structlog

from dicom_exporter.config import Config, ConfigErrors

log = structlog.stdlib.get_logger(__name__)

LOAD_TIMEOUT = 10.0
"""Seconds after which a reload is given up."""
_MAX_THREADS = 4
"""Reloads that may hang in a file at once; a further one is given up without a thread."""


@dataclass(slots=True)
class Reloader:
    """Reads the configuration and applies it. It knows how the last attempt ended."""

    load: Callable[[], Config]
    """Reads the configuration, and may block. Raises ConfigErrors."""
    apply: Sequence[Callable[[Config], None]]
    """Called with a new configuration, in this order, on the event loop. They must not raise."""
    successful: bool = True
    """Whether the last attempt applied a configuration."""
    success_time: float | None = None
    """Unix time at which the running configuration was applied."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reload(self) -> tuple[str, ...]:
        """Load the configuration and apply it. Returns the errors, one a line, if the running configuration is kept.

        Reloads wait for each other, so that the configuration that was requested last is the one that runs.
        """
        async with self._lock:
            try:
                config = await _in_daemon_thread(self.load)
            except TimeoutError:
                self.successful = False
                line = (
                    f"the configuration could not be read within {LOAD_TIMEOUT:.0f} s: a file or its file system hangs"
                )
                log.error("not reloaded: the running configuration stays", error=line)
                return (line,)
            except ConfigErrors as errors:
                self.successful = False
                lines = tuple(str(error) for error in errors.errors)
                for line in lines:
                    log.error("invalid configuration", error=line)
                log.error("not reloaded: the running configuration stays", errors=len(lines))
                return lines
            for apply in self.apply:
                apply(config)
            self.successful, self.success_time = True, time()
            log.info("configuration reloaded", targets=len(config.targets))
            return ()


async def _in_daemon_thread(load: Callable[[], Config]) -> Config:
    """What `load` returns or raises; TimeoutError after `LOAD_TIMEOUT`.

    A daemon thread of its own: one that hangs in a file delays neither a later reload nor the end of the process.
    """
    if sum(thread.name == "reload" for thread in threading.enumerate()) >= _MAX_THREADS:
        raise TimeoutError
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Config] = loop.create_future()

    def settle(config: Config | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        elif config is not None:
            done.set_result(config)

    def run() -> None:
        config, error = None, None
        try:
            config = load()
        except Exception as raised:  # noqa: BLE001 - handed on to whoever waits
            error = raised
        try:
            loop.call_soon_threadsafe(settle, config, error)
        except RuntimeError:
            pass  # the loop has closed: nobody waits

    threading.Thread(target=run, name="reload", daemon=True).start()
    async with asyncio.timeout(LOAD_TIMEOUT):
        return await done
