"""The asyncio shell around the association, over a socket."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from dicom_exporter.config.values.network import SocketAddress
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.errors import NotDicom
from dicom_exporter.dicom.requests import associate_request
from dicom_exporter.dicom.uids import VERIFICATION
from dicom_exporter.net.errors import TLSFailed
from dicom_exporter.net.tcp import TLSClient, attach, connect
from dicom_exporter.net.tls import stranger_context
from dicom_exporter.net.turns import Turns

pytestmark = pytest.mark.integration


async def test_connection_peer_sends_first_is_read() -> None:
    """An SSH server greets at once: that may arrive before our request is sent, and it still decides the outcome."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        connection = Connection(asyncio.get_running_loop().time() + 5, Turns())
        await connection.connect(SocketAddress(socket.AF_INET, host, port), 5.0, tls=False)
        theirs, _ = server.accept()
        with theirs:
            theirs.sendall(b"SSH-2.0-greeting\r\n")
            for _ in range(10):  # turns of the loop, in which it reads what is there already
                await asyncio.sleep(0)
            with pytest.raises(NotDicom):
                await connection.request(associate_request("ANY-SCP", "PROMETHEUS", [VERIFICATION]))
            connection.close()
            await connection.closed()


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run])
def test_attach_reset_before_tls_closes_the_socket(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    """No file descriptor is used after its socket is closed: another connection may have the same number."""

    async def shake_hands() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            host, port = server.getsockname()
            sock = await connect(SocketAddress(socket.AF_INET, host, port), 5.0)
            theirs, _ = server.accept()
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
            theirs.close()
            client = TLSClient(stranger_context(), host)
            with pytest.raises(TLSFailed):
                await attach(sock, asyncio.Protocol(), client, asyncio.get_running_loop().time() + 5, Turns())
            async with asyncio.timeout(30):
                while sock.fileno() != -1:  # noqa: ASYNC110 - the turns of the loop are what it waits for
                    await asyncio.sleep(0)

    run(shake_hands())


def test_connection_cancelled_when_made_can_be_closed() -> None:
    """The loop then owns the connection again: it can no longer be closed in order, and uvloop would report that."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()

        async def connect() -> None:
            task = asyncio.current_task()
            assert task is not None
            connection = _Observed(asyncio.get_running_loop().time() + 5, Turns())
            connection.made = task.cancel
            with pytest.raises(asyncio.CancelledError):
                await connection.connect(SocketAddress(socket.AF_INET, host, port), 5.0, tls=False)
            connection.close()

        uvloop.run(connect())


def test_connection_made_while_loop_was_busy_counts() -> None:
    """The deadline passes before the loop reads the data, although the peer had answered in time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()

        async def connect() -> None:
            loop = asyncio.get_running_loop()
            connection = Connection(loop.time() + 5, Turns())
            busy_until = time.monotonic() + 0.1
            connecting = asyncio.create_task(
                connection.connect(SocketAddress(socket.AF_INET, host, port), 0.05, tls=False)
            )
            await asyncio.sleep(0)
            while time.monotonic() < busy_until:  # as encoding or a collection of garbage may be
                pass
            await connecting
            connection.close()

        uvloop.run(connect())


class _Observed(Connection):
    """Says when the connection is made."""

    made: Callable[[], object]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.made()
