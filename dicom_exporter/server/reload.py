"""Reloading the configuration while the exporter runs: all of it is applied, or nothing."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import time

import structlog

from dicom_exporter.config import Config, ConfigErrors

log = structlog.stdlib.get_logger(__name__)


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
                config = await asyncio.to_thread(self.load)
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
