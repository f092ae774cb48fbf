"""What to say to the proxy of a vantage, and what its answer means. The socket is already connected to it.

```
SOCKS5 00   HTTP 2xx        connected; SOCKS5 without the address of the connection: perhaps (`Via.unproved`)
SOCKS5 05                   the target refused the connection, as seen from there
SOCKS5 03, 04, 06, 08       unknown: it has no way there, as many proxies say of whatever goes wrong
SOCKS5 02   HTTP 403, 407   unknown: the proxy refuses us; so does it where it accepts no way of ours to log in
all else, the end of the connection, and silence        unknown: the proxy failed
```

python-socks has the messages. Its own client takes the first piece of an HTTP answer for the whole, and drops the
address of the connection, so that we read ourselves: not a byte of the peer's, and no more than `_MOST_BYTES`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Final

from python_socks._protocols import http, socks5
from python_socks._protocols.errors import ReplyError

from dicom_exporter.config.values.network import SocketAddress, Via
from dicom_exporter.enums import UnknownReason
from dicom_exporter.net.errors import ConnectionRefused, ProxyFailed

_MOST_BYTES = 16 * 1024
"""Of the headers of an answer of HTTP; one of SOCKS5 has 262 bytes at the most."""
_END_OF_HEADERS = b"\r\n\r\n"
_NO_METHOD = b"\xff"
_ADDRESS_BYTES: Final = {1: 4, 4: 16}
"""Type of an address (RFC 1928 5) -> its length; a name, of type 3, begins with its own."""
_SOCKS_REASONS: Final[Mapping[int, UnknownReason]] = {
    socks5.ReplyCode.CONNECTION_NOT_ALLOWED: UnknownReason.VANTAGE_REFUSED,
    socks5.ReplyCode.NETWORK_UNREACHABLE: UnknownReason.VANTAGE_UNREACHABLE,
    socks5.ReplyCode.HOST_UNREACHABLE: UnknownReason.VANTAGE_UNREACHABLE,
    socks5.ReplyCode.TTL_EXPIRED: UnknownReason.VANTAGE_UNREACHABLE,
    socks5.ReplyCode.ADDRESS_TYPE_NOT_SUPPORTED: UnknownReason.VANTAGE_UNREACHABLE,
}
_HTTP_REASONS: Final[Mapping[int, UnknownReason]] = {
    403: UnknownReason.VANTAGE_REFUSED,
    407: UnknownReason.VANTAGE_REFUSED,
}


async def ask(
    sock: socket.socket, address: SocketAddress, via: Via, on_asked: Callable[[], None]
) -> ConnectionRefused | ProxyFailed | None:
    """Have the proxy, which `sock` is connected to, connect to `address`. Returns None if `sock` leads there now, else
    why there is no connection, says the proxy.

    `on_asked` is called once the request is sent. The caller bounds the time.

    Raises:
        ProxyFailed: the proxy has no answer to the request.
    """
    try:
        return await (_ask_socks if via.url.scheme == "socks5" else _ask_http)(sock, address, via, on_asked)
    except OSError:
        raise ProxyFailed("the proxy ended the connection") from None
    except (ReplyError, ValueError):  # also a host name that cannot be sent
        raise ProxyFailed("what answers is no such proxy") from None


async def _ask_socks(
    sock: socket.socket, address: SocketAddress, via: Via, on_asked: Callable[[], None]
) -> ConnectionRefused | ProxyFailed | None:
    loop = asyncio.get_running_loop()
    protocol = socks5.Connection()
    password = None if via.password is None else via.password.reveal()
    await loop.sock_sendall(sock, protocol.send(socks5.AuthMethodsRequest(via.username, password)))
    answer = await _read(sock, 2)
    if answer[1:] == _NO_METHOD:
        raise ProxyFailed("the proxy wants other credentials", UnknownReason.VANTAGE_REFUSED)
    method = protocol.receive(answer)
    if isinstance(method, socks5.AuthMethodReply) and method.method == socks5.AuthMethod.USERNAME_PASSWORD:
        await loop.sock_sendall(sock, protocol.send(socks5.AuthRequest(via.username or "", password or "")))
        try:
            protocol.receive(await _read(sock, 2))
        except ReplyError:
            raise ProxyFailed("the proxy does not accept our credentials", UnknownReason.VANTAGE_REFUSED) from None
    await loop.sock_sendall(sock, protocol.send(socks5.ConnectRequest(address.ip, address.port)))
    on_asked()
    reply = await _read(sock, 4)
    length = _ADDRESS_BYTES.get(reply[3])
    if reply[1] == socks5.ReplyCode.SUCCEEDED:
        if length is None:
            reply += await _read(sock, 1)
            length = reply[4]
        reply += await _read(sock, length + 2)
    try:
        connected = protocol.receive(reply)
    except ReplyError as error:
        if error.error_code == socks5.ReplyCode.CONNECTION_REFUSED:
            return ConnectionRefused("connection refused, says the proxy")
        return _no_connection(_SOCKS_REASONS, error)
    via.unproved = not (isinstance(connected, socks5.ConnectReply) and connected.bound_port)
    return None


async def _ask_http(
    sock: socket.socket, address: SocketAddress, via: Via, on_asked: Callable[[], None]
) -> ProxyFailed | None:
    password = None if via.password is None else via.password.reveal()
    request = http.ConnectRequest(address.ip, address.port, via.username, password)
    await asyncio.get_running_loop().sock_sendall(sock, request.dumps())
    on_asked()
    answer = b""
    while not answer.endswith(_END_OF_HEADERS):
        if len(answer) == _MOST_BYTES:
            raise ProxyFailed("the proxy sends too long an answer")
        answer += await _read(sock, 1)  # what follows the headers is the peer's
    try:
        http.ConnectReply.loads(answer)
    except ReplyError as error:
        if not 200 <= (error.error_code or 0) < 300:
            return _no_connection(_HTTP_REASONS, error)
    via.unproved = False
    return None


def _no_connection(reasons: Mapping[int, UnknownReason], error: ReplyError) -> ProxyFailed:
    return ProxyFailed("the proxy made no connection", reasons.get(error.error_code or 0, UnknownReason.VANTAGE))


async def _read(sock: socket.socket, length: int) -> bytes:
    """Read so many bytes, and none beyond."""
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < length:
        piece = await loop.sock_recv(sock, length - len(data))
        if not piece:
            raise ProxyFailed("the proxy ended the connection")
        data += piece
    return data
