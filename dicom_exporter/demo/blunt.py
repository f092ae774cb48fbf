"""Peers that need no DICOM library: they reject every caller, send nothing, or cannot be reached."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from dicom_exporter.demo.loopback import listening_socket

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

BUSY = bytes.fromhex("0300 0000 0004 00 02 03 02")
"""A-ASSOCIATE-RJ: transient, local limit exceeded (PS3.8 9.3.4)."""
ABORT = bytes.fromhex("0700 0000 0004 00 00 02 00")
"""A-ABORT by the provider, without a reason (PS3.8 9.3.8)."""

_LONGEST_PROPOSAL = 65536
_TIMEOUT = 60.0  # seconds


def answering(answer: bytes) -> Talk:
    """Answer any request with `answer`, if there is one, and read until the peer closes the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                await reader.read(_LONGEST_PROPOSAL)
                writer.write(answer)
                await writer.drain()
                while await reader.read(_LONGEST_PROPOSAL):
                    pass
        except (TimeoutError, OSError):
            pass
        finally:
            writer.close()

    return talk


class Filtered:
    """A port where a SYN gets no answer, as behind a firewall that drops packets: its accept queue is full."""

    def __init__(self, port: int, *, whole_net: bool = False) -> None:
        self._listener = listening_socket(port, whole_net=whole_net, backlog=0)
        self.port: int = self._listener.getsockname()[1]
        self._first = socket.create_connection(("127.0.0.1", self.port))

    def close(self) -> None:
        """Answer again: with a reset."""
        self._first.close()
        self._listener.close()
