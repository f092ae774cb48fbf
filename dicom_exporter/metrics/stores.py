"""The bandwidth test."""

from __future__ import annotations

from collections.abc import Callable, Collection

from dicom_exporter.metrics.family import Family, Row, single
from dicom_exporter.results import SessionResult, StoreResult


def _store(read: Callable[[StoreResult], float | None]) -> Callable[[SessionResult], Collection[Row]]:
    return single(lambda session: None if session.store is None else read(session.store))


STORE_FAMILIES: tuple[Family[SessionResult], ...] = (
    Family(
        "dicom_store_success",
        "1 if and only if the archive took every synthetic instance of the bandwidth test.",
        _store(lambda store: store.success),
    ),
    Family("dicom_store_bytes", "Bytes of the instances that the archive took.", _store(lambda store: store.bytes)),
    Family(
        "dicom_store_duration_seconds",
        "Seconds from the first C-STORE request to the last response.",
        _store(lambda store: store.duration),
    ),
)
