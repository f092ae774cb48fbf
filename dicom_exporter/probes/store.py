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
from dicom_exporter.enums import Outcome, Phase, StoreOutcome
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import NotPermitted, ProbeEnded
from dicom_exporter.probes.session import offer
from dicom_exporter.results import StoreResult

_SUCCESS = 0x0000
_WARNINGS = frozenset({0x0001, 0x0107, 0x0116})
"""Statuses of the class Warning besides Bxxx: stored all the same (PS3.7 C.3)."""
_BY_STATUS = {0x0122: StoreOutcome.SOP_CLASS, 0x0124: StoreOutcome.REFUSED}
_ENDED = {
    Outcome.NOT_OFFERED: StoreOutcome.SOP_CLASS,
    Outcome.ABORTED: StoreOutcome.ABORTED,
    Outcome.CLOSED: StoreOutcome.ABORTED,
    Outcome.NO_ANSWER: StoreOutcome.TIMEOUT,
    Outcome.OVERLOAD: StoreOutcome.OVERLOAD,
}
"""The outcome by how the association ended that was accepted; every other end is a protocol error."""


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
            stored.begun = True
            with own.phases.time(Phase.STORE):
                await _store_all(association, target.name, settings, stored)
    except ProbeEnded as end:
        stored.end(end.outcome)
    duration = own.phases.seconds[Phase.STORE] if stored.instances else None
    if duration is not None:
        context.phases.seconds[Phase.STORE] = duration
    return StoreResult(
        stored.outcome,
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
        self.begun = False
        """Whether there is an association."""
        self.instances = 0
        self.bytes = 0
        self.status: int | None = None
        self.outcome = StoreOutcome.SUCCESS

    def end(self, outcome: Outcome) -> None:
        """The association ended before the last response, or did not come about."""
        if self.begun:
            self.outcome = _ENDED.get(outcome, StoreOutcome.PROTOCOL_ERROR)
        else:
            self.outcome = StoreOutcome.OVERLOAD if outcome.says_nothing else StoreOutcome.NO_ASSOCIATION


def outcome_of(status: int) -> StoreOutcome:
    """What the status of a C-STORE-RSP says about the archive (PS3.4 B.2.3, PS3.7 C)."""
    if status == _SUCCESS:
        return StoreOutcome.SUCCESS
    if status >> 12 == 0xB or status in _WARNINGS:
        return StoreOutcome.WARNING
    if status >> 12 == 0xC:
        return StoreOutcome.CANNOT_UNDERSTAND
    by_first_byte = {0xA7: StoreOutcome.OUT_OF_RESOURCES, 0xA9: StoreOutcome.MISMATCH}
    return _BY_STATUS.get(status) or by_first_byte.get(status >> 8, StoreOutcome.FAILED)


async def _store_all(association: Connection, name: str, settings: Store, stored: _Stored) -> None:
    for instance in synthetic_instances(name, settings.count, settings.size):
        stored.status = await store(association, instance)
        outcome = outcome_of(stored.status)
        if outcome is not StoreOutcome.SUCCESS:
            stored.outcome = outcome
        if not outcome.is_success:
            return
        stored.instances += 1
        stored.bytes += instance.length
