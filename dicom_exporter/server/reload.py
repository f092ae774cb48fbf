"""Reloading the configuration while the exporter runs: all of it is applied, or nothing."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import time

import structlog

from dicom_exporter.config import Config, ConfigErrors
from dicom_exporter.threads import in_daemon_thread

log = structlog.stdlib.get_logger(__name__)

LOAD_TIMEOUT = 10.0
"""Seconds after which a reload is given up."""
_PATIENCE = 1.0
"""Seconds that a reload waits for the one before it."""
_THREAD = "reload"
_MAX_THREADS = 16
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
    ended: dict[str, int] = field(default_factory=lambda: {"success": 0, "failure": 0})
    """Reloads since the start, by result."""
    _waiting: asyncio.Task[tuple[str, ...]] | None = None
    """A reload that has not begun: it is for all that ask for one now."""
    _loading: asyncio.Future[Config] | None = None
    """The load that began last."""
    _applied: int = 0
    _begun: int = 0

    async def reload(self) -> tuple[str, ...]:
        """Load the configuration and apply it. Returns the errors, one a line, if the running configuration is kept.

        Reloads follow each other, and a reload waits a second at most for one that hangs. The configuration that was
        requested last is the one that runs.
        """
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._reload())
        return await asyncio.shield(self._waiting)

    async def _reload(self) -> tuple[str, ...]:
        if self._loading is not None:
            await asyncio.wait({self._loading}, timeout=_PATIENCE)
        self._waiting = None
        self._begun += 1
        number = self._begun
        try:
            config = await self._load()
        except TimeoutError:
            line = f"the configuration could not be read within {LOAD_TIMEOUT:.0f} s: a file or its file system hangs"
            log.error("not reloaded: the running configuration stays", error=line)
            return self._failed(number, (line,))
        except ConfigErrors as errors:
            lines = tuple(str(error) for error in errors.errors)
            for line in lines:
                log.error("invalid configuration", error=line)
            log.error("not reloaded: the running configuration stays", errors=len(lines))
            return self._failed(number, lines)
        if number < self._applied:  # it hung, and a later one is running by now
            return ()
        self.ended["success"] += 1
        for apply in self.apply:
            apply(config)
        self._applied, self.successful, self.success_time = number, True, time()
        log.info("configuration reloaded", targets=len(config.targets))
        return ()

    def _failed(self, number: int, lines: tuple[str, ...]) -> tuple[str, ...]:
        self.ended["failure"] += 1
        self.successful = number < self._applied
        return lines

    async def _load(self) -> Config:
        """What `load` returns or raises; TimeoutError if it hangs."""
        if sum(thread.name == _THREAD for thread in threading.enumerate()) >= _MAX_THREADS:
            raise TimeoutError
        self._loading = loading = in_daemon_thread(self.load, _THREAD)
        async with asyncio.timeout(LOAD_TIMEOUT):
            return await loading
