"""Who runs where: whatever is measured has one core, the servers have the others, and nobody takes from another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


def client_cores() -> set[int]:
    """The core of what is measured; all there are, where there is but one."""
    return {min(os.sched_getaffinity(0))}


def server_cores() -> set[int]:
    """The cores of the servers."""
    every = os.sched_getaffinity(0)
    return every - client_cores() or every


@contextmanager
def started_on(cores: set[int]) -> Iterator[None]:
    """Processes that are started in the block run on `cores`, for good."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
