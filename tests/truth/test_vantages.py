"""Servers at random through a proxy on loopback: whatever the proxy does, a level that is called known is true."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
from collections.abc import AsyncIterator

import pytest

from dicom_exporter.config import Vantage
from dicom_exporter.config.values.network import ProxyURL
from dicom_exporter.net.resolver import LookupThreads
from tests.testing.truth.asking import Claims, claims, probe, target_of
from tests.testing.truth.comparing import CONNECT_TIMEOUT, SECONDS, sample
from tests.testing.truth.judging import untrue
from tests.testing.truth.levels import truth
from tests.testing.truth.listening import Listening, listening
from tests.testing.truth.model import Server

pytestmark = pytest.mark.integration

_SERVERS = 24
_AT_ONCE = 8
_REPLIES = {errno.ECONNREFUSED: 5, errno.EHOSTUNREACH: 4, errno.ENETUNREACH: 3}
_BOUND, _UNBOUND = b"\x7f\x00\x00\x01\xc0\x00", bytes(6)


class Proxy:
    """A SOCKS5 server that looks names up as the servers of `running` have them, and uses the first address."""

    def __init__(self, running: Listening, gone_after: int, *, early: bool) -> None:
        self._running = running
        self._clients_left = gone_after
        self._early = early
        """Whether it says that it is connected before it is."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients_left -= 1
        if self._clients_left < 0:
            return
        await reader.readexactly(3)
        writer.write(b"\x05\x00")
        head = await reader.readexactly(4)
        length = {1: 4, 4: 16}.get(head[3]) or (await reader.readexactly(1))[0]
        name = await reader.readexactly(length)
        host = name.decode() if head[3] == 3 else str(ipaddress.ip_address(name))
        port = int.from_bytes(await reader.readexactly(2), "big")
        if self._early:
            writer.write(b"\x05\x00\x00\x01" + _UNBOUND)
        try:
            found = self._running.getaddrinfo(host, port)
            there, to_there = await asyncio.open_connection(found[0][4][0], port)
        except OSError as error:  # also a name that does not resolve
            if not self._early:
                writer.write(bytes([5, _REPLIES.get(error.errno or 0, 1), 0, 1]) + _UNBOUND)
            return
        if not self._early:
            writer.write(b"\x05\x00\x00\x01" + _BOUND)
        try:
            await asyncio.gather(_copy(there, writer), _copy(reader, to_there))
        finally:
            to_there.transport.abort()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.write_eof()


@contextlib.asynccontextmanager
async def vantage(proxy: Proxy) -> AsyncIterator[Vantage]:
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, EOFError, RuntimeError, asyncio.CancelledError):
            await proxy.serve(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        tasks.discard(task)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Vantage(ProxyURL("socks5", "127.0.0.1", listener.sockets[0].getsockname()[1]))
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def claims_about(server: Server, gone_after: int, *, early: bool) -> tuple[Claims, list[str]]:
    """What is claimed of `server` through a proxy, and what of it is untrue."""
    async with listening(server) as running, vantage(Proxy(running, gone_after, early=early)) as seen_from:
        lookups = LookupThreads(running.getaddrinfo)
        try:
            target = target_of(running.server, running.ports)
            record = await probe(
                running.server, target, lookups, timeout=SECONDS, connect_timeout=CONNECT_TIMEOUT, vantage=seen_from
            )
        finally:
            lookups.close()
    claimed = claims(record)
    return claimed, untrue(claimed, truth(running.server))


@pytest.mark.parametrize("early", [False, True], ids=["honest", "early"])
@pytest.mark.parametrize("gone_after", [1000, 1, 4])
async def test_claims_through_a_proxy_are_true(gone_after: int, early: bool) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(server: Server) -> tuple[Claims, list[str]]:
        async with turns:
            return await claims_about(server, gone_after, early=early)

    servers = sample(1, _SERVERS)
    found = await asyncio.gather(*map(in_turn, servers))
    assert not [(server, faults) for server, (_, faults) in zip(servers, found, strict=True) if faults]
    if not early and gone_after == 1000:
        assert any(level.known for claimed, _ in found for level in claimed.levels.values())
