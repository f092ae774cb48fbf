"""Clients that take what they can get: `python -m tests.soak.rude URL`. SIGTERM ends it.

Each kind has an address of its own, as the exporter goes by addresses. All know the password of `guest`, which is not
the one of Prometheus.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import socket
import sys
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from tests.testing.web_config import basic

USERS = {"prometheus": "right", "guest": "guest"}
"""Names and passwords of the web configuration."""
_PAUSE = 0.1
"""Seconds between two requests of one client: this machine is shared with all peers."""
_UNREAD, _OPEN, _HELD = 8, 300, 20.0
"""Answers that are not read at once, connections that are open at once, and for how many seconds they are."""


def _connect(to: tuple[str, int], source: str) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30.0)
    connection.bind((source, 0))
    connection.connect(to)
    return connection


def _do_not_read(to: tuple[str, int]) -> None:
    with contextlib.ExitStack() as stack:
        for seconds in range(120, 120 - _UNREAD, -1):
            headers = {"Host": "x", **basic("guest", "guest"), "X-Prometheus-Scrape-Timeout-Seconds": str(seconds)}
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            connection = stack.enter_context(_connect(to, "127.0.0.66"))
            connection.sendall(f"GET /metrics HTTP/1.1\r\n{head}\r\n".encode())
            time.sleep(_PAUSE)
        time.sleep(_HELD)


def _stay_connected(to: tuple[str, int]) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(_OPEN):
            stack.enter_context(_connect(to, "127.0.0.67"))
        time.sleep(_HELD)


def _send_rubbish(to: tuple[str, int]) -> None:
    with _connect(to, "127.0.0.68") as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"\0" * 100 + b"\r\n\r\n")
        connection.recv(4096)


def _request(to: tuple[str, int], source: str, path: str, name: str, password: str) -> None:
    connection = http.client.HTTPConnection(*to, timeout=30, source_address=(source, 0))
    with contextlib.closing(connection):
        connection.request("GET", path, headers=basic(name, password))
        connection.getresponse().read()


_numbers = itertools.count()


def _guess(to: tuple[str, int]) -> None:
    number = next(_numbers)
    _request(to, f"127.0.0.{70 + number % 10}", "/metrics?probe=false", "prometheus", f"guess-{number}")


def _discover(to: tuple[str, int]) -> None:
    _request(to, "127.0.0.69", "/sd", "guest", "guest")


def _probe(to: tuple[str, int]) -> None:
    names = ("availability", "exposure", "counts", "strangers")
    number = next(_numbers)
    chosen = [name for bit, name in enumerate(names) if number % 15 + 1 & 1 << bit]
    _request(to, "127.0.0.80", f"/probe?target=peer-{number % 5}&module={','.join(chosen)}", "guest", "guest")


KINDS: dict[Callable[[tuple[str, int]], None], tuple[int, float]] = {
    _do_not_read: (1, _PAUSE),
    _stay_connected: (1, _PAUSE),
    _send_rubbish: (1, _PAUSE),
    _guess: (4, _PAUSE),
    _discover: (2, _PAUSE),
    _probe: (8, 10 * _PAUSE),  # each costs as much as a target in a scrape
}
"""What is done again and again -> by how many at once, and seconds in between."""


def _again_and_again(act: Callable[[tuple[str, int]], None], to: tuple[str, int], pause: float) -> None:
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            act(to)
        time.sleep(pause)


def _main(url: str) -> None:
    parts = urlsplit(url)
    to = str(parts.hostname), int(parts.port or 0)
    for act, (count, pause) in KINDS.items():
        for _ in range(count):
            threading.Thread(target=_again_and_again, args=(act, to, pause), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    _main(sys.argv[1])
