"""Labels of a target, valid in Prometheus and different from the exporter's own; sizes in bytes (``512KiB``)."""

import re

from dicom_exporter.text import shown

LABEL_PATTERN = "^[a-zA-Z_][a-zA-Z0-9_]*$"
_LABEL = re.compile(LABEL_PATTERN)

_OUR_LABELS = frozenset(
    {
        # of a target
        "target",
        "address",
        "called_ae_title",
        "expect",
        # of the results: service discovery puts the user's labels on the same series
        "algorithm",
        "attribute",
        "check",
        "cipher",
        "destination",
        "hash",
        "id",
        "identity",
        "implementation_class_uid",
        "implementation_version",
        "outcome",
        "phase",
        "product",
        "profile",
        "protocol",
        "query",
        "reason",
        "result",
        "scheme",
        "server",
        "service",
        "sop_class",
        "source",
        "step",
        "suites",
        "value",
        "version",
    }
)
_PROMETHEUS_LABELS = frozenset({"instance", "job", "le", "quantile"})


def check_label_name(name: str) -> str:
    """Return `name` if users may set it. Raises ValueError with a message for the user."""
    if not _LABEL.fullmatch(name):
        raise ValueError(f"{shown(name)} is not a label name: letters, digits and underscores, no digit first")
    if name.startswith("__"):
        raise ValueError(f"{shown(name)}: names that start with __ are reserved for Prometheus")
    if name in _OUR_LABELS:
        raise ValueError(f"{shown(name)} is a label that this exporter sets itself: choose another name")
    if name in _PROMETHEUS_LABELS:
        raise ValueError(f"{shown(name)} is a label that Prometheus sets itself: choose another name")
    return name


def check_label_value(value: str) -> str:
    """Return `value` if it is not empty. Raises ValueError with a message for the user."""
    if not value:
        raise ValueError("Prometheus drops an empty label: leave it out")
    return value


_BYTES = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
SIZE_PATTERN = f"^[0-9]{{1,12}}({'|'.join(_BYTES)})$"
_SIZE = re.compile(SIZE_PATTERN)


def parse_size(text: str) -> int:
    """Read a whole number with a unit; returns bytes. KiB, MiB and GiB are powers of 1024, KB, MB and GB of 1000.

    Raises ValueError with a message for the user.
    """
    match = _SIZE.fullmatch(text)
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
