"""sd_notify(3): tells systemd when the service is ready, reloads and stops, for a unit with `Type=notify`."""

import os
import socket
import time

import structlog

log = structlog.stdlib.get_logger(__name__)

READY = "READY=1"
STOPPING = "STOPPING=1"


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
