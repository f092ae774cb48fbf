"""C-STORE of synthetic instances to an archive of one's own: does it take images, and how fast. PS3.4 B.2.

Opt-in, and refused by the config for targets that are tested for exposure: this is the one probe that writes.
"""

from __future__ import annotations

from dicom_exporter.config import Store
from dicom_exporter.dicom.associate import associate
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.errors import NotOffered
from dicom_exporter.dicom.instances import synthetic_instances
from dicom_exporter.dicom.operations import store
from dicom_exporter.dicom.uids import SECONDARY_CAPTURE
from dicom_exporter.net.errors import ProbeEnded
from dicom_exporter.net.timing import PhaseTimer
from dicom_exporter.probes.session import Plan, Wire, endpoint, request
from dicom_exporter.results import Phase, StoreResult

_WARNINGS = frozenset({0xB000, 0xB006, 0xB007})
"""Coercion of elements, elements discarded, dataset does not match SOP class: stored all the same (PS3.4 B.2.3)."""


async def probe_store(plan: Plan, settings: Store, wire: Wire, deadline: float) -> StoreResult:
    """Store `settings.count` instances of `settings.size` bytes on an association of their own.

    Never raises for what the peer does: what was taken until then is in the result.
    """
    phases = PhaseTimer()
    taken = _Taken()
    try:
        async with associate(
            endpoint(plan),
            request(plan, (SECONDARY_CAPTURE,)),
            phases,
            resolver=wire.resolver,
            deadline=deadline,
            connect_timeout=wire.connect_timeout,
            limits=wire.limits,
        ) as association:
            with phases.time(Phase.STORE):
                await _store_all(association, plan.target.name, settings, taken)
    except (NotOffered, ProbeEnded):
        pass
    return StoreResult(
        success=taken.instances == settings.count,
        bytes=taken.bytes if taken.instances else None,
        duration=phases.seconds[Phase.STORE] if taken.instances else None,
        status=taken.status,
    )


class _Taken:
    """What the archive took so far."""

    def __init__(self) -> None:
        self.instances = 0
        self.bytes = 0
        self.status: int | None = None


async def _store_all(association: Connection, name: str, settings: Store, taken: _Taken) -> None:
    for instance in synthetic_instances(name, settings.count, settings.size):
        taken.status = await store(association, instance)
        if taken.status != 0 and taken.status not in _WARNINGS:
            return
        taken.instances += 1
        taken.bytes += instance.length
