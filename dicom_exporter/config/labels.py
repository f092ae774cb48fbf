"""The user's labels of a target, as Prometheus takes them and without a clash with ours."""

from __future__ import annotations

import re

from dicom_exporter.config.wording import shown

PATTERN = "^[a-zA-Z_][a-zA-Z0-9_]*$"
_REGEX = re.compile(PATTERN)

_OUR_LABELS = frozenset(
    {
        # of a target
        "target",
        "address",
        "called_ae_title",
        "expect",
        # of what was found on it: service discovery puts the user's labels on the same series
        "attribute",
        "check",
        "cipher",
        "destination",
        "id",
        "identity",
        "implementation_class_uid",
        "implementation_version",
        "outcome",
        "phase",
        "product",
        "query",
        "reason",
        "result",
        "server",
        "service",
        "source",
        "value",
        "version",
    }
)
_PROMETHEUS_LABELS = frozenset({"instance", "job", "le", "quantile"})


def check_label_name(name: str) -> str:
    """Give `name` back where a user may use it. Raises ValueError with a message for the user."""
    if not _REGEX.fullmatch(name):
        raise ValueError(f"{shown(name)} is not a label name: letters, digits and underscores, no digit first")
    if name.startswith("__"):
        raise ValueError(f"{shown(name)}: names that start with __ are Prometheus' own")
    if name in _OUR_LABELS:
        raise ValueError(f"{shown(name)} is a label that this exporter sets itself: choose another name")
    if name in _PROMETHEUS_LABELS:
        raise ValueError(f"{shown(name)} is a label that Prometheus sets itself: choose another name")
    return name


def check_label_value(value: str) -> str:
    """Give `value` back where it says something. Raises ValueError with a message for the user."""
    if not value:
        raise ValueError("an empty label is no label to Prometheus: leave it out")
    return value
