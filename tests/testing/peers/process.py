"""A server as a child process: started, awaited, read, and ended by its own pid."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

HOST = "127.0.0.1"
START_TIMEOUT = 30.0  # seconds; only a machine that is very busy comes near it
STOP_TIMEOUT = 10.0
_POLL = 0.01  # seconds; there is no event to wait for when another program starts to listen


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Process:
    """A running server and its log (standard output and standard error together)."""

    def __init__(self, popen: subprocess.Popen[bytes], log_file: Path, patience: float) -> None:
        self._popen = popen
        self._log_file = log_file
        self._patience = patience

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    @property
    def log(self) -> str:
        """All it has written so far."""
        return self._log_file.read_text(errors="replace")

    def wait_for_log(self, pattern: str, timeout: float = START_TIMEOUT) -> re.Match[str]:
        """Wait until its log matches `pattern`. Raises TimeoutError, with the log."""
        return self.wait_for(lambda: re.search(pattern, self.log), f"a line that matches {pattern!r}", timeout)

    def wait_for_port(self, address: Address) -> None:
        """Wait until it accepts connections."""
        self.wait_for(lambda: _accepts(address), f"{address} to accept connections", START_TIMEOUT)

    def wait_for(self, condition: Callable[[], T | None], what: str, timeout: float) -> T:
        """Wait until `condition` is true. Raises TimeoutError or, if it has ended before, RuntimeError."""
        deadline = time.monotonic() + timeout
        while not (found := condition()):
            if not self.running:
                raise RuntimeError(f"{self._popen.args!r} ended with {self._popen.returncode}:\n{self.log}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {what} within {timeout} s:\n{self.log}")
            time.sleep(_POLL)
        return found

    def stop(self) -> None:
        """End it, and the children that it forked; does nothing if it has ended."""
        if self._patience and self.running:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(self._patience)
        if self.running:
            self._signal(signal.SIGKILL)
            self._popen.wait()

    def _signal(self, number: int) -> None:
        # It leads a process group of its own, so this reaches what it forked and nothing else.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, number)


@contextlib.contextmanager
def process(argv: Sequence[str], directory: Path, name: str, patience: float = STOP_TIMEOUT) -> Iterator[Process]:
    """Run `argv` in `directory` until the block ends; its log is `name`.log there, truncated first.

    At the end it has `patience` seconds to stop by itself before it is killed; with 0 it is killed at once.
    """
    log_file = directory / f"{name}.log"
    with log_file.open("wb") as log:
        popen = subprocess.Popen(
            list(argv), cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    running = Process(popen, log_file, patience)
    try:
        yield running
    finally:
        running.stop()


@contextlib.contextmanager
def reserved_address() -> Iterator[Address]:
    """A port that the system gives to no other process until the block ends.

    It is bound on all addresses, and nothing listens: connections are refused until a server of the test listens there.
    That server must set SO_REUSEADDR, as all of those here do.
    """
    with socket.socket(socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET) as reservation:
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reservation.family is socket.AF_INET6:
            reservation.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        reservation.bind(("", 0))
        yield Address(HOST, reservation.getsockname()[1])


def _accepts(address: Address) -> bool:
    try:
        socket.create_connection((address.host, address.port), timeout=1).close()
    except OSError:
        return False
    return True
