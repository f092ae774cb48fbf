"""C-STORE of synthetic instances to an archive of one's own: does it take images, and how fast? PS3.4 B.2.

Opt-in, and refused by the config for targets that are tested for exposure: this is the one probe that writes.
"""

from __future__ import annotations

from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.errors import AssociationEnded, NotOffered
from dicom_exporter.dicom.operations import store
from dicom_exporter.dicom.store import synthetic_instances
from dicom_exporter.results import StoreResult

_WARNINGS = frozenset({0xB000, 0xB006, 0xB007})
"""Coercion of elements, elements discarded, dataset does not match SOP class: stored all the same (PS3.4 B.2.3)."""


async def probe_store(association: Connection, name: str, count: int, size: int) -> StoreResult:
    """Store `count` instances of `size` bytes on an established association; `name` makes their UIDs the target's own.

    Never raises for what the peer does.
    """
    stored = 0
    try:
        for instance in synthetic_instances(name, count, size):
            status = await store(association, instance)
            if status != 0 and status not in _WARNINGS:
                return StoreResult(success=False, bytes=stored, status=status)
            stored += instance.length
    except (NotOffered, AssociationEnded):
        return StoreResult(success=False, bytes=stored)
    return StoreResult(success=True, bytes=stored, status=0)
