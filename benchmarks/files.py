"""The limit on file descriptors: each of ten thousand targets takes one, at both ends."""

from __future__ import annotations

import resource


def raise_file_limit() -> None:
    """Raise the soft limit to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
