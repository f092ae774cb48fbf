"""No patient data: a search in all output of the exporter, in a run against archives full of names and IDs.

The exporter is a process of its own, at its most talkative; the archives send names asked and unasked, end in the
middle of one, or find a bug of ours. Neither the name nor the ID, nor a StudyInstanceUID, may come out anywhere.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.dsutils import decode
from pynetdicom.events import Event

from dicom_exporter.config import Address
from tests.testing import hostile
from tests.testing.debugging import client, output_of, start_exporter
from tests.testing.exporting import parsed
from tests.testing.hostile import Behaviour, Peer, honest, messages, wire
from tests.testing.hostile.find import BROKEN_DATASETS
from tests.testing.hostile.parsing import Message
from tests.testing.peers import Orthanc, dcmtk, synthetic

pytestmark = pytest.mark.integration

NAME, ID = "SECRET^PHI", "PHI12345"
FORBIDDEN = ("SECRET", ID, b"SECRET".hex(), ID.encode().hex(), *(synthetic.uid(n) for n in range(1, 6)))
"""In any text that leaves the exporter; as bytes are written in hexadecimal, too."""

MODULES: Mapping[str, Mapping[str, Any]] = {
    "counts": {
        "timeout": "3s",
        "queries": {
            "studies": {},
            "patients": {},
            "worklist": {"count_by": ["Modality", "ScheduledStationAETitle"]},
            "by_study": {
                "model": "study_root",
                "level": "STUDY",
                "count_by": ["ModalitiesInStudy", "SOPClassesInStudy", "InstitutionName"],
            },
            "by_series": {"model": "study_root", "level": "SERIES", "count_by": "Modality"},
        },
    },
    "proofs": {"identity": "stranger", "timeout": "6s", "exposure": {"prove": ["identity", "download"]}},
}
"""Each of them is run on each archive: a new kind of probe needs one line here."""
PAGES = ("/", "/metrics", "/sd", "/config", "/targets/{}", "/probe?target={}", "/probe?target={}&debug=true")
"""All paths that are requested, those with `{}` for each target."""
REPORTS = ("table", "html", "json")
"""`dicom_exporter report` in these formats: the others are written from the same."""
COMMANDS = (("--json",), ("--exposure",), (), ("--exposure", "--json"))
"""`dicom_exporter probe` with these: the first two for each archive, all for the two that answer everything."""


# -- archives ---------------------------------------------------------------------------------------------------------

_STEP = messages.element((0x0008, 0x0060), NAME) + messages.element((0x0040, 0x0001), NAME)
UNASKED = b"".join(
    messages.element(tag, value)
    for tag, value in (
        ((0x0008, 0x0050), ID),  # accession number
        ((0x0008, 0x0060), NAME),  # modality
        ((0x0008, 0x0061), f"CT\\{NAME}\\{ID}"),  # modalities in study
        ((0x0008, 0x0062), ID),  # SOP classes in study
        ((0x0008, 0x0080), NAME),  # institution
        ((0x0008, 0x0090), NAME),  # referring physician
        ((0x0008, 0x1030), f"{NAME} {ID}"),  # study description
        ((0x0010, 0x0010), NAME),
        ((0x0010, 0x0020), ID),
        ((0x0010, 0x0030), ID),  # birth date
        ((0x0020, 0x000D), messages.uid(synthetic.uid(1))),
        ((0x0020, 0x1208), ID),  # instances
        ((0x0040, 0x0100), messages.element((0xFFFE, 0xE000), _STEP)),
    )
)
"""A match with a name in every text attribute."""
_NO_RETRIEVAL = dict.fromkeys(("1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.2.3"), wire.USER_REJECTION)

Ending: TypeAlias = Callable[[Peer, Message], Awaitable[None]]


def _archive(*datasets: bytes, ending: Ending) -> Behaviour:
    """Answers every C-FIND with a match for each of `datasets` and then `ending`."""

    async def behaviour(peer: Peer) -> None:
        await honest.associate(peer, _NO_RETRIEVAL)
        while True:
            request = await peer.message()
            if request.kind == messages.C_ECHO_RQ:
                await honest.answer(peer, request)
                continue
            for dataset in datasets:
                await peer.send(_match(request, dataset))
            await ending(peer, request)

    return behaviour


def _match(request: Message, dataset: bytes, **more: int) -> bytes:
    command = messages.find_rsp(request.message_id, messages.PENDING, dataset=True, sop_class=request.sop_class)
    return messages.message(request.context_id, command, dataset, **more)  # type: ignore[arg-type]


async def _succeed(peer: Peer, request: Message) -> None:
    await peer.send(honest.final(request, messages.SUCCESS))


async def _abort_in_a_match(peer: Peer, request: Message) -> None:
    whole = _match(request, UNASKED, max_pdv=100)
    await peer.send(whole[: whole.rindex(b"\x04\x00\x00\x00")] + wire.abort())


async def _close_in_a_pdu(peer: Peer, request: Message) -> None:
    await peer.send(_match(request, UNASKED)[:-20])
    peer.close()


async def _malformed_command(peer: Peer, request: Message) -> None:
    comment = messages.element((0x0000, 0x0902), NAME)
    await peer.send(messages.message(request.context_id, honest.final(request, 0)[:40] + comment))


async def _failure_with_comment(peer: Peer, request: Message) -> None:
    command = messages.command_set(
        {
            0x0002: messages.uid(request.sop_class),
            0x0100: messages.C_FIND_RSP,
            0x0120: request.message_id,
            0x0800: messages.NO_DATASET,
            0x0900: 0xC001,
            0x0902: f"{NAME} {ID}",
        }
    )
    await peer.send(messages.message(request.context_id, command))


MISBEHAVING: Mapping[str, Behaviour] = {
    "unasked": _archive(UNASKED, UNASKED, ending=_succeed),
    "aborts-in-a-match": _archive(UNASKED, ending=_abort_in_a_match),
    "closes-in-a-pdu": _archive(UNASKED, ending=_close_in_a_pdu),
    "malformed-lengths": _archive(
        *(UNASKED + data for data in BROKEN_DATASETS.values()), UNASKED[:-3], *BROKEN_DATASETS.values(), ending=_succeed
    ),
    "malformed-command": _archive(UNASKED, ending=_malformed_command),
    "failure-with-comment": _archive(UNASKED, ending=_failure_with_comment),
    "no-dicom": hostile.plain.greets(f"{NAME} {ID}\r\n".encode(), hostile.Then.CLOSE),
}


def _talkative_find(event: Event) -> Iterator[tuple[int | Dataset, Dataset | None]]:
    yield 0xFF00, decode(BytesIO(UNASKED), True, True)
    yield 0xFF01, decode(BytesIO(UNASKED), True, True)
    yield _status(0xA700), None


def _failing_echo(event: Event) -> Dataset:
    return _status(0x0211)


def _status(code: int) -> Dataset:
    status = Dataset()
    status.Status = code
    status.ErrorComment = f"{NAME} {ID}"
    return status


def _fill(archive: Orthanc) -> None:
    archive.upload(synthetic.studies(5, instances=2, patient_name=NAME, patient_id=ID))
    items = [synthetic.worklist_item(number) for number in range(2)]
    for item in items:
        item.dataset.PatientName, item.dataset.PatientID = NAME, ID
        item.dataset.save_as(archive.directory / "worklists" / f"{item.dataset.AccessionNumber}.wl")


# -- the run ----------------------------------------------------------------------------------------------------------


def assert_free_of_patients(said: str, where: str) -> None:
    for text in FORBIDDEN:
        assert text not in said, f"{where}: {said[max(0, said.index(text) - 300) : said.index(text) + 100]}"


def _samples(text: str, name: str) -> dict[str, float]:
    """Target -> value of that metric, the largest if there are several."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name:
                target = sample.labels["target"]
                found[target] = max(sample.value, found.get(target, 0))
    return found


async def test_phi_is_in_no_output(
    orthanc: Callable[..., Orthanc], pynetdicom_scp: Callable[..., Address], tmp_path: Path
) -> None:
    full = orthanc(dicomweb=True, worklists=True, DicomAlwaysAllowFind=True, DicomAlwaysAllowGet=True)
    _fill(full)
    keys = ("QueryRetrieveLevel=STUDY", "PatientName", "PatientID")
    assert set(dcmtk.findscu(full.dicom, *keys).values("PatientID")) == {ID}
    async with AsyncExitStack() as stack:
        servers = {name: await stack.enter_async_context(hostile.server(each)) for name, each in MISBEHAVING.items()}
        addresses = {
            "orthanc": str(full.dicom),
            "talkative": str(pynetdicom_scp((evt.EVT_C_FIND, _talkative_find))),
            "failing-echo": str(pynetdicom_scp((evt.EVT_C_ECHO, _failing_echo), (evt.EVT_C_FIND, _talkative_find))),
            **{name: server.address for name, server in servers.items()},
        }
        targets: list[dict[str, Any]] = [
            {"name": name, "address": address, "modules": [*MODULES]} for name, address in addresses.items()
        ]
        targets[0] |= {"dicomweb": f"http://{full.http}/dicom-web", "web": [{"url": f"http://{full.http}/"}]}
        running, url = start_exporter(stack, tmp_path, {"modules": MODULES, "targets": targets})
        async with client(url) as web:

            async def fetch(path: str) -> None:
                async with web.get(path) as response:
                    said = f"{response.headers}\n{await response.text()}"
                    assert response.status == 200, said
                assert_free_of_patients(said, path)

            async with web.get("/metrics") as response:
                text = await response.text()
            assert_free_of_patients(text, "/metrics")
            listed = _samples(text, "dicom_query_matches")
            assert listed.keys() == addresses.keys() - {"no-dicom"}  # or else the grep would be of nothing
            assert _samples(text, "dicom_exposure_level")["orthanc"] >= 6
            assert _samples(text, "dicom_exposure_level")["unasked"] == 6
            assert parsed(text).values("dicom_query_matches_by", query="by_study", target="unasked")

            await asyncio.gather(*(fetch(path) for path in {page.format(name) for page in PAGES for name in addresses}))

            for form in REPORTS:
                said = await output_of(tmp_path, "report", f"--format={form}")
                assert "unasked" in said, said
                assert_free_of_patients(said, f"report as {form}")

            identified = {"bad": {"queries": {"studies": {"match": {"PatientName": NAME, "PatientID": ID}}}}}
            (tmp_path / "config.yml").write_text(json.dumps({"modules": identified, "targets": targets}))
            async with web.post("/-/reload") as response:
                said = await response.text()
                assert response.status != 200
            running.wait_for_log("PatientName can identify a person")
            assert_free_of_patients(said, "/-/reload")
        at_once = asyncio.Semaphore(4)

        async def run(name: str, *options: str) -> None:
            async with at_once:
                said = await output_of(tmp_path, "probe", addresses[name], *options)
            assert addresses[name] in said, said
            assert_free_of_patients(said, f"probe of {name} {options}")

        number = dict.fromkeys(addresses, 2) | {"orthanc": 4, "unasked": 4}
        asked = [(name, options) for name in addresses for options in COMMANDS[: number[name]]]
        await asyncio.gather(*(run(name, *options) for name, options in asked))
        running.stop()
        assert_free_of_patients(running.log, "log")


_BUGS = {
    "in a callback of the loop": "from dicom_exporter.probes.tally import Tally\nTally._sum_instances = broken",
    "in a probe": "from dicom_exporter.probes import session\nsession.run_query = broken",
    "in a request": "from dicom_exporter.server import probe_endpoints\nprobe_endpoints.groups = broken",
}
"""Module with a simulated bug -> how it is simulated: each exception quotes what the archive sent."""
_BUGGY = """
import sys
def broken(*arguments, **more):
    raise RuntimeError("{name} {id}", arguments)
{bug}
from dicom_exporter.cli.main import main
sys.exit(main())
"""


@pytest.mark.parametrize("where", _BUGS)
async def test_phi_is_in_no_error_of_ours(where: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(hostile.server(MISBEHAVING["unasked"]))
        (tmp_path / "buggy.py").write_text(_BUGGY.format(name=NAME, id=ID, bug=_BUGS[where]))
        target = {"name": "main", "address": server.address, "modules": ["counts"]}
        config = {"modules": {"counts": {"timeout": "3s", "queries": {"studies": {}}}}, "targets": [target]}
        running, url = start_exporter(stack, tmp_path, config, "buggy.py")
        async with client(url) as web:
            for path in ("/metrics", "/probe?target=main", "/"):
                async with web.get(path) as response:
                    assert_free_of_patients(await response.text(), path)
        running.wait_for_log("level=error.*RuntimeError")
        running.stop()
        assert_free_of_patients(running.log, "log")


async def test_password_is_sent_to_the_archive_and_in_no_output(
    pynetdicom_scp: Callable[..., Address], tmp_path: Path
) -> None:
    """User identity negotiation with username and passcode, PS3.7 D.3.3.7."""
    password = "SYNTHETIC-PASSWORD-4711"
    received: list[tuple[Any, ...]] = []

    def on_user(event: Any) -> tuple[bool, None]:
        received.append((event.user_id_type, event.primary_field, event.secondary_field))
        return event.secondary_field == password.encode(), None

    address = pynetdicom_scp((evt.EVT_USER_ID, on_user))
    for file, text in (("password", password), ("wrong", f"{password}-NOT")):
        (tmp_path / file).write_text(f"{text}\n")
    identities = {
        name: {"calling_ae_title": "PROMETHEUS", "user_identity": {"username": "monitor", "password_file": name}}
        for name in ("password", "wrong")
    }
    modules = {name: {"identity": name, "queries": {"studies": {}}} for name in identities}
    target = {"name": "main", "address": str(address), "modules": [*modules]}
    config = {"identities": identities, "modules": modules, "targets": [target]}
    async with AsyncExitStack() as stack:
        running, url = start_exporter(stack, tmp_path, config)
        async with client(url) as web:
            async with web.get("/metrics") as response:
                text = await response.text()
            assert parsed(text).value("dicom_echo_success", identity="password") == 1
            assert parsed(text).value("dicom_echo_success", identity="wrong") == 0
            said = [text]
            for page in PAGES:
                async with web.get(page.format("main")) as response:
                    said.append(await response.text())
            async with web.post("/-/reload") as response:
                said.append(await response.text())
        running.stop()
    assert received[0] == (2, b"monitor", password.encode())
    assert password not in "\n".join([*said, running.log])
