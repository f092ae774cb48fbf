"""The limit of file descriptors: each of 10,000 targets needs one in the client and one in the server."""

from __future__ import annotations

import resource


def raise_file_limit() -> None:
    """Raise the soft limit to the hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
