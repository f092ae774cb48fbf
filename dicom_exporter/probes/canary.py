"""A synthetic image stored in an archive of one's own, found by its UID, retrieved, and compared, bit by bit.

```
C-STORE ─> C-FIND for its UID, until it is listed ─> C-GET, or C-MOVE to an AE of ours ─> the same pixels?
   │ or STOW-RS, of another image
   └─> QIDO-RS for its UID, until it is listed ─> metadata ─> WADO-RS ─> the same pixels? ─> the first frame, too?
```

An archive that answers a C-STORE with Success and keeps nothing is found by this, and by nothing less. The first step
that fails ends it for that service. It writes, so the same targets are refused as for `store`.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from yarl import URL

from dicom_exporter.config import Canary, Module, MoveTo, Target
from dicom_exporter.config.values.network import SocketAddress, unmapped
from dicom_exporter.dicom.associate import associate
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.dataset import MalformedDataset, find_values
from dicom_exporter.dicom.destination import Destination, bound_towards
from dicom_exporter.dicom.find import FindEnded
from dicom_exporter.dicom.instances import Instance, as_file, canary_instance
from dicom_exporter.dicom.operations import find, get_instance, move, store
from dicom_exporter.dicom.requests import encode_dataset
from dicom_exporter.dicom.uids import (
    SECONDARY_CAPTURE,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    UNCOMPRESSED,
)
from dicom_exporter.enums import CanaryStep, LadderService, Outcome, WebAnswer
from dicom_exporter.http_client.body import BodyEnded, pieces
from dicom_exporter.http_client.client import NoResponse, get
from dicom_exporter.http_client.json_scan import Scan
from dicom_exporter.http_client.redirects import Trail, follow
from dicom_exporter.http_client.request import DICOM_JSON, ServerFacts, request
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ProbeEnded
from dicom_exporter.probes.session import offer
from dicom_exporter.probes.store import check_store, outcome_of
from dicom_exporter.results import CanaryResult, CanaryStepResult

_SOP_INSTANCE_UID = 0x00080018
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0
"""Seconds between two questions whether it is listed, which double."""
_SHARE = 0.5
"""Share of the time left in which it has to be listed."""
_DIMSE_SHARE = 0.6
"""Share of the time for DICOM, where there is DICOMweb too."""
_AROUND = 64 * 1024
"""Bytes that an archive may add to an instance."""
_TYPES = (
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related; type="application/dicom"',
)
_OTHER_TYPE = frozenset({400, 406, 415})
"""Statuses after which an instance is asked for as another type."""
_FRAME_TYPES = ('multipart/related; type="application/octet-stream"',)
_OK = 200
_STORED = frozenset({200, 202})
"""202: with a warning, such as an attribute that was changed (PS3.18 Table 10.5.3-1)."""
_FIRST_OVER_STOW = 1000
"""Added to the number of an image: the one of STOW-RS is not the one of C-STORE."""
_SUCCESS = 0x0000
_MOVE_LATE = 2.0
"""Seconds after a C-MOVE has ended in which the image may still come."""


async def probe_canary(target: Target, module: Module, context: ProbeContext) -> CanaryResult:
    """Take the steps of `module.canary`, over DICOM, and over DICOMweb where `target` has it.

    Never raises for what the peer does.

    Raises:
        NotPermitted: before anything is sent, where `check_store` does.
    """
    check_store(target, context)
    settings = module.canary or Canary()
    number = context.now.toordinal() % settings.instances + 1
    instance = canary_instance(target.name, number, settings.size)
    part = context.until(_DIMSE_SHARE) if target.dicomweb is not None else context
    steps = _Steps(LadderService.DIMSE)
    stored = await _over_dimse(target, settings, part.with_own_phases(), instance, steps)
    web = _Steps(LadderService.DICOMWEB)
    if target.dicomweb is not None:
        root, own = URL(target.dicomweb), context.with_own_phases()
        if settings.stow:
            instance = canary_instance(target.name, _FIRST_OVER_STOW + number, settings.size)
            stored = await _stow(root, own, instance, web)
        if stored:
            await _over_web(root, own, instance, web)
    return CanaryResult((*steps.results, *web.results))


class _Steps:
    """The results of the steps over one service."""

    def __init__(self, service: LadderService) -> None:
        self._service = service
        self.results: list[CanaryStepResult] = []

    def add(
        self, step: CanaryStep, since: float, *, failure: str = "", outcome: Outcome | None = None, known: bool = True
    ) -> None:
        """The end of a step that began at `since` (`perf_counter`); it succeeded if there is no `failure`."""
        success = not failure if known else None
        seconds = time.perf_counter() - since
        self.results.append(CanaryStepResult(self._service, step, success, seconds, failure, outcome))

    def ended(self, step: CanaryStep, since: float, end: ProbeEnded) -> None:
        """A step in which the association ended."""
        outcome = end.outcome
        self.add(step, since, failure=outcome.value, outcome=outcome, known=not outcome.says_nothing)

    def received(self, since: float, first: float | None, data: bytes, instance: Instance) -> None:
        """The instance was retrieved: compare it."""
        begun = time.perf_counter()
        self.add(CanaryStep.RETRIEVE, since)
        first_byte = None if first is None else first - since
        self.results[-1] = replace(self.results[-1], first_byte=first_byte, bytes=len(data))
        self.add(CanaryStep.COMPARE, begun, failure="" if _holds(data, instance) else "its pixels are other ones")


def _holds(data: bytes, instance: Instance) -> bool:
    """Whether the pixels of `instance` are in `data`, after their length: as in all uncompressed transfer syntaxes."""
    pixels = bytes(instance.parts[-1])
    return struct.pack("<I", len(pixels)) + pixels in data


# -- over DICOM -------------------------------------------------------------------------------------------------------


async def _over_dimse(
    target: Target, settings: Canary, context: ProbeContext, instance: Instance, steps: _Steps
) -> bool:
    """Returns whether the archive says that it has stored the instance."""
    step, since = CanaryStep.STORE, time.perf_counter()
    try:
        async with associate(target.address, offer(target, context, (SECONDARY_CAPTURE,)), context) as association:
            since = time.perf_counter()
            status = await store(association, instance)
            failure = "" if outcome_of(status).is_success else f"{outcome_of(status)}, status {status:04X}"
            steps.add(step, since, failure=failure)
        if failure:
            return False
        step, since = CanaryStep.FINDABLE, time.perf_counter()
        async with associate(target.address, offer(target, context, (STUDY_FIND,)), context) as association:
            found = await _until_listed(lambda: _is_listed(association, instance), context)
            steps.add(step, since, failure="" if found else "it is not listed")
        if not found or not (settings.c_get or settings.move_to):
            return True
        step, since = CanaryStep.RETRIEVE, time.perf_counter()
        if settings.move_to is not None:
            await _by_move(target, settings.move_to, context, instance, steps)
        else:
            await _by_get(target, context, instance, steps)
    except (ProbeEnded, FindEnded) as error:
        if step not in {result.step for result in steps.results}:  # else it ended after the step
            steps.ended(step, since, error.end if isinstance(error, FindEnded) else error)
    return any(result.step is CanaryStep.STORE and result.success for result in steps.results)


async def _by_get(target: Target, context: ProbeContext, instance: Instance, steps: _Steps) -> None:
    storage = ((SECONDARY_CAPTURE, UNCOMPRESSED),)
    request = offer(target, context, (STUDY_GET,), storage)
    async with associate(target.address, request, context) as association:
        since = time.perf_counter()
        got = await get_instance(association, STUDY_GET, _keys(instance), instance.sop_instance_uid)
        if got.dataset is None:
            steps.add(CanaryStep.RETRIEVE, since, failure=f"no image came, status {got.status or 0:04X}")
        else:
            steps.received(since, got.first_byte, got.dataset, instance)


async def _by_move(target: Target, move_to: MoveTo, context: ProbeContext, instance: Instance, steps: _Steps) -> None:
    """C-MOVE to an AE of ours, which listens as long as this takes: for one archive at a time."""
    since = time.perf_counter()
    addresses = (await context.resolve(target.address)).addresses
    record = context.notes.names.get((target.address.host, target.address.port))
    where = (None if record is None else record.answered) or addresses[0]
    title = move_to.ae_title or context.identity.calling_ae_title or ""
    ips = {unmapped(address.ip) for address in addresses}
    destination = Destination(title, target.called_ae_title, ips, instance.sop_instance_uid)
    async with context.limits.lock_address(SocketAddress(where.family, "", move_to.port), context.deadline):
        try:
            sock = bound_towards(where, move_to.port)
        except OSError:
            steps.add(CanaryStep.RETRIEVE, since, failure=f"this machine cannot listen at port {move_to.port}")
            return
        async with (
            destination.listening(sock),
            associate(target.address, offer(target, context, (STUDY_MOVE,)), context) as association,
        ):
            since = time.perf_counter()
            status = await move(association, STUDY_MOVE, _keys(instance), title)
            if status == _SUCCESS:
                await asyncio.wait([destination.arrived], timeout=_MOVE_LATE)
    if destination.arrived.done():
        arrived = destination.arrived.result()
        steps.received(since, arrived.first_byte, arrived.dataset, instance)
    else:
        steps.add(CanaryStep.RETRIEVE, since, failure=f"no image came, status {status or 0:04X}")


async def _is_listed(association: Connection, instance: Instance) -> bool:
    seen = False

    def look(data: bytes) -> None:
        nonlocal seen
        try:
            value = find_values(data, (_SOP_INSTANCE_UID,)).get(_SOP_INSTANCE_UID, b"")
        except MalformedDataset:
            return
        seen = seen or value.strip(b" \0") == instance.sop_instance_uid.encode()

    await find(association, STUDY_FIND, _keys(instance), 1, look)
    return seen


def _keys(instance: Instance) -> bytes:
    return encode_dataset(
        {
            "QueryRetrieveLevel": "IMAGE",
            "StudyInstanceUID": instance.study_instance_uid,
            "SeriesInstanceUID": instance.series_instance_uid,
            "SOPInstanceUID": instance.sop_instance_uid,
        }
    )


async def _until_listed(ask: Callable[[], Awaitable[bool]], context: ProbeContext) -> bool:
    """Ask until the answer is yes, or `_SHARE` of the time is over: many archives index what they stored later."""
    loop = asyncio.get_running_loop()
    until, pause = context.until(_SHARE).deadline, _FIRST_PAUSE
    while not await ask():
        if loop.time() + pause >= until:
            return False
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    return True


# -- over DICOMweb ----------------------------------------------------------------------------------------------------


async def _over_web(root: URL, context: ProbeContext, instance: Instance, steps: _Steps) -> None:
    facts = ServerFacts()
    series = root / "studies" / instance.study_instance_uid / "series" / instance.series_instance_uid
    url = series / "instances" / instance.sop_instance_uid
    failure = ""

    async def is_listed() -> bool:
        nonlocal failure
        scan = Scan(1, uids=(b"00080018",))
        search = (series / "instances").with_query(SOPInstanceUID=instance.sop_instance_uid)
        reply = await request(search, context, facts, scan)
        failure = "it is not listed" if reply.answer in (WebAnswer.ENTRIES, WebAnswer.EMPTY) else _why(reply.status)
        return scan.uids.get(b"00080018") == instance.sop_instance_uid.encode()

    since = time.perf_counter()
    if not await _until_listed(is_listed, context):
        steps.add(CanaryStep.FINDABLE, since, failure=failure)
        return
    steps.add(CanaryStep.FINDABLE, since)
    since = time.perf_counter()
    reply = await request(url / "metadata", context, facts, Scan(1))
    has_metadata = reply.answer is WebAnswer.ENTRIES
    steps.add(CanaryStep.METADATA, since, failure="" if has_metadata else _why(reply.status))
    if not has_metadata:
        return
    since = time.perf_counter()
    status, first, body = await _fetch(url, context, _TYPES, instance)
    if body is None:
        steps.add(CanaryStep.RETRIEVE, since, failure=_why(status))
        return
    steps.received(since, first, body, instance)
    if not steps.results[-1].success:
        return
    since = time.perf_counter()
    status, _, body = await _fetch(url / "frames" / "1", context, _FRAME_TYPES, instance)
    same = body is not None and bytes(instance.parts[-1]) in body
    failure = "" if same else _why(status) if body is None else "its pixels are other ones"
    steps.add(CanaryStep.FRAME, since, failure=failure)


async def _fetch(
    url: URL, context: ProbeContext, accepts: Sequence[str], instance: Instance
) -> tuple[int | None, float | None, bytes | None]:
    """WADO-RS (PS3.18 10.4): the last status, when the first bytes came (`perf_counter`), and the body."""
    status: int | None = None
    for accept in accepts:
        first, body = None, b""
        try:
            async with (
                asyncio.timeout_at(context.deadline),
                follow(url, context, accept, Trail(), lambda response, url: None) as response,
            ):
                status = response.status
                if status == _OK:
                    async for piece in pieces(response, instance.length + _AROUND):
                        first = first or time.perf_counter()
                        body += piece
                    return status, first, body
        except (TimeoutError, NoResponse, BodyEnded):
            break
        if status not in _OTHER_TYPE:
            break
    return status, None, None


async def _stow(root: URL, context: ProbeContext, instance: Instance, steps: _Steps) -> bool:
    """STOW-RS (PS3.18 10.5): returns whether the archive says that it has stored the instance."""
    boundary = uuid.uuid4().hex
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = head + as_file(instance) + f"\r\n--{boundary}--\r\n".encode()
    media_type = f'multipart/related; type="application/dicom"; boundary={boundary}'
    status, since = None, time.perf_counter()
    with contextlib.suppress(TimeoutError, NoResponse):
        async with (
            asyncio.timeout_at(context.deadline),
            get(root / "studies", context, DICOM_JSON, method="POST", upload=(media_type, body)) as response,
        ):
            status = response.status
    stored = status in _STORED
    steps.add(CanaryStep.STORE, since, failure="" if stored else _why(status))
    return stored


def _why(status: int | None) -> str:
    return "no answer that could be read" if status in (None, _OK) else f"HTTP status {status}"
