"""A token bucket: a token each interval, at most `burst` of them at once, and one for each request."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Full at first, as in Go's x/time/rate; a `burst` of 0 lets nothing pass."""

    def __init__(self, interval: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`interval` is in seconds, and more than 0; so is what `clock` tells."""
        self._interval = interval
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._counted = clock()

    def take(self) -> bool:
        """Take a token, where there is one."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._counted) / self._interval)
        self._counted = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
