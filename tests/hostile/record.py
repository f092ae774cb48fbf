"""Records sessions of the real servers that are installed: `python -m tests.hostile.record`.

```
our own probes ──> a relay that notes what comes back ──> Orthanc, DCMTK, pynetdicom
```

The servers hold synthetic studies alone. What is noted goes to `recorded/`, as text, for the property tests and the
fuzzer to take apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pynetdicom
from pydicom.dataset import Dataset
from pynetdicom import evt

from dicom_exporter.dicom.associate import OpenGate
from dicom_exporter.dicom.resolve import LookupThreads, Resolver
from dicom_exporter.dicom.uids import SECONDARY_CAPTURE, STUDY_GET
from dicom_exporter.probes.session import Wire
from tests.hostile import scenarios
from tests.hostile.parsing import take_pdu
from tests.hostile.sessions import Session, write
from tests.peers import dcmtk, pynetdicom_scp, synthetic
from tests.peers import orthanc as start_orthanc
from tests.peers.process import Address
from tests.peers.pynetdicom_scp import SERVICES

_DAY = datetime.date(2026, 1, 15)
"""The date of all that the servers hold, so that two recordings differ in no more than they must."""


class Relay:
    """Passes connections on to `address`, and keeps what the server sent, a list of PDUs for each of them."""

    def __init__(self, address: Address) -> None:
        self.connections: list[list[bytes]] = []
        self._address = address
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        there, back = await asyncio.open_connection(self._address.host, self._address.port)
        noted = bytearray()
        await asyncio.gather(_copy(reader, back, bytearray()), _copy(there, writer, noted))
        pdus = []
        while (found := take_pdu(noted)) is not None:
            kind, body = found
            pdus.append(bytes([kind, 0]) + len(body).to_bytes(4, "big") + body)
        self.connections.append(pdus)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, noted: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            noted += data
            sink.write(data)
            await sink.drain()
    sink.close()
    with contextlib.suppress(OSError):
        await sink.wait_closed()


@contextlib.asynccontextmanager
async def _relay(address: Address) -> AsyncIterator[tuple[Relay, Address]]:
    relay = Relay(address)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    async with server:
        yield relay, Address(*server.sockets[0].getsockname()[:2])


async def record(server: str, scenario: str, address: Address, called: str, origin: str) -> None:
    """Ask the server at `address` one scenario, and write down what it sent."""
    lookups = LookupThreads()
    async with _relay(address) as (relay, here):
        target = scenarios.target(here.host, here.port, called)
        wire = Wire(Resolver(lookups), OpenGate(), 3.0)
        deadline = asyncio.get_running_loop().time() + scenarios.SECONDS
        await scenarios.ALL[scenario](target, wire, deadline)
        while len(relay.connections) < 1:  # noqa: ASYNC110 - the relay is a moment behind
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
    lookups.close()
    session = Session(server, scenario, b"")
    said = f"{origin}, asked `{scenario}` of tests/hostile/scenarios.py; synthetic data alone."
    write(session, said, relay.connections)
    sys.stdout.write(f"{session}: {[len(pdus) for pdus in relay.connections]} PDUs\n")


@contextmanager
def _orthanc(directory: Path) -> Iterator[Address]:
    allowed = ("DicomAlwaysAllowFind", "DicomAlwaysAllowGet", "DicomAlwaysAllowFindWorklist")
    settings: dict[str, Any] = dict.fromkeys(allowed, True)
    with start_orthanc(directory, worklists=True, **settings) as server:
        server.upload(synthetic.studies(3, instances=2, date=_DAY))
        server.add_worklist_items(synthetic.worklist_item(number, date=_DAY) for number in range(3))
        yield server.dicom


@contextmanager
def _dcmqrscp(directory: Path) -> Iterator[Address]:
    with dcmtk.dcmqrscp(directory) as server:
        synthetic.write_files(list(synthetic.studies(3, instances=2, date=_DAY)), directory / "files")
        assert dcmtk.storescu(server.dicom, directory / "files", called="DCMQRSCP").ok
        yield server.dicom


@contextmanager
def _storescp(directory: Path) -> Iterator[Address]:
    with dcmtk.storescp(directory) as server:
        yield server.dicom


@contextmanager
def _wlmscpfs(directory: Path) -> Iterator[Address]:
    items = [synthetic.worklist_item(number, date=_DAY) for number in range(3)]
    with dcmtk.wlmscpfs(directory, items) as server:
        yield server.dicom


@contextmanager
def _pynetdicom(_directory: Path) -> Iterator[Address]:
    held = list(synthetic.studies(3, instances=2, date=_DAY))

    def find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        for instance in held[::2]:
            match = Dataset()
            for element in event.identifier:
                value = instance.dataset.get(element.tag)
                match[element.tag] = element if value is None else value
            match.QueryRetrieveLevel = event.identifier.QueryRetrieveLevel
            yield 0xFF00, match

    def get(_event: Any) -> Iterator[Any]:
        yield 1
        yield 0xFF00, held[0].dataset

    services = (*SERVICES, STUDY_GET, SECONDARY_CAPTURE)
    handlers = ((evt.EVT_C_FIND, find), (evt.EVT_C_GET, get), (evt.EVT_C_STORE, lambda _event: 0x0000))
    with pynetdicom_scp(*handlers, services=services) as address:
        yield address


def _package(name: str) -> str:
    shown = subprocess.run(["dpkg-query", "-W", name], capture_output=True, text=True, check=True).stdout
    return "Debian's " + " ".join(shown.split())


_SERVERS: dict[str, tuple[Any, str, str, tuple[str, ...]]] = {
    "orthanc": (_orthanc, "ANY-SCP", "orthanc", ("archive", "worklist", "store", "stranger")),
    "dcmqrscp": (_dcmqrscp, "DCMQRSCP", "dcmtk", ("archive", "worklist", "store", "stranger")),
    "storescp": (_storescp, "STORESCP", "dcmtk", ("archive", "store", "stranger")),
    "wlmscpfs": (_wlmscpfs, "WORKLIST", "dcmtk", ("worklist", "stranger")),
    "pynetdicom": (_pynetdicom, "PYNETDICOM", "", ("archive", "worklist", "store", "stranger")),
}
"""Name -> how to start it, its AE title, the package it comes from, and what it is asked."""


async def _record_all() -> None:
    for name, (start, called, package, asked) in _SERVERS.items():
        origin = f"{name} of {_package(package)}" if package else f"pynetdicom {pynetdicom.__version__}"
        for scenario in asked:
            with tempfile.TemporaryDirectory() as directory:
                running: AbstractContextManager[Address] = start(Path(directory))
                with running as address:
                    await record(name, scenario, address, called, origin)


if __name__ == "__main__":
    asyncio.run(_record_all())
