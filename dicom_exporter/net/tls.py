"""TLS as a stranger speaks it: no certificate of ours, theirs not verified, and whatever version they take.

A monitor's context would refuse what a stranger gladly uses. What the handshake showed is a finding, not a failure.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from typing import Any

from dicom_exporter.net.errors import ProbeEnded, TLSFailed
from dicom_exporter.net.resolver import SocketAddress
from dicom_exporter.net.tcp import TLSClient, attach, connect

_CERTIFICATE_REQUEST = 13
"""Handshake message of a server that asks for a client certificate, RFC 8446 B.3 and RFC 5246 7.4."""
_ANY_CIPHER = "ALL:@SECLEVEL=0"


def stranger_context() -> ssl.SSLContext:
    """A client context that takes any certificate and any version."""
    return _context(ssl.TLSVersion.TLSv1, ssl.TLSVersion.MAXIMUM_SUPPORTED)


class StrangerTLS:
    """A client context for one attempt; afterwards `certificate_requested` says whether the server asked for ours."""

    def __init__(self, server_name: str) -> None:
        self.certificate_requested = False
        context = stranger_context()
        # Not public, and the only way to see the request: http.client's debugging uses it, too.
        context._msg_callback = self._note  # type: ignore[attr-defined]
        self.client = TLSClient(context, server_name)

    def _note(self, _conn: Any, direction: str, _version: Any, _content: Any, message: Any, _data: bytes) -> None:
        if direction == "read" and message == _CERTIFICATE_REQUEST:
            self.certificate_requested = True


async def accepts_obsolete_tls(
    address: SocketAddress, server_name: str, *, connect_timeout: float, deadline: float
) -> bool | None:
    """Whether a handshake of TLS 1.0 or 1.1 succeeds, which PS3.15 B.12 and RFC 8996 forbid.

    None where it could not be told: no connection, or this machine's own library speaks neither.
    """
    loop = asyncio.get_running_loop()
    context = _context(ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
    try:
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO()).do_handshake()
    except ssl.SSLWantReadError:
        pass  # it would send a client hello
    except ssl.SSLError:
        return None
    try:
        sock = await connect(address, min(connect_timeout, deadline - loop.time()))
        protocol = _Hangup()
        await attach(sock, protocol, TLSClient(context, server_name), deadline)
    except TLSFailed:
        return False
    except ProbeEnded:
        return None
    return True


class _Hangup(asyncio.Protocol):
    """Ends the connection as soon as it is made: the handshake was all there was to learn."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _context(minimum: ssl.TLSVersion, maximum: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(_ANY_CIPHER)
    with warnings.catch_warnings():  # that these versions are obsolete is the point
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = minimum
        context.maximum_version = maximum
    return context
