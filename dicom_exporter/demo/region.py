"""Synthetic peers on loopback of every kind that occurs in practice, and a target of the exporter for each.

Each kind of peer runs once. Where targets have addresses of their own, it listens on all of 127.0.0.0/8: the exporter
has one association at a time with an address, so each address is a target of its own.

pynetdicom's SCPs are threads: start and stop them outside of an event loop, or in a thread of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pynetdicom.transport import ThreadedAssociationServer

from dicom_exporter.demo.archive import Archive, build_archive
from dicom_exporter.demo.archive_scp import Manner, archive_entity, archive_handlers
from dicom_exporter.demo.background import Background
from dicom_exporter.demo.blunt import ABORT, BUSY, Filtered, answering
from dicom_exporter.demo.certificates import Authority, make_authority
from dicom_exporter.demo.changes import Changes
from dicom_exporter.demo.loopback import closed_port, has_whole_net
from dicom_exporter.demo.region_config import address, region_config
from dicom_exporter.demo.scp import listen, stop_all
from dicom_exporter.demo.targets import KNOWN_CALLER, NAMED, PEERS, PeerKind, TargetKind
from dicom_exporter.demo.web import web_application
from dicom_exporter.logs import silence_pynetdicom

FIRST_PORT = 11112
"""Registered for DICOM (PS3.8 9.1.1). The peers listen on this port and the next ones, if they are free."""
_WEB_LOGIN = ("monitor", "synthetic")
_FEW = 40
"""Studies of most archives."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of archive. The default answers anyone, at once."""

    studies: int = _FEW
    lacks: int = 0
    """How many of the studies are missing."""
    known_caller: str | None = None
    manner: Manner = field(default_factory=Manner)
    certificate_days: int | None = None
    """It speaks TLS, and its certificate expires in this number of days."""
    require_client_certificate: bool = False
    software: tuple[str, str] | None = None
    """Its implementation class UID and version name."""
    takes_images: bool = False


_CONQUEST = ("1.2.826.0.1.3680043.2.135.1066.101", "1.4.17/LINUX")
_ARCHIVES: Mapping[PeerKind, _Kind] = {
    PeerKind.OPEN: _Kind(300),
    PeerKind.GUARDED: _Kind(300, known_caller=KNOWN_CALLER),
    PeerKind.SMALL_OPEN: _Kind(),
    PeerKind.SMALL_GUARDED: _Kind(known_caller=KNOWN_CALLER, takes_images=True),
    PeerKind.LACKING: _Kind(lacks=3),
    PeerKind.LARGE: _Kind(1200, known_caller=KNOWN_CALLER),
    PeerKind.EMPTY: _Kind(0),
    PeerKind.REFUSES_QUERIES: _Kind(manner=Manner(refuses_queries=True)),
    PeerKind.SLOW: _Kind(known_caller=KNOWN_CALLER, manner=Manner(echo_delay=0.8, match_delay=0.02)),
    PeerKind.FORGOT_US: _Kind(known_caller="WORKSTATION"),
    PeerKind.OUTDATED: _Kind(known_caller=KNOWN_CALLER, software=_CONQUEST),
    PeerKind.TLS: _Kind(known_caller=KNOWN_CALLER, certificate_days=9),
    PeerKind.MUTUAL_TLS: _Kind(certificate_days=400, require_client_certificate=True),
    PeerKind.HOSPITAL: _Kind(known_caller=KNOWN_CALLER, certificate_days=15, software=_CONQUEST, takes_images=True),
    PeerKind.DISK_FULL: _Kind(known_caller=KNOWN_CALLER, manner=Manner(disk_full=True), takes_images=True),
    PeerKind.LOSES_IMAGES: _Kind(known_caller=KNOWN_CALLER, manner=Manner(loses_images=True), takes_images=True),
}
_ANSWERS: Mapping[PeerKind, bytes] = {PeerKind.BUSY: BUSY, PeerKind.ABORTS: ABORT, PeerKind.SILENT: b""}


@dataclass(frozen=True, slots=True)
class Region:
    """The targets, and the configuration that probes them."""

    targets: Sequence[TargetKind]
    addresses: tuple[str, ...]
    """`host:port` of each target."""
    config_text: str


@contextmanager
def demo_region(
    directory: Path, targets: Sequence[TargetKind] = NAMED, first_port: int = FIRST_PORT
) -> Iterator[Region]:
    """Run the peers of `targets` until the block ends; 0 for `first_port` takes any free ports.

    Certificates and passwords are written into `directory`. Stopping aborts the associations that are still open, and
    takes about a second. Raises OSError if the system cannot listen on all of 127.0.0.0/8, as many targets need.
    """
    silence_pynetdicom()
    whole_net = any(target.number for target in targets) and has_whole_net()
    if len(targets) > len(NAMED) and not whole_net:
        raise OSError("this number of targets needs the addresses of 127.0.0.0/8, which this system cannot listen on")
    authority = make_authority(directory)
    password_file = directory / "web-password"
    password_file.write_text(_WEB_LOGIN[1])
    password_file.chmod(0o600)
    authority.write_certificate("monitor", 365)
    needed = {kind for target in targets for kind in (target.peer, target.dicomweb, target.web)}
    with ExitStack() as stack:
        ports = {kind: first_port and first_port + offset for offset, kind in enumerate(PEERS) if kind in needed}
        found = _start(ports, authority, stack, whole_net=whole_net)
        text = region_config(targets, found, authority.ca_file, _WEB_LOGIN[0], password_file, whole_net=whole_net)
        yield Region(targets, tuple(address(target, found, whole_net=whole_net) for target in targets), text)


def _start(
    ports: Mapping[PeerKind, int], authority: Authority, stack: ExitStack, *, whole_net: bool
) -> dict[PeerKind, int]:
    """Start a peer of each kind, and return their ports: other ones than those asked for, if these are taken."""
    small = build_archive(_FEW)
    servers: list[ThreadedAssociationServer] = []
    stack.callback(stop_all, servers)
    background = stack.enter_context(Background())
    changes = stack.enter_context(Changes(whole_net=whole_net))

    def start(kind: PeerKind, port: int) -> int:
        match kind:
            case PeerKind.CLOSED:
                return stack.enter_context(closed_port(port))
            case PeerKind.BUSY | PeerKind.ABORTS | PeerKind.SILENT:
                return background.talk(answering(_ANSWERS[kind]), port, whole_net=whole_net)
            case PeerKind.FILTERED:
                filtered = Filtered(port, whole_net=whole_net)
                stack.callback(filtered.close)
                return filtered.port
            case PeerKind.WEB_OPEN:
                return background.serve(web_application(small), port)
            case PeerKind.WEB_LOGIN:
                return background.serve(web_application(small, _WEB_LOGIN), port)
            case PeerKind.WEB_TLS:
                tls = authority.server_context("web", 60)
                return background.serve(web_application(small, _WEB_LOGIN), port, tls)
            case PeerKind.VENDOR:
                return changes.opened_by_vendor(small, port)
            case PeerKind.RESTARTS:
                return changes.restarted(small, port)
        servers.append(_listen(kind, _ARCHIVES[kind], port, authority, whole_net=whole_net))
        return int(servers[-1].server_address[1])

    return {kind: start(kind, port) for kind, port in ports.items()}


def _listen(name: str, kind: _Kind, port: int, authority: Authority, *, whole_net: bool) -> ThreadedAssociationServer:
    entity = archive_entity(kind.known_caller, takes_images=kind.takes_images)
    if kind.software is not None:
        entity.implementation_class_uid, entity.implementation_version_name = kind.software
    archive = build_archive(kind.studies, worklist_items=5 if kind.studies else 0)
    handlers = archive_handlers(Archive(archive.studies[kind.lacks :], archive.worklist), kind.manner)
    tls = None
    if kind.certificate_days is not None:
        demanding = kind.require_client_certificate
        tls = authority.server_context(name, kind.certificate_days, require_client_certificate=demanding)
    return listen(entity, port, handlers, tls=tls, whole_net=whole_net)
