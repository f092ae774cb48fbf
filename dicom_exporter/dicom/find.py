"""The responses to one C-FIND, counted (PS3.4 C.4.1, PS3.7 9.1.2).

```
C-FIND-RQ ──>
         <── pending FF00 or FF01 + a match     counted, handed to `consume`, dropped
         <── …
C-CANCEL ──>                                    at the first match over `max_matches`; none of those is counted
         <── final status                       the end
```
"""

from __future__ import annotations

import time
from collections.abc import Callable

from dicom_exporter.dicom.dimse import C_FIND_RSP, Command, Message
from dicom_exporter.dicom.errors import LimitExceeded, ProtocolViolation
from dicom_exporter.net.errors import ProbeEnded

PENDING = 0xFF00
CUT_SHORT = b"\0"
"""What stands for the dataset of a match that did not come, or was not read, to its end. It is none."""
PENDING_OPTIONAL_KEYS_UNSUPPORTED = 0xFF01
"""A match as much as FF00: only some optional key was not used for matching (PS3.4 C.4.1.1.4)."""

MOST_AFTER_CANCEL = 8192
"""Matches that are read away after the last that counts. An archive that reads our C-CANCEL sends fewer."""


class Find:
    """Counts the responses of one C-FIND. Knows no clock but the one it is handed, and keeps no match.

    Args:
        context_id: presentation context that the request went out in.
        message_id: message ID of the request.
        max_matches: with one more than this many, `wants_cancel` turns true; so exactly this many is a complete count.
        consume: called with the dataset bytes of each counted match; must not keep them.
    """

    __slots__ = (
        "_consume",
        "_context_id",
        "_first_at",
        "_last_at",
        "_max_matches",
        "_message_id",
        "_more",
        "begun",
        "ended",
        "interval_max",
        "matches",
        "status",
        "wants_cancel",
    )

    def __init__(
        self, context_id: int, message_id: int, max_matches: int, consume: Callable[[bytes], None], begun: float
    ) -> None:
        self._context_id = context_id
        self._message_id = message_id
        self._max_matches = max_matches
        self._consume = consume
        self.begun = begun
        self.ended: float | None = None
        self.matches = 0
        self.status: int | None = None
        """The final status; None while matches may still come."""
        self.wants_cancel = False
        self._more = 0
        """Matches that are not counted."""
        self.interval_max: float | None = None
        self._first_at: float | None = None
        self._last_at = begun

    def receive(self, message: Message, now: float) -> bool:
        """Take one message; return whether it was the final response.

        `now` is when its bytes came, in seconds: matches that came together have no time between them.

        Raises:
            ProtocolViolation: it is no response to our request, or there are too many.
        """
        context_id, command, dataset = message
        if (
            command.field != C_FIND_RSP
            or command.message_id_being_responded_to != self._message_id
            or context_id != self._context_id
        ):
            raise ProtocolViolation("not a response to our C-FIND")
        status = command.status
        if status in (PENDING, PENDING_OPTIONAL_KEYS_UNSUPPORTED):
            if dataset is None:
                raise ProtocolViolation("pending response without a match")
            if self.matches < self._max_matches:
                self._count(dataset, now)
            else:
                self.wants_cancel = True
                self._more += 1
                if self._more > MOST_AFTER_CANCEL:
                    raise LimitExceeded("more matches after our C-CANCEL than we read away")
            return False
        if status is None:
            raise ProtocolViolation("response without a status")
        self.status = status
        self.ended = now
        return True

    def end_within(self, command: Command, length: int, *, at_limit: bool) -> None:
        """Count the match within which the association ended, `length` bytes of its dataset having come.

        It was announced as a match, and its bytes began to arrive, or were more than we take (`at_limit`). What it
        holds is not known: `consume` gets `CUT_SHORT`.
        """
        if (
            command.field == C_FIND_RSP
            and command.message_id_being_responded_to == self._message_id
            and command.status in (PENDING, PENDING_OPTIONAL_KEYS_UNSUPPORTED)
            and (length or at_limit)
            and self.status is None
            and self.matches < self._max_matches
        ):
            self._count(CUT_SHORT, time.perf_counter())

    def _count(self, dataset: bytes, now: float) -> None:
        self._consume(dataset)
        if self._first_at is None:
            self._first_at = now
        else:
            interval = now - self._last_at
            if self.interval_max is None or interval > self.interval_max:
                self.interval_max = interval
        self._last_at = now
        self.matches += 1

    @property
    def duration(self) -> float | None:
        """Seconds from the request to the final response, or to where the association ended; None while it runs."""
        return None if self.ended is None else self.ended - self.begun

    @property
    def first_match(self) -> float | None:
        """Seconds from the request to the first match; None without one."""
        return None if self._first_at is None else self._first_at - self.begun

    @property
    def interval_mean(self) -> float | None:
        """Mean seconds between two matches; None with fewer than two."""
        if self._first_at is None or self.matches < 2:
            return None
        return (self._last_at - self._first_at) / (self.matches - 1)


class FindEnded(Exception):
    """The association ended before the final response of a C-FIND: why, and what had been counted until then."""

    def __init__(self, end: ProbeEnded, find: Find) -> None:
        super().__init__(str(end))
        self.end = end
        self.find = find
