"""What changes while the demo runs: an archive that is off now and then, and one whose vendor opens it."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Self

from pynetdicom.ae import ApplicationEntity
from pynetdicom.transport import ThreadedAssociationServer

from dicom_exporter.demo.archive import Archive
from dicom_exporter.demo.archive_scp import archive_entity, archive_handlers
from dicom_exporter.demo.scp import listen, stop, stop_all
from dicom_exporter.demo.targets import KNOWN_CALLER

NORMAL = 360.0
"""Seconds without a change, before each change."""
CHANGED = 240.0
"""Seconds that a change lasts: longer than the `for` of the alerts."""


class Changes:
    """Archives that change, from the start to the end of the block. `whole_net` as for `listening_socket`."""

    def __init__(self, *, whole_net: bool = False) -> None:
        self._whole_net = whole_net

    def __enter__(self) -> Self:
        self._ended = Event()
        self._threads: list[Thread] = []
        self._servers: list[ThreadedAssociationServer] = []
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        stop_all(self._servers)

    def opened_by_vendor(self, holds: Archive, port: int) -> int:
        """Run an archive whose check of AE titles is off now and then; return its port."""
        entity = archive_entity(KNOWN_CALLER)
        server = self._listen(entity, port, holds)

        def open_to_all(is_open: bool) -> None:
            entity.require_calling_aet = [] if is_open else [KNOWN_CALLER]
            entity.require_called_aet = not is_open

        self._alternate(open_to_all)
        return int(server.server_address[1])

    def restarted(self, holds: Archive, port: int) -> int:
        """Run an archive that is off now and then; return its port."""
        entity = archive_entity(KNOWN_CALLER)
        server = self._listen(entity, port, holds)
        own_port = int(server.server_address[1])

        def turn(off: bool) -> None:
            nonlocal server
            if off:
                self._servers.remove(server)
                stop(server)
            else:
                server = self._listen(entity, own_port, holds)

        self._alternate(turn)
        return own_port

    def _listen(self, entity: ApplicationEntity, port: int, holds: Archive) -> ThreadedAssociationServer:
        server = listen(entity, port, archive_handlers(holds), whole_net=self._whole_net)
        self._servers.append(server)
        return server

    def _alternate(self, change: Callable[[bool], None]) -> None:
        def run() -> None:
            while not self._ended.wait(NORMAL):
                change(True)
                self._ended.wait(CHANGED)
                change(False)

        thread = Thread(target=run, name="demo-changes", daemon=True)
        thread.start()
        self._threads.append(thread)
