"""Start and stop a pynetdicom SCP so that it makes no noise and never holds up the end of the process."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from socket import SHUT_RDWR
from threading import Thread
from typing import Any

from pynetdicom import _config
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.transport import ThreadedAssociationServer

_ABORT_WAIT = 0.3  # seconds for an A-ABORT to be sent


def serve(
    entity: ApplicationEntity, host: str, port: int, handlers: Sequence[tuple[Any, ...]] = (), **options: Any
) -> ThreadedAssociationServer:
    """Listen on `port` (0: any free one) in threads of its own; `handlers` and `options` as for `start_server`.

    Raises OSError where the port is taken.
    """
    server = entity.start_server((host, port), block=False, evt_handlers=list(handlers), **options)
    assert server is not None  # None comes with block=True only
    return server


def stop(server: ThreadedAssociationServer) -> None:
    """Stop listening, abort what is associated and cut every other connection; takes at most about a second.

    pynetdicom's own `shutdown()` waits for ever for a peer that connected and sent no association request, and its
    network threads are not daemons: one such peer would keep the process from ending.
    """
    server.shutdown()
    endings = [Thread(target=_end, args=[association]) for association in server.active_associations]
    for ending in endings:
        ending.start()
    for ending in endings:
        ending.join()


def keep_quiet() -> None:
    """Keep pynetdicom from logging every message, and what is in them."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


def _end(association: Association) -> None:
    if association.is_established:
        association.abort(block=False)
        association.dul.join(_ABORT_WAIT)
    transport = association.dul.socket
    association.dul.kill_dul()
    if transport is not None and transport.socket is not None:
        with suppress(OSError):  # it had ended by itself
            transport.socket.shutdown(SHUT_RDWR)  # wakes a reader that waits for the rest of a PDU
    association.dul.join(_ABORT_WAIT)
