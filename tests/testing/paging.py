"""A receiver of pages, and a TCP forwarder whose destination can change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from aiohttp import web

from tests.testing.peers.process import Address, reserved_address

PATIENCE = 60.0
"""Seconds; reached only on a very busy machine."""


@dataclass(frozen=True, slots=True)
class Page:
    """One alert of one message."""

    receiver: str
    """Path of the webhook's URL."""
    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def what(self) -> tuple[str, str, str]:
        """Status, name and target, which identify a page in tests."""
        return (self.status, self.labels["alertname"], self.labels.get("target", ""))


class Inbox:
    """All pages that have arrived, in order."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self._arrived = asyncio.Condition()

    async def receive(self, request: web.Request) -> web.Response:
        """A webhook's message."""
        message = await request.json()
        async with self._arrived:
            self.pages += [
                Page(request.path.strip("/"), alert["status"], alert["labels"], alert["annotations"])
                for alert in message["alerts"]
            ]
            self._arrived.notify_all()
        return web.Response()

    async def arrival(self, status: str, alert: str, target: str = "", *, after: int = 0) -> Page:
        """The first such page after the first `after` ones. Raises TimeoutError, with all that came."""
        wanted = (status, alert, target)
        try:
            async with asyncio.timeout(PATIENCE), self._arrived:
                while not (found := [page for page in self.pages[after:] if page.what == wanted]):
                    await self._arrived.wait()
        except TimeoutError:
            came = [page.what for page in self.pages[after:]]
            raise TimeoutError(f"{wanted} has not arrived; what has: {came}") from None
        return found[0]


class Forwarder:
    """A TCP address that forwards to an archive that can change, as a firewall rule does, or refuses connections."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def forward_to(self, archive: Address | None) -> None:
        """Forward new connections to `archive`; None: refuse them. Close the old ones."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        self._server = None
        if archive is not None:

            async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await self._connect(archive, reader, writer)

            self._server = await asyncio.start_server(connect, self.address.host, self.address.port)

    async def _connect(self, archive: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        ends = [writer]
        try:
            onward, back = await asyncio.open_connection(archive.host, archive.port)
            ends.append(back)
            await asyncio.gather(_copy(reader, back), _copy(onward, writer))
        except (OSError, asyncio.CancelledError):
            pass  # one side has closed, or the destination has changed
        finally:
            self._open.discard(task)
            for end in ends:
                end.close()


@asynccontextmanager
async def forwarder() -> AsyncIterator[Forwarder]:
    """A forwarder until the block ends; at first it refuses connections."""
    with reserved_address() as address:
        made = Forwarder(address)
        try:
            yield made
        finally:
            await made.forward_to(None)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()
