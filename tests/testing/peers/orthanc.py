"""Orthanc, as Debian packages it."""

from __future__ import annotations

import http.client
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.testing.peers.certificates import Certificates
from tests.testing.peers.process import Address, Process, process, reserved_address
from tests.testing.peers.requirements import file, program
from tests.testing.peers.synthetic import Instance

PLUGINS = Path("/usr/share/orthanc/plugins")
DICOMWEB = "libOrthancDicomWeb.so"
WORKLISTS = "libModalityWorklists.so"

EVERYTHING_OPEN = {
    "DicomCheckCalledAet": False,
    "DicomAlwaysAllowEcho": True,
    "DicomAlwaysAllowFind": True,
    "DicomAlwaysAllowGet": True,
    "DicomAlwaysAllowMove": True,
    "DicomAlwaysAllowStore": True,
}
"""Settings with which anyone may do anything."""
ONLY_KNOWN = {**dict.fromkeys(EVERYTHING_OPEN, False), "DicomCheckCalledAet": True}
"""Settings with which only a known AE title may do anything, and only if it calls Orthanc by Orthanc's own title."""


@dataclass(frozen=True, slots=True)
class Orthanc:
    """A running Orthanc."""

    process: Process
    dicom: Address
    http: Address
    directory: Path

    @property
    def log(self) -> str:
        """Its log so far, at the level --verbose."""
        return self.process.log

    def upload(self, instances: Iterable[Instance]) -> int:
        """Store instances by its REST API, all in one request; returns how many there were."""
        archive = io.BytesIO()
        count = 0
        with zipfile.ZipFile(archive, "w") as files:
            for count, instance in enumerate(instances, start=1):
                files.writestr(f"{count}.dcm", instance.data)
        self.request("POST", "/instances", archive.getvalue())
        return count

    @property
    def says_what_it_cuts(self) -> bool:
        """Whether an answer that LimitFindResults cut ends with FE00. Of 1.12.7 and 1.13.0 it ends as a whole one."""
        version = self.request("GET", "/system")["Version"]
        return tuple(map(int, version.split(".")[:2])) < (1, 12)

    def statistics(self) -> Mapping[str, Any]:
        """Its own counts: CountPatients, CountStudies, CountSeries, CountInstances."""
        counts: Mapping[str, Any] = self.request("GET", "/statistics")
        return counts

    def changes(self) -> list[Mapping[str, Any]]:
        """Its change log, oldest first: NewInstance, Deleted, and so on."""
        log: list[Mapping[str, Any]] = self.request("GET", "/changes?limit=100000")["Changes"]
        return log

    def know(self, name: str, title: str, address: Address | None = None, **allowed: bool) -> None:
        """Add or change a modality at run time: `allowed` are its AllowEcho, AllowFind, AllowStore and so on."""
        where = address or Address("127.0.0.1", 104)
        body = {"AET": title, "Host": where.host, "Port": where.port, **allowed}
        self.request("PUT", f"/modalities/{name}", json.dumps(body).encode())

    def forget(self, name: str) -> None:
        """Remove a modality at run time."""
        self.request("DELETE", f"/modalities/{name}")

    def add_worklist_items(self, items: Iterable[Instance]) -> None:
        """Put items where its worklist plugin looks for them."""
        for item in items:
            (self.directory / "worklists" / f"{item.dataset.AccessionNumber}.wl").write_bytes(item.data)

    def request(self, method: str, path: str, body: bytes | None = None) -> Any:
        """One request to its REST API: the answer's JSON, None for an empty one. Raises RuntimeError for a status."""
        connection = http.client.HTTPConnection(self.http.host, self.http.port, timeout=60)
        try:
            connection.request(method, path, body, {"Expect": ""})
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:500]!r}")
        return json.loads(answer) if answer else None

    def stop(self) -> None:
        """Stop it before the block ends."""
        self.process.stop()


@contextmanager
def orthanc(
    directory: Path,
    *,
    dicomweb: bool = False,
    worklists: bool = False,
    tls: Certificates | None = None,
    require_client_certificate: bool = False,
    known: Mapping[str, str] | None = None,
    dicom: Address | None = None,
    http: Address | None = None,
    verbose: bool = True,
    **settings: Any,
) -> Iterator[Orthanc]:
    """Run Orthanc with its defaults, plus `settings` (keys of its configuration), in `directory`.

    `known` are modalities: name -> AE title, all allowed everything. With `tls`, DICOM is over TLS; pass the same
    `directory` and addresses again to start it again on the same data with other settings.
    """
    executable = program("Orthanc", "orthanc")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "worklists").mkdir(exist_ok=True)
    configuration: dict[str, Any] = {
        "Name": "SYNTHETIC",
        "StorageDirectory": str(directory / "storage"),
        "IndexDirectory": str(directory / "storage"),
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "SaveJobs": False,
        "Plugins": [str(plugin) for plugin in _plugins(dicomweb, worklists)],
        "DicomModalities": {name: [title, "127.0.0.1", 104] for name, title in (known or {}).items()},
        "Worklists": {"Enable": worklists, "Database": str(directory / "worklists")},
        "DicomWeb": {"Enable": dicomweb, "Root": "/dicom-web/"},
    }
    if tls is not None:
        configuration |= {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(tls.server),
            "DicomTlsPrivateKey": str(tls.server_key),
            "DicomTlsTrustedCertificates": str(tls.authority),
            "DicomTlsRemoteCertificateRequired": require_client_certificate,
        }
    argv = [executable, *(["--verbose"] if verbose else []), "orthanc.json"]
    with ExitStack() as stack:
        dicom = dicom or stack.enter_context(reserved_address())
        http = http or stack.enter_context(reserved_address())
        ports = {"DicomPort": dicom.port, "HttpPort": http.port}
        (directory / "orthanc.json").write_text(json.dumps(configuration | ports | settings, indent=2))
        # It takes three seconds to stop by itself, and loses nothing when it does not.
        running = stack.enter_context(process(argv, directory, "orthanc", patience=0))
        running.wait_for_log("Orthanc has started")
        yield Orthanc(running, dicom, http, directory)


def _plugins(dicomweb: bool, worklists: bool) -> Iterator[Path]:
    if dicomweb:
        yield file(PLUGINS / DICOMWEB, "orthanc-dicomweb")
    if worklists:
        yield file(PLUGINS / WORKLISTS, "orthanc")
