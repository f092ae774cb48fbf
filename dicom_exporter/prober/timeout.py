"""How long a scrape may take: what Prometheus says it waits, less a margin to answer in."""

from __future__ import annotations

import math


def effective_timeout(header: str | None, offset: float) -> float | None:
    """Seconds for the probes of a scrape, from its ``X-Prometheus-Scrape-Timeout-Seconds`` header.

    The header less `offset` seconds; half of it if the offset would leave less than half. None without a header: the
    modules' own timeouts hold alone, as they do where they are shorter.

    Raises:
        ValueError: the header is not a positive number of seconds.
    """
    if header is None or not header.strip():
        return None
    try:
        seconds = float(header)
    except ValueError:
        raise ValueError("X-Prometheus-Scrape-Timeout-Seconds is not a number") from None
    if not math.isfinite(seconds) or seconds <= 0:
        raise ValueError("X-Prometheus-Scrape-Timeout-Seconds is not a positive number of seconds")
    return max(seconds - offset, seconds / 2)
