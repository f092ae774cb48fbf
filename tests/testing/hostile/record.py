"""Records sessions of the real servers that are installed: `python -m tests.testing.hostile.record [SERVER …]`.

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
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pynetdicom
from pydicom.dataset import Dataset
from pynetdicom import evt

from dicom_exporter.dicom.uids import SECONDARY_CAPTURE, STUDY_GET
from tests.testing.context import lookup_threads, probe_context
from tests.testing.hostile import scenarios, simulated
from tests.testing.hostile.sessions import Session, write
from tests.testing.peers import dcmtk, pynetdicom_scp, synthetic
from tests.testing.peers import orthanc as start_orthanc
from tests.testing.peers.process import Address
from tests.testing.peers.pynetdicom_scp import SERVICES

_DAY = datetime.date(2026, 1, 15)
"""The date of all that the servers hold, so that two recordings differ in no more than they must."""


class Relay:
    """Passes connections on to `address`, and keeps what the server sent on each of them."""

    def __init__(self, address: Address) -> None:
        self.connections: list[bytes] = []
        self._address = address

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        there, back = await asyncio.open_connection(self._address.host, self._address.port)
        noted = bytearray()
        await asyncio.gather(_copy(reader, back, bytearray()), _copy(there, writer, noted))
        self.connections.append(bytes(noted))


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
    over_http = scenario in scenarios.HTTP
    async with _relay(address) as (relay, here):
        target = scenarios.target(here.host, here.port, called)
        with lookup_threads() as lookups:
            context = probe_context(lookups, seconds=scenarios.SECONDS)
            await (scenarios.HTTP if over_http else scenarios.ALL)[scenario](target, context)
        await asyncio.sleep(0.3)  # the relay is a moment behind
    steps: list[bytes] = []
    for sent in relay.connections:
        steps += [sent] if over_http else simulated.pdus(sent)
        steps.append(simulated.direct(simulated.Direction.CLOSE))
    session = Session(server, scenario, steps)
    write(session, f"{origin}, asked `{scenario}` of tests/testing/hostile/scenarios.py; synthetic data alone.")
    sys.stdout.write(f"{session}: {len(relay.connections)} connections, {sum(map(len, steps))} bytes\n")


@contextmanager
def _orthanc(directory: Path) -> Iterator[Address]:
    allowed = ("DicomAlwaysAllowFind", "DicomAlwaysAllowGet", "DicomAlwaysAllowFindWorklist")
    settings: dict[str, Any] = dict.fromkeys(allowed, True)
    with start_orthanc(directory, worklists=True, **settings) as server:
        server.upload(synthetic.studies(3, instances=2, date=_DAY))
        server.add_worklist_items(synthetic.worklist_item(number, date=_DAY) for number in range(3))
        yield server.dicom


@contextmanager
def _orthanc_http(directory: Path) -> Iterator[Address]:
    with start_orthanc(directory, dicomweb=True) as server:
        server.upload(synthetic.studies(3, instances=2, date=_DAY))
        yield server.http


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
            if "QueryRetrieveLevel" in event.identifier:
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


_SERVERS: dict[str, tuple[Callable[[Path], AbstractContextManager[Address]], str, str, tuple[str, ...]]] = {
    "orthanc": (_orthanc, "ANY-SCP", "orthanc", ("archive", "worklist", "store", "stranger")),
    "orthanc-http": (_orthanc_http, "", "orthanc-dicomweb", ("dicomweb",)),
    "dcmqrscp": (_dcmqrscp, "DCMQRSCP", "dcmtk", ("archive", "worklist", "store", "stranger")),
    "storescp": (_storescp, "STORESCP", "dcmtk", ("archive", "store", "stranger")),
    "wlmscpfs": (_wlmscpfs, "WORKLIST", "dcmtk", ("worklist", "stranger")),
    "pynetdicom": (_pynetdicom, "PYNETDICOM", "", ("archive", "worklist", "store", "stranger")),
}
"""Name -> how to start it, its AE title, the package it comes from, and what it is asked."""


async def _record(names: Sequence[str]) -> None:
    for name in names:
        start, called, package, asked = _SERVERS[name]
        origin = f"{name} of {_package(package)}" if package else f"pynetdicom {pynetdicom.__version__}"
        for scenario in asked:
            with tempfile.TemporaryDirectory() as directory, start(Path(directory)) as address:
                await record(name, scenario, address, called, origin)


if __name__ == "__main__":
    asyncio.run(_record(sys.argv[1:] or list(_SERVERS)))
