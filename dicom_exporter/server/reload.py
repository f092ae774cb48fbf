"""Reading the configuration anew while the exporter runs: all of it, or nothing."""

from __future__ import annotations

import asyncio
import time

import structlog

from dicom_exporter.config import ConfigErrors
from dicom_exporter.server.state import State

log = structlog.stdlib.get_logger(__name__)


async def reload(state: State) -> tuple[str, ...]:
    """Load the configuration and apply it; return the errors, one a line, with which the running one stays.

    Reloads wait for each other, so that the one that was asked for last is the one that stands.
    """
    async with state.reload_lock:
        try:
            config = await asyncio.to_thread(state.load)
        except ConfigErrors as errors:
            state.reload_successful = False
            lines = tuple(str(error) for error in errors.errors)
            for line in lines:
                log.error("invalid configuration", error=line)
            log.error("not reloaded: the running configuration stays", errors=len(lines))
            return lines
        state.prober.reconfigure(config)
        state.history.reload(config)
        if state.probe_log is not None:
            state.probe_log.reload(config)
        applied(state)
        log.info("configuration reloaded", targets=len(config.targets))
        return ()


def applied(state: State) -> None:
    """Note that a configuration was read and applied just now."""
    state.reload_successful = True
    state.reload_success_time = time.time()
