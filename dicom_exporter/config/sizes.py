"""Sizes in bytes: ``512KiB``, ``1MiB``, ``100KB``, ``2000B``."""

from __future__ import annotations

import re

from dicom_exporter.config.wording import shown

_BYTES = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
PATTERN = f"^[0-9]{{1,12}}({'|'.join(_BYTES)})$"
_REGEX = re.compile(PATTERN)


def parse_size(text: str) -> int:
    """Read a whole number with a unit; gives bytes. KiB, MiB and GiB are powers of 1024, KB, MB and GB of 1000.

    Raises ValueError with a message for the user.
    """
    match = _REGEX.fullmatch(text)
    if match is None:
        hint = f": it has no unit (bytes would be {text}B)" if re.fullmatch("[0-9]{1,12}", text) else ""
        raise ValueError(f"{shown(text)} is not a size like 512KiB, 1MiB, 100KB or 2000B{hint}")
    unit = match[1]
    return int(text.removesuffix(unit)) * _BYTES[unit]


def format_size(size: int) -> str:
    """Write `size` in bytes as `parse_size` reads it: 524288 gives ``512KiB``."""
    unit = max(
        (unit for unit, step in _BYTES.items() if size and size % step == 0), key=_BYTES.__getitem__, default="B"
    )
    return f"{size // _BYTES[unit]}{unit}"
