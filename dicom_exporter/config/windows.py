"""Times of day in which a heavy query may run: ``20:00-06:00``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

from dicom_exporter.config.wording import shown

PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
_REGEX = re.compile(PATTERN)


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """From `start` until just before `end`, over midnight where `end` is the earlier one."""

    start: time
    end: time

    def contains(self, local_time: time) -> bool:
        """Whether the target's local time of day lies in the window."""
        if self.start < self.end:
            return self.start <= local_time < self.end
        return local_time >= self.start or local_time < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


def parse_window(text: str) -> TimeWindow:
    """Read ``HH:MM-HH:MM``; ``24:00`` may stand for the end of the day.

    Raises ValueError with a message for the user.
    """
    if not _REGEX.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a part of the day like 20:00-06:00")
    start, end = text.replace("24:00", "00:00").split("-")
    window = TimeWindow(time.fromisoformat(start), time.fromisoformat(end))
    if window.start == window.end:
        raise ValueError(f"{shown(text)} starts when it ends: leave the key out if any time is right")
    return window
