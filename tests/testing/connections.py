"""Plain TCP connections to an HTTP server, for what a well-behaved client does not send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import ClientSession

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

HEALTHY = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"


async def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` is true."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - there is no event for an incoming request
            await asyncio.sleep(0.001)


async def connect(client: ClientSession) -> Connection:
    """A new connection to the server of `client`."""
    assert client._base_url is not None
    return await asyncio.open_connection(client._base_url.host, client._base_url.port)


async def status(connection: Connection, request: bytes) -> int:
    """Send `request`, and read the status of the answer."""
    reader, writer = connection
    writer.write(request)
    async with asyncio.timeout(30):
        return int((await reader.readline()).split()[1])


async def ended(connection: Connection) -> bytes:
    """What comes until the other side closes the connection."""
    reader, writer = connection
    async with asyncio.timeout(30):
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()
