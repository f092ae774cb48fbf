"""The demo's peers on loopback: `open` answers anyone, `guarded` answers known callers, on `closed` nothing listens.

They are pynetdicom SCPs with their threads; start and stop them outside of an event loop, or in a thread of their own.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from dicom_exporter.demo.archive import build_archive
from dicom_exporter.demo.archive_scp import archive_entity, archive_handlers
from dicom_exporter.demo.config import GUARDED_TITLE, KNOWN_CALLER, OPEN_TITLE, config_text
from dicom_exporter.demo.loopback import HOST
from dicom_exporter.demo.scp import keep_quiet, listen, stop

FIRST_PORT = 11112
"""Registered for DICOM (PS3.8 9.1.1). The peers listen on this port and the next ones, if they are free."""


@dataclass(frozen=True, slots=True)
class DemoPeers:
    """The addresses of the peers, as `host:port`, and the configuration that probes them."""

    open: str
    guarded: str
    closed: str
    config_text: str


@contextmanager
def demo_peers(studies: int = 300, first_port: int = FIRST_PORT) -> Iterator[DemoPeers]:
    """Run the three peers until the block ends; 0 for `first_port` takes any free ports.

    Stopping aborts the associations that are still open and takes about a second.
    """
    keep_quiet()
    handlers = archive_handlers(build_archive(studies))
    ports = [first_port + offset if first_port else 0 for offset in range(3)]
    with ExitStack() as stack:
        addresses = []
        for title, known_caller, port in ((OPEN_TITLE, None, ports[0]), (GUARDED_TITLE, KNOWN_CALLER, ports[1])):
            server = listen(archive_entity(title, known_caller), port, handlers)
            stack.callback(stop, server)
            addresses.append(f"{HOST}:{server.server_address[1]}")
        open_address, guarded_address = addresses
        closed_address = stack.enter_context(closed_port(ports[2]))
        text = config_text(open_address, guarded_address, closed_address)
        yield DemoPeers(open_address, guarded_address, closed_address, text)


@contextmanager
def closed_port(port: int) -> Iterator[str]:
    """An address where nothing listens. The port stays bound, so that no other process can listen there."""
    with socket.socket() as reserved:
        try:
            reserved.bind((HOST, port))
        except OSError:
            reserved.bind((HOST, 0))
        yield f"{HOST}:{reserved.getsockname()[1]}"
