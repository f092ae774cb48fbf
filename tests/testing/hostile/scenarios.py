"""What the exporter asks of a server, whole: the plans that recorded sessions were made with, and are played to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from dicom_exporter.config import Address, Exposure, Identity, Level, Model, Query, Store, Target
from dicom_exporter.net.tls import stranger_context
from dicom_exporter.probes.dicomweb import probe_dicomweb
from dicom_exporter.probes.exposure import Stranger, probe_stranger
from dicom_exporter.probes.session import Plan, Wire, probe_session
from dicom_exporter.probes.store import probe_store
from dicom_exporter.probes.web_page import probe_web
from dicom_exporter.results import SessionResult, StoreResult, StrangerResult

Found = SessionResult | StoreResult
Scenario = Callable[[Target, Wire, float], Awaitable[Found]]
"""Asks a target before a deadline (loop time)."""

SECONDS = 10.0
"""What a scenario has, from its begin to its deadline."""

_NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
_MONITOR = Identity("monitor", calling_ae_title="PROMETHEUS")
_STRANGER = Identity("stranger", calling_ae_title=None)

_STUDIES = Query(
    "studies", Model.STUDY_ROOT, Level.STUDY, count_by=("ModalitiesInStudy", "InstitutionName"), max_matches=50
)
_TWO_STUDIES = Query("two", Model.STUDY_ROOT, Level.STUDY, max_matches=2)
_PATIENTS = Query("patients", Model.PATIENT_ROOT, Level.PATIENT, max_matches=50)
_WORKLIST = Query("worklist", Model.WORKLIST, None, count_by=("Modality", "ScheduledStationAETitle"), max_matches=50)


def target(host: str = "192.0.2.1", port: int = 104, called: str = "ANY-SCP") -> Target:
    """Whom to ask; by default an address that nobody has (RFC 5737)."""
    return Target("target", Address(host, port), called_ae_title=called)


async def archive(target: Target, wire: Wire, deadline: float) -> Found:
    """Echo, the studies counted by what they are, the same once more cut off at two, and the patients."""
    queries = (_STUDIES, _TWO_STUDIES, _PATIENTS)
    plan = Plan(target, _MONITOR, _NOW, True, queries, digest_keys={"studies": bytes(16)})
    return await probe_session(plan, wire, deadline)


async def worklist(target: Target, wire: Wire, deadline: float) -> Found:
    """Echo, and the worklist counted by what stands in its sequence."""
    return await probe_session(Plan(target, _MONITOR, _NOW, True, (_WORKLIST,)), wire, deadline)


async def store(target: Target, wire: Wire, deadline: float) -> Found:
    """Two small images."""
    return await probe_store(Plan(target, _MONITOR, _NOW, False), Store(2, 4096), wire, deadline)


async def stranger(target: Target, wire: Wire, deadline: float) -> Found:
    """All of the ladder, and every proof."""
    settings = Exposure(max_matches=20, prove=("identity", "download"))
    return await probe_stranger(Stranger(target, _STRANGER, _NOW, settings), wire, deadline)


async def dicomweb(target: Target, wire: Wire, deadline: float) -> SessionResult:
    """A stranger at a DICOMweb root, with every proof."""
    asked = probe_dicomweb(
        f"http://{target.address.host}:{target.address.port}/dicom-web",
        resolver=wire.resolver,
        deadline=deadline,
        connect_timeout=wire.connect_timeout,
        tls=stranger_context(),
        max_studies=20,
        prove_identity=True,
        prove_download=True,
    )
    return SessionResult(_STRANGER.name, None, stranger=StrangerResult(), dicomweb=await asked)


async def web(target: Target, wire: Wire, deadline: float) -> SessionResult:
    """A stranger at a viewer of something that may be Orthanc."""
    asked = probe_web(
        f"http://{target.address.host}:{target.address.port}/app/explorer.html",
        resolver=wire.resolver,
        deadline=deadline,
        connect_timeout=wire.connect_timeout,
        tls=stranger_context(),
        product="Orthanc",
    )
    return SessionResult(_STRANGER.name, None, stranger=StrangerResult(), web=(await asked,))


ALL: dict[str, Scenario] = {"archive": archive, "worklist": worklist, "store": store, "stranger": stranger}
"""Those over DICOM."""
HTTP: dict[str, Scenario] = {"dicomweb": dicomweb, "web": web}
"""Those over HTTP."""
