"""systemd: the sockets that it passes (sd_listen_fds(3)), and what it is told of a service (sd_notify(3)).

It is told when the service is ready, reloads and stops, for a unit with `Type=notify`.
"""

import os
import socket
import time

import structlog

from dicom_exporter.server.listening import CannotListen

log = structlog.stdlib.get_logger(__name__)

READY = "READY=1"
STOPPING = "STOPPING=1"

_FIRST_PASSED = 3
"""The number of the first file descriptor that systemd passes."""


def passed_sockets() -> list[socket.socket]:
    """The listening TCP sockets that systemd has opened for this process. Raises CannotListen.

    The environment is cleared, so that no child process takes them for its own. Call it once.
    """
    pid, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal() or int(count) < 1:
        raise CannotListen("systemd has passed no socket to listen on: start it by its .socket unit")
    return [_passed(number) for number in range(_FIRST_PASSED, _FIRST_PASSED + int(count))]


def _passed(number: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=number)
        listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise CannotListen(f"file descriptor {number} of systemd is not a socket: {error.strerror}") from None
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM or not listening:
        raise CannotListen(
            f"file descriptor {number} of systemd is not a listening TCP socket: see ListenStream= and Accept="
        )
    sock.set_inheritable(False)
    sock.setblocking(False)
    return sock


def reloading() -> str:
    """The state of a service that reloads; systemd wants to know since when."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def notify(state: str) -> None:
    """Send `state` to the socket that NOTIFY_SOCKET names. Without one, as outside of systemd, nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
            sock.send(state.encode())
    except OSError as error:
        log.warning("systemd cannot be told", state=state.partition("\n")[0], error=type(error).__name__)
