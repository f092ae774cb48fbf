"""Log lines that strangers can cause, at most one of each kind in some seconds: otherwise they could fill the disk."""

import math
import time
from collections import Counter

import structlog

log = structlog.stdlib.get_logger(__name__)

_INTERVAL = 10.0


class LimitedLog:
    """Warnings: one of each kind in `interval` seconds, with the number of those left out."""

    def __init__(self, interval: float = _INTERVAL) -> None:
        self._interval = interval
        self._last: dict[str, float] = {}
        self._not_logged: Counter[str] = Counter()

    def warning(self, message: str, **details: object) -> None:
        """Log it or count it. There are only a few different messages."""
        now = time.monotonic()
        if now - self._last.get(message, -math.inf) < self._interval:
            self._not_logged[message] += 1
            return
        self._last[message] = now
        log.warning(message, **details, not_logged=self._not_logged.pop(message, 0))
