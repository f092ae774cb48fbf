"""DCMTK's servers and clients."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.testing.peers.certificates import Certificates
from tests.testing.peers.process import Address, Process, process, reserved_address
from tests.testing.peers.requirements import program
from tests.testing.peers.synthetic import Instance, write_files

PACKAGE = "dcmtk"
_CLIENT_TIMEOUT = 60  # seconds


@dataclass(frozen=True, slots=True)
class Server:
    """A running DCMTK server."""

    process: Process
    dicom: Address
    directory: Path

    @property
    def log(self) -> str:
        """Its log so far."""
        return self.process.log

    def stop(self) -> None:
        """Stop it before the block ends."""
        self.process.stop()


@dataclass(frozen=True, slots=True)
class Finished:
    """A client that has run."""

    code: int
    output: str
    """Standard output and standard error."""

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def matches(self) -> int:
        """Matches that findscu listed."""
        return len(re.findall(r"Find Response: \d+ \(Pending", self.output))

    def values(self, keyword: str) -> list[str]:
        """The values of an attribute in findscu's matches, in their order."""
        response = self.output.partition("Find Response: 1 ")[2]
        return [
            value.strip(" \0")
            for value in re.findall(
                rf"\([0-9a-f]{{4}},[0-9a-f]{{4}}\) \w\w \[?(.*?)\]? +# .*\b{keyword}$", response, re.M
            )
        ]


@contextmanager
def dcmqrscp(
    directory: Path,
    *,
    title: str = "DCMQRSCP",
    known: Mapping[str, str] | None = None,
    destinations: Mapping[str, int] | None = None,
    max_associations: int = 16,
    options: Sequence[str] = (),
) -> Iterator[Server]:
    """An archive. `known` are callers, name -> AE title, which alone are accepted; without it, any caller is.

    `destinations` of a C-MOVE: AE title -> port on this machine.
    """
    executable = program("dcmqrscp", PACKAGE)
    storage = directory / "storage"
    storage.mkdir(parents=True, exist_ok=True)
    hosts = "\n".join(
        [f"{name} = ({title}, localhost, 1)" for name, title in (known or {}).items()]
        + [f"to_{title} = ({title}, localhost, {port})" for title, port in (destinations or {}).items()]
    )
    peers = ", ".join(known or {}) if known else "ANY"
    configuration = f"""\
MaxPDUSize = 16384
MaxAssociations = {max_associations}
HostTable BEGIN
{hosts}
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
{title} {storage} RW (10000, 1024mb) {peers}
AETable END
"""
    (directory / "dcmqrscp.cfg").write_text(configuration)
    argv = [executable, "--verbose", "--config", "dcmqrscp.cfg", *options]
    with reserved_address() as address, process([*argv, str(address.port)], directory, "dcmqrscp") as running:
        running.wait_for_port(address)
        yield Server(running, address, directory)


@contextmanager
def storescp(
    directory: Path,
    *,
    title: str = "STORESCP",
    tls: Certificates | None = None,
    require_client_certificate: bool = False,
    options: Sequence[str] = (),
) -> Iterator[Server]:
    """A server that echoes and stores, and knows no queries; what it stored is in `directory`/storage."""
    executable = program("storescp", PACKAGE)
    (directory / "storage").mkdir(parents=True, exist_ok=True)
    secure: list[str] = []
    if tls is not None:
        secure = ["+tls", str(tls.server_key), str(tls.server), "+cf", str(tls.authority)]
        secure += ["-rc" if require_client_certificate else "-ic"]
    argv = [executable, "--verbose", *secure, "-aet", title, "-od", "storage", *options]
    with reserved_address() as address, process([*argv, str(address.port)], directory, "storescp") as running:
        running.wait_for_port(address)
        yield Server(running, address, directory)


@contextmanager
def wlmscpfs(
    directory: Path, items: Iterable[Instance] = (), *, title: str = "WORKLIST", options: Sequence[str] = ()
) -> Iterator[Server]:
    """A worklist server with those items; its AE title is `title`, and it rejects any other called AE title."""
    executable = program("wlmscpfs", PACKAGE)
    worklist = directory / "worklists" / title
    worklist.mkdir(parents=True, exist_ok=True)
    (worklist / "lockfile").touch()  # it will not serve a directory without one
    write_files(list(items), worklist, ".wl")
    argv = [executable, "--verbose", "-dfp", "worklists", *options]
    with reserved_address() as address, process([*argv, str(address.port)], directory, "wlmscpfs") as running:
        running.wait_for_port(address)
        yield Server(running, address, directory)


def echoscu(address: Address, *options: str, called: str = "ANY-SCP", calling: str = "ECHOSCU") -> Finished:
    """C-ECHO."""
    return _client("echoscu", [*options, "-aec", called, "-aet", calling, address.host, str(address.port)])


def findscu(
    address: Address,
    *keys: str,
    options: Sequence[str] = ("-S",),
    called: str = "ANY-SCP",
    calling: str = "FINDSCU",
) -> Finished:
    """C-FIND with those keys (`StudyDate=20260301`); `options` choose the model: -S, -P or -W."""
    asked = [part for key in keys for part in ("-k", key)]
    titles = ["-aec", called, "-aet", calling]
    return _client("findscu", ["--verbose", *options, *asked, *titles, address.host, str(address.port)])


def storescu(address: Address, directory: Path, *options: str, called: str = "ANY-SCP") -> Finished:
    """C-STORE of every file in `directory`."""
    return _client("storescu", ["+sd", *options, "-aec", called, address.host, str(address.port), str(directory)])


def getscu(address: Address, directory: Path, *keys: str, called: str = "ANY-SCP", calling: str = "GETSCU") -> Finished:
    """C-GET with those keys into `directory`, Study Root."""
    asked = [part for key in keys for part in ("-k", key)]
    argv = ["--verbose", "-S", *asked, "-od", str(directory), "-aec", called, "-aet", calling]
    return _client("getscu", [*argv, address.host, str(address.port)])


def _client(name: str, arguments: Sequence[str]) -> Finished:
    finished = subprocess.run(
        [program(name, PACKAGE), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_CLIENT_TIMEOUT,
        check=False,
    )
    return Finished(finished.returncode, finished.stdout.decode(errors="replace"))
