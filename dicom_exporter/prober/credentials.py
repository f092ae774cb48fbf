"""The identities of a configuration, with what is in their files now.

```
probe ─> current ─┬─ no files, or a check not long ago ──────────> the identity
                  └─ a thread: stat, and read what has changed ──> the identity, renewed
                         └─ takes longer than MAX_WAIT ──────────> the identity as it was; later probes do not wait
```

So files that are there to be renewed need no reload, and neither a broken file nor a file system that hangs stops a
probe: the last contents that could be used stay in use, which `stale_files` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import structlog

from dicom_exporter.config import Identity
from dicom_exporter.config.renewal import IdentityFiles, files_of, read_again
from dicom_exporter.threads import in_daemon_thread

MAX_WAIT = 0.25
"""Seconds from the begin of a check in which a probe waits for it."""
HANGS_AFTER = 5.0
"""Seconds after which a check that has not ended makes the files of its identity stale."""
CHECK_INTERVAL = 2.0
"""Seconds between two checks of an identity, on average: with thousands of targets there is a probe at any time."""
BURST = 20
"""Checks that may come at once after a pause."""

log = structlog.stdlib.get_logger(__name__)


class Credentials:
    """The current identities. For one configuration, and inside of one event loop.

    Between two checks a probe is answered at once, without a thread.
    """

    def __init__(
        self,
        identities: Mapping[str, Identity],
        read: Callable[[IdentityFiles], IdentityFiles] = read_again,
    ) -> None:
        self._identities = identities
        self._read = read
        self._tracked = {
            name: _Tracked(IdentityFiles(identity)) for name, identity in identities.items() if files_of(identity)
        }

    async def current(self, name: str, deadline: float | None = None) -> Identity:
        """The identity `name` as its files are now.

        After MAX_WAIT, or half of the time until `deadline` (loop time), it is as the files were when they were read
        last.
        """
        tracked = self._tracked.get(name)
        if tracked is None:
            return self._identities[name]
        now = asyncio.get_running_loop().time()
        if tracked.check is None and tracked.is_due(now):
            self._start(tracked, now)
        if tracked.check is not None:
            left = tracked.begun + MAX_WAIT - now
            if deadline is not None:
                left = min(left, (deadline - now) / 2)
            if left > 0:
                await asyncio.wait({tracked.check}, timeout=left)
            if tracked.hangs(now) and not tracked.reported:
                tracked.reported = True
                log.error("credential files cannot be read in time: their last contents stay in use", identity=name)
        return tracked.files.identity

    def stale_files(self) -> dict[tuple[str, str], bool]:
        """Identity and key of each file -> whether its last good contents are in use, because it cannot be read."""
        now = asyncio.get_running_loop().time()
        return {
            (name, key): tracked.hangs(now) or key in tracked.files.broken
            for name, tracked in self._tracked.items()
            for key in files_of(tracked.files.identity)
        }

    def _start(self, tracked: _Tracked, now: float) -> None:
        """Begin a check in a thread of its own: it may hang, and the end of the process does not wait for it."""
        with suppress(RuntimeError):  # no thread can be started now
            tracked.check = in_daemon_thread(partial(self._read, tracked.files), "credentials")
            tracked.begun = now
            tracked.check.add_done_callback(partial(_finish, tracked))


class _Tracked:
    """The files of one identity, and the check of them that is under way."""

    def __init__(self, files: IdentityFiles) -> None:
        self.files = files
        self.check: asyncio.Future[IdentityFiles] | None = None
        """None: none is under way. There is never more than one thread for an identity."""
        self.begun = 0.0
        """Loop time at which the check began."""
        self.reported = False
        """Whether it was logged that the check hangs."""
        self._spent_until = 0.0
        """A token bucket (as time): each check moves it on by CHECK_INTERVAL, and it may be BURST of those ahead."""

    def is_due(self, now: float) -> bool:
        """Whether there may be a check at loop time `now`; counts it, if so."""
        spent = max(self._spent_until, now) + CHECK_INTERVAL
        if spent > now + BURST * CHECK_INTERVAL:
            return False
        self._spent_until = spent
        return True

    def hangs(self, now: float) -> bool:
        """Whether the check has been under way for too long at loop time `now`."""
        return self.check is not None and now - self.begun > HANGS_AFTER


def _finish(tracked: _Tracked, check: asyncio.Future[IdentityFiles]) -> None:
    """Publish what a check has found, and log what has changed by it."""
    before, hung = tracked.files, tracked.reported
    tracked.check, tracked.reported = None, False
    name = before.identity.name
    bug = check.exception()
    if bug is not None:  # ours, and it must not cost a probe its credentials
        log.error("bug, please report it", identity=name, error=type(bug).__name__)
        return
    found = tracked.files = check.result()
    for key, reason in found.broken.items():
        if before.broken.get(key) != reason:
            log.error(
                "credential file cannot be used: its last contents stay in use", identity=name, key=key, error=reason
            )
    repaired = sorted(before.broken.keys() - found.broken.keys())
    if hung or repaired or found.identity is not before.identity:
        log.info("credential files read again", identity=name, **({"repaired": ",".join(repaired)} if repaired else {}))
