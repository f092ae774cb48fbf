"""A token bucket: one new token each interval, at most `burst` of them; a request takes one."""

import time
from collections.abc import Callable


class TokenBucket:
    """Full at first, as in Go's x/time/rate; with a `burst` of 0 every request is refused."""

    def __init__(self, interval: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`interval` is in seconds, and more than 0. `clock` gives seconds."""
        self._interval = interval
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._counted = clock()

    def take(self) -> bool:
        """Take a token; False if there is none."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._counted) / self._interval)
        self._counted = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
