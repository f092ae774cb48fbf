"""A TCP connection, perhaps with TLS on it, and the mapping of what the system says to our own errors."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

from dicom_exporter.config.values.network import SocketAddress, Via
from dicom_exporter.enums import TLSFailure
from dicom_exporter.net.errors import (
    ConnectionEnded,
    ConnectionRefused,
    ConnectTimeout,
    NetworkError,
    NetworkUnreachable,
    NoAnswer,
    Overloaded,
    ProbeEnded,
    ProxyFailed,
    TLSFailed,
)
from dicom_exporter.net.tls_failure import classify
from dicom_exporter.net.turns import Turns
from dicom_exporter.net.wire import TLS, USELESS_BYTES, Wire, forget
from dicom_exporter.results import CertificateKey, TLSFacts

Buffer = bytes | memoryview

LATE = 0.25
"""Seconds. A timer that fires this much after its time proves that we are overloaded, and nothing about the peer."""
LOOK_AGAIN = 0.001
"""Seconds beyond a deadline in which the event loop gets to read what has arrived already."""

_LOOKS = 3
"""Turns of the event loop between the end of a wait and giving up. Where the loop was late, the answer may have arrived
unread: it is read in the first turn, and wakes the waiting task in the second."""
_ENCODING_DER = 2
"""`ENCODING_DER` of the private ssl module, which has no public name."""
_HASHES = frozenset({"md5", "sha1", "sha224", "sha256", "sha384", "sha512"})
_BITS = {"ed25519": 256, "ed448": 448}
_MOST_CERTIFICATES = 16
"""Certificates of a chain whose dates are read. A chain that verifies is shorter; a peer can show hundreds."""
TLS_SHUTDOWN_TIMEOUT = 0.5
"""Seconds to exchange close_notify (RFC 8446 6.1)."""
_NEVER = 86_400
"""Seconds after which asyncio would end a handshake that our own deadline has ended before."""
_UNREACHABLE = frozenset(
    {
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.EHOSTDOWN,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.EACCES,
        errno.EPERM,
        errno.EINVAL,
    }
)
_NO_ROUTE_FROM_HERE = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN})
_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)


@dataclass(frozen=True, slots=True)
class TLSClient:
    """How to speak TLS: a client context, and the name that the certificate must carry (also sent as SNI)."""

    context: ssl.SSLContext
    server_name: str


def acknowledge_quickly(sock: socket.socket) -> None:
    """Have the kernel acknowledge at once what has come, and what comes next (Linux only; not sticky: ask again).

    DCMTK sends a PDU's header and body in two writes with Nagle's algorithm on: the body waits for our
    acknowledgement of the header, which Linux would delay by 40 ms, and we would measure our own kernel.
    """
    if _QUICK_ACK is not None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        except OSError:  # closed in the meantime, or no TCP socket of this system
            pass


def socket_of(transport: asyncio.BaseTransport) -> socket.socket | None:
    """A second handle on the socket of `transport`, for options; `detach` it before the transport closes its own.

    The socket object that uvloop's transports return makes such a handle again for each option that is set.
    """
    shown = transport.get_extra_info("socket")
    if shown is None or shown.fileno() < 0:
        return None
    return socket.socket(shown.family, socket.SOCK_STREAM, socket.IPPROTO_TCP, shown.fileno())


async def connect(address: SocketAddress, timeout: float) -> socket.socket:
    """Connect to `address` within `timeout` seconds and return the non-blocking socket, for TLS or HTTP to take over.

    Raises:
        ConnectTimeout, ConnectionRefused, NetworkUnreachable, ConnectionEnded, Overloaded.
        ProxyFailed: only through a proxy (`SocketAddress.via`).
    """
    if address.via is not None:
        return await _connect_through(address.via, address, timeout)
    loop = asyncio.get_running_loop()
    try:
        # asyncio turns Nagle's algorithm off only if the protocol is given explicitly.
        kind = socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0)
        sock = socket.socket(address.family, kind, socket.IPPROTO_TCP)
    except OSError as error:
        raise _connect_error(error) from None
    try:
        sock.setblocking(False)
        with Connecting(loop, timeout):
            await loop.sock_connect(sock, address.sockaddr)
    except BaseException:
        sock.close()
        raise
    acknowledge_quickly(sock)
    return sock


async def _connect_through(via: Via, address: SocketAddress, timeout: float) -> socket.socket:
    """As `connect`, by the proxy.

    Where it gives no answer, a second request shows whether the peer is silent, or the proxy: one to connect to its own
    machine, which it has some answer to if it works. It is put after half of the time.
    """
    from dicom_exporter.net.proxy import ask  # for those who have a vantage

    loop = asyncio.get_running_loop()
    until = loop.time() + timeout
    sock = await _connect_to_proxy(via, timeout)
    asked = False
    witness: list[asyncio.Task[bool]] = []

    def note_asked() -> None:
        nonlocal asked
        asked = True

    def call_witness() -> None:
        if asked:
            witness.append(loop.create_task(answers(via, until - loop.time())))

    timer = loop.call_later((until - loop.time()) / 2, call_witness)
    try:
        with Connecting(loop, until - loop.time()):
            end = await ask(sock, address, via, note_asked)
        if end is not None:
            raise end
    except BaseException as error:
        sock.close()
        if isinstance(error, ConnectTimeout) and not any(task.done() and task.result() for task in witness):
            raise ProxyFailed("the proxy did not answer") from None
        raise
    finally:
        timer.cancel()
        for task in witness:
            task.cancel()
        await asyncio.gather(*witness, return_exceptions=True)
    return sock


async def _connect_to_proxy(via: Via, timeout: float) -> socket.socket:
    until = asyncio.get_running_loop().time() + timeout
    left = len(via.addresses)
    while True:
        try:
            return await connect(via.addresses[-left], (until - asyncio.get_running_loop().time()) / left)
        except NetworkError:
            left -= 1
            if not left:
                raise ProxyFailed("there is no connection to the proxy") from None


async def answers(via: Via, timeout: float) -> bool:
    """Whether the proxy has an answer to a request to connect, within `timeout` seconds."""
    from dicom_exporter.net.proxy import ask

    try:
        async with asyncio.timeout(timeout):
            sock = await _connect_to_proxy(via, timeout)
            try:
                await ask(sock, SocketAddress(socket.AF_INET, "127.0.0.1", 1), copy(via), lambda: None)
            finally:
                sock.close()
    except (ProbeEnded, TimeoutError):
        return False
    return True


class Connecting:
    """Bounds the wait for a connection, and raises the errors of `connect` in place of the system's.

    Where the time is over it cancels the task in the block, and takes the cancellation back as a ConnectTimeout; a
    cancellation from elsewhere is passed on. `asyncio.timeout` would do the same, and adds a tenth to the
    time of a C-ECHO.
    """

    __slots__ = ("_cancelling", "_expired", "_loop", "_task", "_timer", "_until")

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float) -> None:
        self._loop = loop
        self._until = loop.time() + timeout
        self._expired = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a wait has a bound only inside a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._timer: asyncio.Handle = self._loop.call_at(self._until, self._expire)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._timer.cancel()
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise ConnectTimeout("no answer to our SYN") from None
        if isinstance(error, OSError):
            raise _connect_error(error) from None

    def _expire(self, looks: int = _LOOKS) -> None:
        if looks:
            self._timer = self._loop.call_soon(self._expire, looks - 1)
            return
        self._expired = True
        self._task.cancel()


def _connect_error(error: OSError) -> ProbeEnded:
    if isinstance(error, TimeoutError):  # the kernel gave up before we did
        return ConnectTimeout("no answer to our SYN")
    if error.errno == errno.ECONNREFUSED:
        return ConnectionRefused("connection refused")
    if error.errno in _UNREACHABLE:
        return NetworkUnreachable("no route to the address", from_here=error.errno in _NO_ROUTE_FROM_HERE)
    if error.errno in _OUT_OF_RESOURCES:
        return Overloaded("this machine has no socket left")
    return ConnectionEnded("the connection was reset while it was made")


async def closes_unasked(address: SocketAddress, timeout: float, wait: float) -> bool:
    """Whether `address` ends a connection, made within `timeout` seconds, on which nothing is sent for `wait` seconds.

    Then it is the address that the peer does not like, or nothing is behind it: no client gets further.

    Raises what `connect` does.
    """
    sock = await connect(address, timeout)
    if address.via is not None and address.via.unproved:
        sock.close()
        return False  # perhaps there is no connection that could end
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[bool] = loop.create_future()
    transport, _ = await loop.create_connection(lambda: _FirstEvent(ended), sock=sock)
    try:
        async with asyncio.timeout(wait):
            return await ended
    except TimeoutError:
        return False
    finally:
        transport.abort()
        forget(sock)


class _FirstEvent(asyncio.Protocol):
    """Whether the first that happens on a connection is its end."""

    def __init__(self, ended: asyncio.Future[bool]) -> None:
        self._ended = ended

    def data_received(self, data: bytes) -> None:
        self._note(ended=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._note(ended=True)

    def _note(self, *, ended: bool) -> None:
        if not self._ended.done():
            self._ended.set_result(ended)


async def attach(
    sock: socket.socket,
    protocol: asyncio.BaseProtocol,
    tls: TLSClient,
    deadline: float,
    turns: Turns,
    count_useful: Callable[[], int] = int,
) -> None:
    """Hand the connected `sock` to `protocol` after a TLS handshake; `deadline` is loop time.

    `turns` and `count_useful` are those of `wire.Wire`.

    Raises:
        TLSFailed, NoAnswer, Overloaded.

    In no case is `sock` the caller's any more.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(deadline):
            await open_wire(sock, protocol, turns, tls, count_useful)
    except TimeoutError:
        if loop.time() > deadline + LATE:
            raise Overloaded("our own event loop was late") from None
        raise NoAnswer("silence in the TLS handshake") from None
    except (OSError, ValueError) as error:
        raise tls_failed(error) from None


def tls_failed(error: OSError | ValueError) -> TLSFailed:
    """What it means that a handshake of `open_wire` ended in `error`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"certificate not accepted: {error.verify_message}"
        return TLSFailed(text, failure=classify(error), untrusted=True)
    if isinstance(error, OSError):  # ssl.SSLError, too
        return TLSFailed("TLS handshake failed", failure=classify(error))
    # Also UnicodeError: the name cannot be sent as SNI (RFC 6066 3).
    return TLSFailed("the server name is no host name", failure=TLSFailure.NAME)


async def open_wire(
    sock: socket.socket,
    protocol: asyncio.BaseProtocol,
    turns: Turns,
    tls: TLSClient | None,
    count_useful: Callable[[], int] = int,
    allowed: int = USELESS_BYTES,
) -> Wire:
    """Hand the connected `sock` to `protocol`, after a handshake where there is `tls`; it is not the caller's any more.

    `turns`, `count_useful` and `allowed` are those of `Wire`.

    Raises:
        OSError, ValueError: also where the handshake failed.
    """
    loop = asyncio.get_running_loop()
    shaken: asyncio.Future[None] = loop.create_future()
    upper = None
    try:
        if tls is None:
            wire = Wire(sock, turns, protocol, allowed, None)
        else:
            name = tls.server_name.rstrip(".")  # the dot is for the resolver alone (RFC 6066 3)
            upper = TLS(loop, protocol, tls.context, shaken, False, name, True, _NEVER, TLS_SHUTDOWN_TIMEOUT)
            wire = Wire(sock, turns, upper, allowed, shaken)
        wire.count_useful = count_useful
        await loop.create_connection(lambda: wire, sock=sock)
    except BaseException:
        if upper is not None:
            upper.give_up()
        forget(sock)
        raise
    if upper is not None:
        try:
            await shaken
        except BaseException:
            wire.abort()
            raise
    return wire


def tls_facts(transport: asyncio.BaseTransport) -> TLSFacts | None:
    """What the handshake of `transport` showed; None if it speaks no TLS."""
    ssl_object = transport.get_extra_info("ssl_object")
    if ssl_object is None:
        return None
    cipher = ssl_object.cipher()
    verified = ssl_object.context.verify_mode == ssl.CERT_REQUIRED
    shown = _certificates(ssl_object, "get_unverified_chain")
    # Which of the others a client needs is not known without verification: an old cross-signed root may be among them.
    needed = _certificates(ssl_object, "get_verified_chain") if verified else shown[:1]
    return TLSFacts(
        version=ssl_object.version() or "unknown",
        cipher=cipher[0] if cipher else "unknown",
        # OpenSSL verifies the dates of the whole chain, that of the authority too.
        certificate_expiry=min((expiry for expiry, _ in needed), default=None),
        chain_expiry=min((expiry for expiry, _ in shown), default=None),
        # The handshake would have failed otherwise; without verification it is not known.
        certificate_trusted=True if verified else None,
        certificate=shown[0][1] if shown else None,
    )


def _certificates(ssl_object: Any, method: str) -> list[tuple[float, CertificateKey | None]]:
    """Unix times at which the certificates of a chain of the peer expire, its own first, and what they are made with.

    Empty if they cannot be read.

    Args:
        ssl_object: as of a transport.
        method: ``get_verified_chain`` or ``get_unverified_chain``. Where this Python has neither, the chain is the
            peer's own certificate.
    """
    from cryptography import x509  # 8 MiB, for those who meet TLS

    try:
        # Public from Python 3.13 on; before, the same function is one attribute deeper.
        get_chain = getattr(ssl_object, method, None) or getattr(getattr(ssl_object, "_sslobj", None), method, None)
        certificates = list(get_chain() or [])[:_MOST_CERTIFICATES] if get_chain else []
        ders = [c if isinstance(c, bytes) else c.public_bytes(_ENCODING_DER) for c in certificates]
        if not ders and (leaf := ssl_object.getpeercert(binary_form=True)):
            ders = [leaf]
        return [
            (x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp(), certificate_key(der)) for der in ders
        ]
    except Exception:  # noqa: BLE001 - a certificate that we cannot read must not cost what was found besides
        return []


def certificate_key(der: bytes) -> CertificateKey | None:
    """What the certificate `der` is made with; None if it cannot be read."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

    kinds: dict[str, type] = {
        "rsa": rsa.RSAPublicKey,
        "ec": ec.EllipticCurvePublicKey,
        "ed25519": ed25519.Ed25519PublicKey,
        "ed448": ed448.Ed448PublicKey,
        "dsa": dsa.DSAPublicKey,
    }
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        kind = next((name for name, kind in kinds.items() if isinstance(key, kind)), "other")
        used = certificate.signature_hash_algorithm
    except Exception:  # noqa: BLE001 - as above: an algorithm that the library does not know raises many things
        return None
    return CertificateKey(
        kind,
        _BITS[kind] if kind in _BITS else int(getattr(key, "key_size", 0)),
        used.name if used is not None and used.name in _HASHES else "other",
    )
