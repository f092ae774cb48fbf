"""C-STORE of synthetic instances to an archive of one's own: does it take images, and how fast. PS3.4 B.2.

Opt-in, and the one probe that writes. It is refused for targets that are tested for exposure, and for addresses that
the configuration does not name: here, whoever calls, and also when the configuration is read.
"""

from __future__ import annotations

from dicom_exporter.config import Module, Store, Target
from dicom_exporter.dicom.associate import associate
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.instances import synthetic_instances
from dicom_exporter.dicom.operations import store
from dicom_exporter.dicom.uids import SECONDARY_CAPTURE
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import NotPermitted, ProbeEnded
from dicom_exporter.probes.session import offer
from dicom_exporter.results import Phase, StoreResult

_WARNINGS = frozenset({0xB000, 0xB006, 0xB007})
"""Coercion of elements, elements discarded, dataset does not match SOP class: stored all the same (PS3.4 B.2.3)."""


async def probe_store(target: Target, module: Module, context: ProbeContext) -> StoreResult:
    """Store `module.store.count` instances of `module.store.size` bytes on an association of their own.

    Never raises for what the peer does: what was stored until then is in the result. Of the phases of its association,
    only `store` goes to those of `context`, and only if an instance was stored.

    Raises:
        NotPermitted: before anything is sent, if `check_store` does.
    """
    check_store(target, context)
    settings = module.store or Store()
    own = context.with_own_phases()
    stored = _Stored()
    request = offer(target, own, (SECONDARY_CAPTURE,))
    try:
        async with associate(target.address, request, own) as association:
            with own.phases.time(Phase.STORE):
                await _store_all(association, target.name, settings, stored)
    except ProbeEnded:
        pass
    duration = own.phases.seconds[Phase.STORE] if stored.instances else None
    if duration is not None:
        context.phases.seconds[Phase.STORE] = duration
    return StoreResult(
        success=stored.instances == settings.count,
        bytes=stored.bytes if stored.instances else None,
        duration=duration,
        status=stored.status,
    )


def check_store(target: Target, context: ProbeContext) -> None:
    """Raise NotPermitted if nothing may be written to `target`: by its `expect`, or by the prober."""
    if target.is_never_written_to:
        raise NotPermitted(f"Nothing is written to a target with expect: {target.expect}.")
    if not context.may_store:
        raise NotPermitted("Images are written to targets of the configuration only.")


class _Stored:
    """What the archive has stored so far."""

    def __init__(self) -> None:
        self.instances = 0
        self.bytes = 0
        self.status: int | None = None


async def _store_all(association: Connection, name: str, settings: Store, stored: _Stored) -> None:
    for instance in synthetic_instances(name, settings.count, settings.size):
        stored.status = await store(association, instance)
        if stored.status != 0 and stored.status not in _WARNINGS:
            return
        stored.instances += 1
        stored.bytes += instance.length
