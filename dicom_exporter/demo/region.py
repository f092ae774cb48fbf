"""A synthetic health region: peers of every kind that occurs in practice, on loopback, and a target for each.

Each kind of peer runs once. It listens on all addresses of 127.0.0.0/8: the exporter has one association at a time with
an address, so each address is a target of its own.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pynetdicom.transport import ThreadedAssociationServer

from dicom_exporter.demo.archive import Archive, build_archive
from dicom_exporter.demo.archive_scp import Manner, archive_entity, archive_handlers
from dicom_exporter.demo.background import Background
from dicom_exporter.demo.blunt import ABORT, BUSY, Filtered, answering, silent
from dicom_exporter.demo.certificates import Authority, make_authority
from dicom_exporter.demo.changes import Changes
from dicom_exporter.demo.config import GUARDED_TITLE, KNOWN_CALLER, OPEN_TITLE
from dicom_exporter.demo.loopback import has_whole_net
from dicom_exporter.demo.region_config import address, region_config
from dicom_exporter.demo.scp import keep_quiet, listen, stop_all
from dicom_exporter.demo.servers import FIRST_PORT, closed_port
from dicom_exporter.demo.targets import LEAST, NAMED, PEERS, PeerKind, TargetKind, more_targets
from dicom_exporter.demo.web import web_application

_CONQUEST_UID, _CONQUEST_VERSION = "1.2.826.0.1.3680043.2.135.1066.101", "1.4.17/LINUX"
_WEB_LOGIN = ("monitor", "synthetic")
_LARGE, _LACKING = 1200, 3
"""Studies of the large archive, and studies that the destination of a comparison lacks."""


@dataclass(frozen=True, slots=True)
class Region:
    """The targets, and the configuration that probes them."""

    targets: tuple[TargetKind, ...]
    addresses: tuple[str, ...]
    """`host:port` of each target."""
    config_text: str


@contextmanager
def demo_region(directory: Path, targets: int = 0, first_port: int = FIRST_PORT) -> Iterator[Region]:
    """Run all kinds of peers until the block ends, as this number of targets: at least LEAST, or 0 for the named ones.

    Certificates and passwords are written into `directory`; 0 for `first_port` takes any free ports. Raises OSError
    if the system cannot listen on all of 127.0.0.0/8.
    """
    keep_quiet()
    whole_net = has_whole_net()
    if 0 < targets < LEAST:
        raise ValueError(f"a region has at least {LEAST} targets")
    if targets > len(NAMED) and not whole_net:
        raise OSError("so many targets need the addresses of 127.0.0.0/8, which this system cannot listen on")
    chosen = (*NAMED[:targets], *more_targets(targets - len(NAMED))) if targets else NAMED
    authority = make_authority(directory)
    password_file = directory / "web-password"
    password_file.write_text(_WEB_LOGIN[1])
    authority.write_certificate("monitor", 365)
    with ExitStack() as stack:
        ports = {kind: first_port + offset if first_port else 0 for offset, kind in enumerate(PEERS)}
        found = _start(ports, authority, stack, whole_net=whole_net)
        text = region_config(chosen, found, authority.ca_file, _WEB_LOGIN[0], password_file, whole_net=whole_net)
        yield Region(chosen, tuple(address(target, found, whole_net=whole_net) for target in chosen), text)


def _start(
    ports: dict[PeerKind, int], authority: Authority, stack: ExitStack, *, whole_net: bool
) -> dict[PeerKind, int]:
    """Start a peer of each kind and return its port."""
    small, usual = build_archive(40), build_archive(300)
    found: dict[PeerKind, int] = {}
    servers: list[ThreadedAssociationServer] = []
    stack.callback(stop_all, servers)
    background = stack.enter_context(Background())

    def archive(
        kind: PeerKind,
        holds: Archive,
        known_caller: str | None = None,
        *,
        manner: Manner | None = None,
        tls: bool = False,
        days: int = 400,
        require_client_certificate: bool = False,
        software: tuple[str, str] | None = None,
        takes_images: bool = False,
    ) -> None:
        title = GUARDED_TITLE if known_caller else OPEN_TITLE
        entity = archive_entity(title, known_caller, takes_images=takes_images, at_once=512)
        if software is not None:
            entity.implementation_class_uid, entity.implementation_version_name = software
        handlers = archive_handlers(holds, manner)
        context = (
            authority.server_context(kind, days, require_client_certificate=require_client_certificate) if tls else None
        )
        server = listen(entity, ports[kind], handlers, tls=context, whole_net=whole_net)
        servers.append(server)
        found[kind] = server.server_address[1]

    archive(PeerKind.OPEN, usual)
    archive(PeerKind.GUARDED, usual, KNOWN_CALLER)
    found[PeerKind.CLOSED] = int(stack.enter_context(closed_port(ports[PeerKind.CLOSED])).rpartition(":")[2])
    archive(PeerKind.SMALL_OPEN, small)
    archive(PeerKind.SMALL_GUARDED, small, KNOWN_CALLER, takes_images=True)
    archive(PeerKind.LACKING, Archive(small.studies[_LACKING:], small.worklist))
    archive(PeerKind.LARGE, build_archive(_LARGE), KNOWN_CALLER)
    archive(PeerKind.EMPTY, build_archive(0, worklist_items=0))
    archive(PeerKind.REFUSES_QUERIES, small, manner=Manner(refuses_queries=True))
    archive(PeerKind.SLOW, small, KNOWN_CALLER, manner=Manner(echo_delay=0.8, match_delay=0.02))
    archive(PeerKind.FORGOT_US, small, "WORKSTATION")
    archive(PeerKind.OUTDATED, small, KNOWN_CALLER, software=(_CONQUEST_UID, _CONQUEST_VERSION))
    archive(PeerKind.TLS, small, KNOWN_CALLER, tls=True, days=9)
    archive(
        PeerKind.HOSPITAL,
        small,
        KNOWN_CALLER,
        tls=True,
        days=15,
        software=(_CONQUEST_UID, _CONQUEST_VERSION),
        takes_images=True,
    )
    archive(PeerKind.MUTUAL_TLS, small, tls=True, require_client_certificate=True)
    found[PeerKind.BUSY] = background.talk(answering(BUSY), ports[PeerKind.BUSY], whole_net=whole_net)
    found[PeerKind.ABORTS] = background.talk(answering(ABORT), ports[PeerKind.ABORTS], whole_net=whole_net)
    found[PeerKind.SILENT] = background.talk(silent, ports[PeerKind.SILENT], whole_net=whole_net)
    filtered = Filtered(ports[PeerKind.FILTERED], whole_net=whole_net)
    stack.callback(filtered.close)
    found[PeerKind.FILTERED] = filtered.port
    found[PeerKind.WEB_OPEN] = background.serve(web_application(small), ports[PeerKind.WEB_OPEN])
    found[PeerKind.WEB_LOGIN] = background.serve(web_application(small, _WEB_LOGIN), ports[PeerKind.WEB_LOGIN])
    found[PeerKind.WEB_TLS] = background.serve(
        web_application(small, _WEB_LOGIN), ports[PeerKind.WEB_TLS], authority.server_context("web", 60)
    )
    changes = stack.enter_context(Changes(whole_net=whole_net))
    found[PeerKind.VENDOR] = changes.opened_by_vendor(small, ports[PeerKind.VENDOR])
    found[PeerKind.RESTARTS] = changes.restarted(small, ports[PeerKind.RESTARTS])
    return found
