"""Do our probes harm an archive? `python -m tests.soak.harm --associations 20000`. The exit code is 1 if one grew.

Real servers get so many associations of each kind: accepted, rejected, aborted, over TLS, TLS handshakes that are
abandoned, a stranger's, and those of the canary. The memory, the threads and the files of the server's own processes
have to stay flat, from a quarter of them to the end. wlmscpfs runs in one process, as a leak would stay there; dcmqrscp
makes a process for each association, as with `--single-process` 3.6.7 crashes at the end of the first.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dicom_exporter.config import Address, Canary, Exposure, Module, Target
from dicom_exporter.config.build.tls import tls_settings
from dicom_exporter.config.values.network import SocketAddress
from dicom_exporter.dicom.associate import associate
from dicom_exporter.enums import Outcome
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ProbeEnded
from dicom_exporter.net.limits import ConnectionLimits
from dicom_exporter.net.turns import Turns
from dicom_exporter.probes.canary import probe_canary
from dicom_exporter.probes.exposure import probe_exposure
from dicom_exporter.probes.session import offer, probe_session
from dicom_exporter.probes.tls_posture import probe_tls
from tests.testing.context import MONITOR, STRANGER, lookup_threads, probe_context
from tests.testing.peers import Certificates, dcmtk, make_certificates, orthanc, synthetic

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SAMPLES = 20
_WARM = 0.25
"""Share of the associations after which a server has what it needs."""
_MEMORY, _MEMORY_SHARE, _FILES = 2.0, 0.05, 2
"""What may be added from the warm-up to the end: MiB, or a share of them; threads and files."""
_VERIFICATION = "1.2.840.10008.1.1"


@dataclass(frozen=True, slots=True)
class Resources:
    """What the processes of a server have, together."""

    memory: float
    """MiB, resident."""
    threads: int
    files: int


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one server under one kind of associations."""

    server: str
    kind: str
    associations: int
    before: Resources
    after: Resources

    @property
    def flat(self) -> bool:
        """Whether nothing grew."""
        more = self.after.memory - self.before.memory
        others = max(self.after.threads - self.before.threads, self.after.files - self.before.files)
        return more <= max(_MEMORY, self.before.memory * _MEMORY_SHARE) and others <= _FILES


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and how to speak to it."""

    name: str
    pid: int
    target: Target
    certificates: Certificates | None = None
    stores: bool = False
    rejects: bool = True


class Counting(ConnectionLimits):
    """Counts the associations that have ended."""

    ended = 0

    def note_end(self, address: SocketAddress, now: float) -> None:
        """Count it, and pause for none."""
        self.ended += 1


Kind = Callable[[Server, ProbeContext], Awaitable[object]]


async def accepted(server: Server, context: ProbeContext) -> None:
    """A C-ECHO."""
    session = await probe_session(server.target, Module("m"), context)
    assert session.echo is not None
    if session.echo.outcome is not Outcome.SUCCESS:
        raise RuntimeError(f"{server.name}: {session.echo.outcome}")


async def rejected(server: Server, context: ProbeContext) -> None:
    """Another called AE title."""
    session = await probe_session(replace(server.target, called_ae_title="NOBODY"), Module("m"), context)
    if session.association is not Outcome.REJECTED:
        raise RuntimeError(f"{server.name}: {session.association}")


async def aborted(server: Server, context: ProbeContext) -> None:
    """An association that we end with A-ABORT."""
    with contextlib.suppress(ProbeEnded):
        async with associate(server.target.address, offer(server.target, context, (_VERIFICATION,)), context):
            raise ProbeEnded


async def stranger(server: Server, context: ProbeContext) -> None:
    """All that a stranger asks."""
    module = Module("m", identity=STRANGER.name, echo=False, exposure=Exposure(max_matches=10))
    await probe_exposure(server.target, module, replace(context, identity=STRANGER))


async def hellos(server: Server, context: ProbeContext) -> None:
    """TLS handshakes that are abandoned."""
    await probe_tls(server.target, Module("m", exposure=Exposure(tls=True)), context)


async def canary(server: Server, context: ProbeContext) -> None:
    """An image stored, found, and retrieved."""
    result = await probe_canary(server.target, Module("m", canary=Canary(size=16 << 10)), context)
    if not all(step.success for step in result.steps):
        raise RuntimeError(f"{server.name}: {[(step.step, step.failure) for step in result.steps]}")


def kinds(server: Server) -> Iterator[Kind]:
    """What `server` is asked."""
    yield accepted
    if server.rejects:
        yield rejected
    yield aborted
    yield stranger
    if server.certificates is not None:
        yield hellos
    if server.stores:
        yield canary


def resources(pid: int) -> Resources:
    """Of the process `pid` and all below it."""
    pids, found = [pid], []
    for each in pids:  # grows while it is walked
        with contextlib.suppress(OSError):
            pids += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
            resident = int(Path(f"/proc/{each}/statm").read_text().split()[1]) * _PAGE
            files = len(list(Path(f"/proc/{each}/fd").iterdir()))
            threads = len(list(Path(f"/proc/{each}/task").iterdir()))
            found.append((resident / 2**20, threads, files))
    return Resources(sum(each[0] for each in found), sum(each[1] for each in found), sum(each[2] for each in found))


async def run(server: Server, kind: Kind, associations: int) -> Result:
    """Make so many associations of one kind with `server`, and look at it on the way."""
    limits = Counting()
    limits.turns = Turns()
    samples: list[Resources] = []
    with lookup_threads() as lookups:
        while limits.ended < associations:
            tls = None
            if server.certificates is not None:
                tls = tls_settings(ca_file=server.certificates.authority, server_name="localhost")
            identity = replace(MONITOR, tls=tls)
            context = probe_context(lookups, identity, seconds=60.0, connect_timeout=20.0, may_store=True)
            await kind(server, replace(context, limits=limits))
            if limits.ended >= (len(samples) + 1) * associations / _SAMPLES:
                await asyncio.sleep(0.05)  # the server ends the last one
                samples.append(resources(server.pid))
    warm = samples[int(len(samples) * _WARM) :]
    return Result(server.name, kind.__name__, limits.ended, _median(warm[:3]), _median(warm[-3:]))


def _median(samples: list[Resources]) -> Resources:
    return Resources(
        statistics.median(each.memory for each in samples),
        int(statistics.median(each.threads for each in samples)),
        int(statistics.median(each.files for each in samples)),
    )


@contextlib.asynccontextmanager
async def servers(directory: Path) -> AsyncIterator[list[Server]]:
    """One of each, with and without TLS where it has that."""
    certificates = make_certificates(directory / "certificates")

    def target(port: int, title: str) -> Target:
        return Target("harm", Address("127.0.0.1", port), called_ae_title=title)

    def at(name: str) -> Path:
        (directory / name).mkdir()
        return directory / name

    open_to_all = {"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True, "DicomAlwaysAllowStore": True}
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        plain = enter(dcmtk.storescp(at("storescp")))
        secure = enter(dcmtk.storescp(at("storescp-tls"), tls=certificates))
        archive = enter(dcmtk.dcmqrscp(at("dcmqrscp")))
        worklist = enter(dcmtk.wlmscpfs(at("wlmscpfs"), [synthetic.worklist_item(1)], options=["--single-process"]))
        known = {"monitor": "PROMETHEUS"}
        checks: dict[str, Any] = {
            "DicomCheckCalledAet": True,
            "DicomAet": "ORTHANC",
            "known": known,
            "verbose": False,
            **open_to_all,
        }
        store = enter(orthanc(at("orthanc"), **checks))
        sealed = enter(orthanc(at("orthanc-tls"), tls=certificates, **checks))
        yield [
            Server("storescp", plain.process.pid, target(plain.dicom.port, "STORESCP"), rejects=False),
            Server(
                "storescp TLS", secure.process.pid, target(secure.dicom.port, "STORESCP"), certificates, rejects=False
            ),
            Server("dcmqrscp", archive.process.pid, target(archive.dicom.port, "DCMQRSCP"), stores=True),
            Server("wlmscpfs", worklist.process.pid, target(worklist.dicom.port, "WORKLIST")),
            Server("Orthanc", store.process.pid, target(store.dicom.port, "ORTHANC"), stores=True),
            Server("Orthanc TLS", sealed.process.pid, target(sealed.dicom.port, "ORTHANC"), certificates, stores=True),
        ]


async def _all(associations: int, only: str, directory: Path) -> list[Result]:
    results = []
    async with servers(directory) as running:
        for server in running:
            for kind in kinds(server):
                if only in f"{server.name} {kind.__name__}":
                    results.append(await run(server, kind, associations))
                    sys.stdout.write(row(results[-1]) + "\n")
                    sys.stdout.flush()
    return results


def row(result: Result) -> str:
    """A row of the table."""
    before, after = result.before, result.after
    verdict = "flat" if result.flat else "GREW"
    return (
        f"| {result.server} | {result.kind} | {result.associations:,} | {before.memory:.1f} → {after.memory:.1f} MiB"
        f" | {before.threads} → {after.threads} | {before.files} → {after.files} | {verdict} |"
    )


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.harm", description=__doc__)
    parser.add_argument("--associations", type=int, default=20_000, help="of each kind, with each server")
    parser.add_argument("--only", default="", help="part of the name of a server and a kind")
    given = parser.parse_args()
    sys.stdout.write("| server | kind | associations | memory | threads | files | |\n|---|---|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory(prefix="harm-") as directory:
        results = asyncio.run(_all(given.associations, given.only, Path(directory)))
    return 0 if all(result.flat for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
