"""What is said to a proxy, and what each of its answers means: on a pair of sockets, without a network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import pytest

from dicom_exporter.config import Secret
from dicom_exporter.config.values.network import ProxyURL, SocketAddress, Via
from dicom_exporter.enums import UnknownReason
from dicom_exporter.net.errors import ConnectionRefused, ProbeEnded, ProxyFailed
from dicom_exporter.net.proxy import ask

NO_LOGIN, LOGIN, NO_METHOD = b"\x05\x00", b"\x05\x02", b"\x05\xff"
BOUND = b"\x05\x00\x00\x01\xc6\x33\x64\x07\xc0\x00"
"""Connected, from 198.51.100.7:49152."""
UNBOUND = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
PEER = b"what the peer says first"
"""Comes behind the answer of the proxy, and is none of it."""


def via(scheme: str = "socks5", *, login: bool = False) -> Via:
    secret = Secret("made-up") if login else None
    return Via(ProxyURL(scheme, "127.0.0.1", 1080), (), "monitor" if login else None, secret)


async def talk(
    proxy: Via, answers: Sequence[bytes], host: str = "pacs.example", *, at_once: bool = False
) -> tuple[ProbeEnded | None, list[bytes], bytes]:
    """How asking ends, what was said to the proxy, and what is left for the peer's protocol to read.

    The proxy sends one of `answers` to each thing that it is told, then ends the connection; all of them `at_once` in
    single bytes, if a proxy may.
    """
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    said: list[bytes] = []

    async def serve() -> None:
        for answer in answers:
            said.append(await loop.sock_recv(theirs, 4096))
            for piece in [answer[n : n + 1] for n in range(len(answer))] if at_once else [answer]:
                await loop.sock_sendall(theirs, piece)
        theirs.shutdown(socket.SHUT_WR)

    with ours, theirs:
        for sock in (ours, theirs):
            sock.setblocking(False)
        served = asyncio.create_task(serve())
        end: ProbeEnded | None
        try:
            end = await ask(ours, SocketAddress(socket.AF_UNSPEC, host, 104, via=proxy), proxy, lambda: None)
        except ProxyFailed as error:
            end = error
        await served
        left = await loop.sock_recv(ours, 4096)
    return end, said, left


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("pacs.example", b"\x03\x0cpacs.example"),
        ("192.0.2.1", b"\x01\xc0\x00\x02\x01"),
        ("2001:db8::1", b"\x04" + socket.inet_pton(socket.AF_INET6, "2001:db8::1")),
    ],
)
async def test_ask_socks_proxy_looks_names_up_and_gets_addresses_as_they_are(host: str, address: bytes) -> None:
    proxy = via()
    end, said, left = await talk(proxy, [NO_LOGIN, BOUND + PEER], host)
    assert end is None
    assert said == [b"\x05\x01\x00", b"\x05\x01\x00" + address + b"\x00\x68"]
    assert left == PEER, "not a byte of the peer's is taken"
    assert not proxy.unproved


@pytest.mark.parametrize(
    "bound", [BOUND, b"\x05\x00\x00\x04" + bytes(16) + b"\x00\x01", b"\x05\x00\x00\x03\x01x\x00\x01"]
)
async def test_ask_socks_answer_in_single_bytes(bound: bytes) -> None:
    proxy = via()
    end, _, left = await talk(proxy, [NO_LOGIN, bound + PEER], at_once=True)
    assert (end, left) == (None, PEER)


async def test_ask_socks_answer_without_address_of_connection_is_unproved() -> None:
    proxy = via()
    assert (await talk(proxy, [NO_LOGIN, UNBOUND]))[0] is None
    assert proxy.unproved


async def test_ask_socks_credentials_are_sent_to_a_proxy_that_wants_them() -> None:
    end, said, _ = await talk(via(login=True), [LOGIN, b"\x01\x00", BOUND])
    assert end is None
    assert said[:2] == [b"\x05\x02\x00\x02", b"\x01\x07monitor\x07made-up"]
    end, said, _ = await talk(via(login=True), [NO_LOGIN, BOUND])
    assert not any(b"made-up" in each for each in said)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([NO_LOGIN, b"\x05\x01\x00\x01" + bytes(6)], UnknownReason.VANTAGE),
        ([NO_LOGIN, b"\x05\x02\x00\x01" + bytes(6)], UnknownReason.VANTAGE_REFUSED),
        ([NO_LOGIN, b"\x05\x03\x00\x01" + bytes(6)], UnknownReason.VANTAGE_UNREACHABLE),
        ([NO_LOGIN, b"\x05\x04\x00\x01" + bytes(6)], UnknownReason.VANTAGE_UNREACHABLE),
        ([NO_LOGIN, b"\x05\x06\x00\x01" + bytes(6)], UnknownReason.VANTAGE_UNREACHABLE),
        ([NO_LOGIN, b"\x05\x07\x00\x01" + bytes(6)], UnknownReason.VANTAGE),
        ([NO_LOGIN, b"\x05\x08\x00\x01" + bytes(6)], UnknownReason.VANTAGE_UNREACHABLE),
        ([NO_LOGIN, b"\x05\x5b\x00\x01" + bytes(6)], UnknownReason.VANTAGE),  # no code of RFC 1928
        ([NO_LOGIN, b"\x04\x00\x00\x01" + bytes(6)], UnknownReason.VANTAGE),
        ([NO_LOGIN, b"\x05\x00\x00\x09" + bytes(250)], UnknownReason.VANTAGE),
        ([NO_METHOD], UnknownReason.VANTAGE_REFUSED),
        ([LOGIN], UnknownReason.VANTAGE),  # which we did not offer
        ([b"HT"], UnknownReason.VANTAGE),
        ([b"\x05"], UnknownReason.VANTAGE),
        ([NO_LOGIN, b""], UnknownReason.VANTAGE),
        ([NO_LOGIN, BOUND[:7]], UnknownReason.VANTAGE),
        ([], UnknownReason.VANTAGE),
    ],
)
async def test_ask_socks_failure_of_the_proxy_is_no_refusal_of_the_peer(
    answers: Sequence[bytes], reason: UnknownReason
) -> None:
    end, _, _ = await talk(via(), answers)
    assert isinstance(end, ProxyFailed)
    assert end.reason is reason


async def test_ask_socks_wrong_credentials_are_refused() -> None:
    end, _, _ = await talk(via(login=True), [LOGIN, b"\x01\x01"])
    assert isinstance(end, ProxyFailed)
    assert end.reason is UnknownReason.VANTAGE_REFUSED


async def test_ask_socks_connection_refused_is_the_peers_doing() -> None:
    end, _, _ = await talk(via(), [NO_LOGIN, b"\x05\x05\x00\x01" + bytes(6)])
    assert isinstance(end, ConnectionRefused)


@pytest.mark.parametrize(("host", "shown"), [("pacs.example", b"pacs.example"), ("2001:db8::1", b"[2001:db8::1]")])
@pytest.mark.parametrize("at_once", [False, True])
async def test_ask_http_reads_headers_and_no_more(host: str, shown: bytes, at_once: bool) -> None:
    answer = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n" + PEER
    end, (said,), left = await talk(via("http", login=True), [answer], host, at_once=at_once)
    assert (end, left) == (None, PEER)
    assert said.startswith(b"CONNECT " + shown + b":104 HTTP/1.1\r\nHost: " + shown + b":104\r\n")
    assert b"\r\nProxy-Authorization: Basic bW9uaXRvcjptYWRlLXVw\r\n" in said


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", UnknownReason.VANTAGE_REFUSED),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", UnknownReason.VANTAGE_REFUSED),
        (b"HTTP/1.1 500 no\r\n\r\n", UnknownReason.VANTAGE),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", UnknownReason.VANTAGE),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", UnknownReason.VANTAGE),
        (b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", UnknownReason.VANTAGE),
        (b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", UnknownReason.VANTAGE),
        (b"\x05\x00\r\n\r\n", UnknownReason.VANTAGE),
        (b"HTTP/1.1 200 OK\r\n", UnknownReason.VANTAGE),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000, UnknownReason.VANTAGE),
        (b"", UnknownReason.VANTAGE),
    ],
)
async def test_ask_http_every_failure_is_the_proxys(answer: bytes, reason: UnknownReason) -> None:
    end, _, _ = await talk(via("http"), [answer])
    assert isinstance(end, ProxyFailed)
    assert end.reason is reason


async def test_ask_http_other_success_is_a_connection() -> None:
    assert (await talk(via("http"), [b"HTTP/1.0 201 Created\r\n\r\n"]))[0] is None


@pytest.mark.parametrize("host", ["x" * 70 + ".example", "a..b", "no\udcff"])
async def test_ask_name_that_cannot_be_sent_is_unknown(host: str) -> None:
    end, _, _ = await talk(via(), [NO_LOGIN], host)
    assert isinstance(end, ProxyFailed)
