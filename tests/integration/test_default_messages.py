"""The default configuration asks an archive no more than it always did: what else there is has to be asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml
from pydicom.datadict import keyword_for_tag
from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.dsutils import decode
from pynetdicom.events import Event
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet  # type: ignore[attr-defined]

from tests.testing.exporting import exporter, until
from tests.testing.peers import Address
from tests.testing.peers.pynetdicom_scp import SERVICES
from tests.testing.readme import blocks

pytestmark = pytest.mark.integration

FIND = "Study Root Query/Retrieve Information Model - FIND"
MONITOR = [
    f"associate: Verification SOP Class, {FIND}",
    "C_ECHO_RQ",
    "C_FIND_RQ: NumberOfStudyRelatedInstances, QueryRetrieveLevel, StudyInstanceUID",
    "release",
]
STRANGER = [
    "associate: 12 contexts",
    "C_ECHO_RQ",
    "C_FIND_RQ: QueryRetrieveLevel, StudyInstanceUID",
    "C_FIND_RQ: NumberOfStudyRelatedInstances, QueryRetrieveLevel, StudyInstanceUID",
    "C_FIND_RQ: ScheduledProcedureStepSequence, StudyInstanceUID",
    "C_FIND_RQ: PatientID, QueryRetrieveLevel",
    "release",
    "associate: Verification SOP Class",  # by another called AE title
    "C_ECHO_RQ",
    "release",
]


class Record:
    """What a listening peer was told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def handlers(self) -> Sequence[tuple[object, Callable[[Event], None]]]:
        return [
            (evt.EVT_REQUESTED, self._associate),
            (evt.EVT_DIMSE_RECV, self._message),
            (evt.EVT_RELEASED, lambda _: self.told.append("release")),
            (evt.EVT_ABORTED, lambda _: self.told.append("abort")),
        ]

    async def ends_with(self, releases: int) -> None:
        """Wait until it was told of so many releases: the peer is another thread."""

        async def over() -> bool:
            return self.told.count("release") >= releases

        await until(over, f"{releases} releases")

    def _associate(self, event: Event) -> None:
        contexts = event.assoc.requestor.requested_contexts
        names = [UID(context.abstract_syntax or "").name for context in contexts]
        self.told.append(f"associate: {', '.join(names)}" if len(names) < 3 else f"associate: {len(names)} contexts")

    def _message(self, event: Event) -> None:
        message = event.message
        keys = ""
        if message.data_set is not None and message.data_set.getvalue():
            found = decode(message.data_set, True, True)
            keys = f": {', '.join(sorted(keyword_for_tag(element.tag) for element in found))}"
        self.told.append(f"{type(message).__name__}{keys}")


async def test_default_configuration_tells_an_archive_no_more(
    pynetdicom_scp: Callable[..., Address], tmp_path: Path
) -> None:
    record = Record()
    address = pynetdicom_scp(*record.handlers())
    async with exporter(tmp_path, [{"name": "main", "address": f"{address.host}:{address.port}"}]) as exporting:
        await exporting.get()
        await record.ends_with(1)
        assert record.told == MONITOR
        await exporting.get()
        await record.ends_with(2)
    assert record.told[len(MONITOR) :] == [
        MONITOR[0],
        "C_ECHO_RQ",
        "release",
    ]  # the studies are counted every 5 minutes


async def test_default_configuration_tells_a_guarded_archive_no_more(
    pynetdicom_scp: Callable[..., Address], tmp_path: Path
) -> None:
    record = Record()
    address = pynetdicom_scp(*record.handlers())
    target = {"name": "main", "address": f"{address.host}:{address.port}", "expect": "guarded"}
    async with exporter(tmp_path, [target]) as exporting:
        await exporting.get()
        await record.ends_with(3)
    assert record.told == MONITOR + STRANGER


async def test_surface_tells_an_archive_one_get_more(pynetdicom_scp: Callable[..., Address], tmp_path: Path) -> None:
    record = Record()
    services = (*SERVICES, StudyRootQueryRetrieveInformationModelGet)
    address = pynetdicom_scp(*record.handlers(), services=services)
    target = {"name": "main", "address": f"{address.host}:{address.port}", "expect": "guarded"}
    page = Path(__file__).parents[2] / "docs" / "exposure.md"
    (surface,) = [text for text in blocks("yaml", page) if "surface" in text]
    async with exporter(tmp_path, [target], **yaml.safe_load(surface)) as exporting:
        await exporting.get()
        await record.ends_with(4)
    get = "Study Root Query/Retrieve Information Model - GET"
    assert record.told == [
        *MONITOR,
        *STRANGER,
        f"associate: {get}",
        "C_GET_RQ: QueryRetrieveLevel, StudyInstanceUID",
        "release",
    ]
