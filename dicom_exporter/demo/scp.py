"""Start and stop a pynetdicom SCP that logs nothing and never delays the end of the process."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from socket import SHUT_RDWR, SO_REUSEADDR, SOL_SOCKET
from socket import socket as Socket
from ssl import SSLContext
from threading import Thread
from typing import Any, TypeVar

from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.transport import ThreadedAssociationServer

from dicom_exporter.demo.loopback import HOST, bind

T = TypeVar("T")

_ABORT_WAIT = 0.3  # seconds for an A-ABORT to be sent


def listen(
    entity: ApplicationEntity,
    port: int,
    handlers: Sequence[tuple[Any, ...]] = (),
    *,
    tls: SSLContext | None = None,
    whole_net: bool = False,
) -> ThreadedAssociationServer:
    """Listen on loopback in threads of its own, for many callers at once; on a free port if `port` is taken or 0.

    `handlers` as for `start_server`; `whole_net` as for `loopback.listening_socket`, with its OSError.
    """
    kind = _WholeNetServer if whole_net else _LoopbackServer
    server = entity.make_server((HOST, port), ssl_context=tls, evt_handlers=list(handlers), server_class=kind)
    entity._servers.append(server)  # as `start_server` does: `shutdown` takes it out again
    Thread(target=server.serve_forever, name="demo-acceptor", daemon=True).start()
    return server


def stop_all(servers: Iterable[ThreadedAssociationServer]) -> None:
    """Stop them as `stop` does, all at once."""
    _at_once(stop, servers)


class _LoopbackServer(ThreadedAssociationServer):
    request_queue_size = 1024  # several hundred targets are connected to at once
    whole_net = False

    def server_bind(self) -> None:
        assert isinstance(self.socket, Socket)
        self.socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        self.socket.settimeout(self.ae.network_timeout)
        bind(self.socket, self.server_address[1], whole_net=self.whole_net)
        self.server_address = self.socket.getsockname()


class _WholeNetServer(_LoopbackServer):
    whole_net = True


def stop(server: ThreadedAssociationServer) -> None:
    """Stop listening, abort all associations and close every other connection; takes at most about a second.

    pynetdicom's own `shutdown()` waits for ever for a peer that connected and sent no association request. Its network
    threads are not daemons, so one such peer would keep the process from ending.
    """
    server.shutdown()
    _at_once(_end, server.active_associations)


def _at_once(work: Callable[[T], None], items: Iterable[T]) -> None:
    """Do `work` for each of `items`, each in its own thread."""
    threads = [Thread(target=work, args=[item]) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


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
