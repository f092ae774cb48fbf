"""What the exporter asks of a server: the probes that recorded sessions were made with, and are played to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from dicom_exporter.config import Address, Exposure, Level, Model, Module, Query, Store, Target, WebEntry
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.probes.dicomweb import probe_dicomweb
from dicom_exporter.probes.exposure import probe_exposure
from dicom_exporter.probes.session import probe_session
from dicom_exporter.probes.store import probe_store
from dicom_exporter.probes.web_page import probe_web
from dicom_exporter.results import SessionResult, StoreResult, StrangerResult
from tests.testing.context import MONITOR, PEER, STRANGER

Found = SessionResult | StoreResult
Scenario = Callable[[Target, ProbeContext], Awaitable[Found]]

SECONDS = 10.0
"""What a scenario has, from its begin to its deadline."""

_EXPOSURE = Module(
    "module", identity=STRANGER.name, echo=False, exposure=Exposure(max_matches=20, prove=("identity", "download"))
)
_STUDIES = Query(
    "studies", Model.STUDY_ROOT, Level.STUDY, count_by=("ModalitiesInStudy", "InstitutionName"), max_matches=50
)
_TWO_STUDIES = Query("two", Model.STUDY_ROOT, Level.STUDY, max_matches=2)
_PATIENTS = Query("patients", Model.PATIENT_ROOT, Level.PATIENT, max_matches=50)
_WORKLIST = Query("worklist", Model.WORKLIST, None, count_by=("Modality", "ScheduledStationAETitle"), max_matches=50)


def target(host: str = "192.0.2.1", port: int = 104, called: str = "ANY-SCP") -> Target:
    """The target; by default at an address that is not in use (RFC 5737)."""
    return Target("target", Address(host, port), called_ae_title=called)


async def archive(target: Target, context: ProbeContext) -> Found:
    """Echo, the studies counted by what they are, the same once more cut off at two, and the patients."""
    return await _session(target, context, replace(_STUDIES, digest_key=bytes(16)), _TWO_STUDIES, _PATIENTS)


async def worklist(target: Target, context: ProbeContext) -> Found:
    """Echo, and the worklist counted by an attribute in its sequence."""
    return await _session(target, context, _WORKLIST)


async def _session(target: Target, context: ProbeContext, *queries: Query) -> Found:
    module = Module("module", identity=MONITOR.name, queries={query.name: query for query in queries})
    return await probe_session(target, module, replace(context, identity=MONITOR))


async def store(target: Target, context: ProbeContext) -> Found:
    """Two small images."""
    module = Module("module", identity=MONITOR.name, store=Store(2, 4096))
    return await probe_store(target, module, replace(context, identity=MONITOR, may_store=True))


async def stranger(target: Target, context: ProbeContext) -> Found:
    """All of the ladder, and every proof."""
    return await probe_exposure(target, _EXPOSURE, replace(context, identity=STRANGER))


async def dicomweb(target: Target, context: ProbeContext) -> SessionResult:
    """A stranger at a DICOMweb root, with every proof."""
    root = replace(target, dicomweb=f"http://{target.address}/dicom-web")
    found = await probe_dicomweb(root, _EXPOSURE, replace(context, identity=STRANGER))
    return SessionResult(STRANGER.name, None, stranger=StrangerResult(), dicomweb=found)


async def web(target: Target, context: ProbeContext) -> SessionResult:
    """A stranger at a viewer of something that may be Orthanc."""
    viewer = replace(target, web=(WebEntry(f"http://{target.address}/app/explorer.html"),))
    like_orthanc = replace(context, identity=STRANGER, peer=replace(PEER, product="DCMTK"))
    pages = await probe_web(viewer, _EXPOSURE, like_orthanc)
    return SessionResult(STRANGER.name, None, stranger=StrangerResult(), web=pages)


ALL: dict[str, Scenario] = {"archive": archive, "worklist": worklist, "store": store, "stranger": stranger}
"""Those over DICOM."""
HTTP: dict[str, Scenario] = {"dicomweb": dicomweb, "web": web}
"""Those over HTTP."""
