"""A TCP connection, perhaps with TLS on it, and the mapping of what the system says to our own errors."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from cryptography import x509

from dicom_exporter.dicom.errors import (
    AssociationEnded,
    ConnectionEnded,
    ConnectionRefused,
    ConnectTimeout,
    NetworkUnreachable,
    NoAnswer,
    Overloaded,
    TLSFailed,
)
from dicom_exporter.dicom.resolve import SocketAddress
from dicom_exporter.results import TLSFacts

Buffer = bytes | memoryview

LATE = 0.25
"""Seconds. A timer that fires this much after its time proves that we are overloaded, and nothing about the peer."""

_ENCODING_DER = 2
"""`ENCODING_DER` of the private ssl module, which has no public name."""
TLS_SHUTDOWN_TIMEOUT = 0.5
"""Seconds for the farewell of TLS."""
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
_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN})
_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)


@dataclass(frozen=True, slots=True)
class TLSClient:
    """How to speak TLS: a client context, and the name that the certificate must carry (also sent as SNI)."""

    context: ssl.SSLContext
    server_name: str


def acknowledge_quickly(sock: socket.socket) -> None:
    """Have the kernel acknowledge what comes next at once (Linux only; it is not sticky, so ask again after each read).

    DCMTK sends a PDU's header and body in two writes with Nagle's algorithm on: the body waits for our
    acknowledgement of the header, which Linux would delay by 40 ms, and we would measure our own kernel.
    """
    if _QUICK_ACK is not None:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        except OSError:  # closed in the meantime, or no TCP socket of this system
            pass


async def connect(address: SocketAddress, timeout: float) -> socket.socket:
    """Connect to `address` within `timeout` seconds and return the non-blocking socket.

    Raises:
        ConnectTimeout, ConnectionRefused, NetworkUnreachable, ConnectionEnded, Overloaded.
    """
    loop = asyncio.get_running_loop()
    try:
        # asyncio turns Nagle's algorithm off only where the protocol is said.
        kind = socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0)
        sock = socket.socket(address.family, kind, socket.IPPROTO_TCP)
    except OSError as error:
        raise _connect_error(error) from None
    until = loop.time() + timeout
    try:
        sock.setblocking(False)
        async with asyncio.timeout_at(until):
            await loop.sock_connect(sock, address.sockaddr)
    except TimeoutError as error:
        sock.close()
        if getattr(error, "errno", None) == errno.ETIMEDOUT:  # the kernel gave up before we did
            raise ConnectTimeout("no answer to our SYN") from None
        if loop.time() > until + LATE:
            raise Overloaded("our own event loop was late") from None
        raise ConnectTimeout("no answer to our SYN") from None
    except OSError as error:
        sock.close()
        raise _connect_error(error) from None
    except BaseException:
        sock.close()
        raise
    acknowledge_quickly(sock)
    return sock


def _connect_error(error: OSError) -> AssociationEnded:
    if error.errno == errno.ECONNREFUSED:
        return ConnectionRefused("connection refused")
    if error.errno in _UNREACHABLE:
        return NetworkUnreachable("no route to the address")
    if error.errno in _OUT_OF_RESOURCES:
        return Overloaded("no socket to be had on this machine")
    return ConnectionEnded("the connection was reset while it was made")


async def attach(sock: socket.socket, protocol: asyncio.Protocol, tls: TLSClient | None, deadline: float) -> None:
    """Hand the connected `sock` to `protocol`, after a TLS handshake where `tls` is given; `deadline` is loop time.

    Raises:
        TLSFailed, NoAnswer, Overloaded. `sock` is closed then.
    """
    loop = asyncio.get_running_loop()
    if tls is None:
        await loop.create_connection(lambda: protocol, sock=sock)
        return
    remaining = deadline - loop.time()
    if remaining <= 0:
        sock.close()
        raise NoAnswer("no time left for a TLS handshake")
    try:
        async with asyncio.timeout_at(deadline):
            await loop.create_connection(
                lambda: protocol,
                sock=sock,
                ssl=tls.context,
                server_hostname=tls.server_name,
                ssl_handshake_timeout=remaining + 1.0,  # ours above ends it; asyncio's own would say "aborted"
                ssl_shutdown_timeout=TLS_SHUTDOWN_TIMEOUT,
            )
    except TimeoutError:
        sock.close()
        if loop.time() > deadline + LATE:
            raise Overloaded("our own event loop was late") from None
        raise NoAnswer("silence in the TLS handshake") from None
    except ssl.SSLCertVerificationError as error:
        raise TLSFailed(f"certificate not accepted: {error.verify_message}", untrusted=True) from None
    except (OSError, ssl.SSLError):
        raise TLSFailed("TLS handshake failed") from None


def tls_facts(transport: asyncio.BaseTransport) -> TLSFacts | None:
    """What the handshake of `transport` showed; None where it speaks no TLS."""
    ssl_object = transport.get_extra_info("ssl_object")
    if ssl_object is None:
        return None
    cipher = ssl_object.cipher()
    return TLSFacts(
        version=ssl_object.version() or "unknown",
        cipher=cipher[0] if cipher else "unknown",
        certificate_expiry=_first_expiry(ssl_object),
        # The handshake would have failed otherwise; without verification nobody looked.
        certificate_trusted=True if ssl_object.context.verify_mode == ssl.CERT_REQUIRED else None,
    )


def _first_expiry(ssl_object: Any) -> float | None:
    """Unix time at which the first certificate of the peer's chain ends; None where it showed none we can read."""
    # Public from Python 3.13 on; before, the same function stands one attribute deeper.
    get_chain = getattr(ssl_object, "get_unverified_chain", None) or getattr(
        getattr(ssl_object, "_sslobj", None), "get_unverified_chain", None
    )
    certificates = list(get_chain() or []) if get_chain else []
    ders = [c if isinstance(c, bytes) else c.public_bytes(_ENCODING_DER) for c in certificates]
    if not ders and (leaf := ssl_object.getpeercert(binary_form=True)):
        ders = [leaf]
    try:
        return min((x509.load_der_x509_certificate(der).not_valid_after_utc.timestamp() for der in ders), default=None)
    except ValueError:
        return None
