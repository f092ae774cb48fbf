"""Client contexts for TLS: one that verifies, and a stranger's.

A stranger shows no certificate, does not verify the server's, and takes whatever version it speaks. A monitor's context
would refuse what a stranger uses. What the stranger's handshake showed is a finding, not a failure.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from functools import cache
from typing import Any

from dicom_exporter.config.values.network import Address
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ProbeEnded, TLSFailed
from dicom_exporter.net.tcp import TLSClient, attach, connect

_CERTIFICATE_REQUEST = 13
"""Handshake message of a server that asks for a client certificate, RFC 8446 B.3 and RFC 5246 7.4."""
_ANY_CIPHER = "ALL:@SECLEVEL=0"


@cache
def verifying_context() -> ssl.SSLContext:
    """For an identity that does not configure TLS: the system's authorities. Made once, as it reads all of them."""
    return ssl.create_default_context()


def stranger_context() -> ssl.SSLContext:
    """A client context that takes any certificate and any version."""
    return _context(ssl.TLSVersion.TLSv1, ssl.TLSVersion.MAXIMUM_SUPPORTED)


class StrangerTLS:
    """A stranger's `context` for one attempt; afterwards `certificate_requested` says whether the server asked for a
    certificate.
    """

    def __init__(self) -> None:
        self.certificate_requested = False
        self.context = stranger_context()
        # Not public, and the only way to see the request: http.client's debugging uses it, too.
        self.context._msg_callback = self._note  # type: ignore[attr-defined]

    def _note(self, _conn: Any, direction: str, _version: Any, _content: Any, message: Any, _data: bytes) -> None:
        if direction == "read" and message == _CERTIFICATE_REQUEST:
            self.certificate_requested = True


async def accepts_obsolete_tls(address: Address, context: ProbeContext) -> bool | None:
    """Whether a handshake of TLS 1.0 or 1.1 succeeds, which PS3.15 B.12 and RFC 8996 forbid.

    None where that is not known: no connection, or this machine's own library speaks neither.
    """
    obsolete = _context(ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
    try:
        obsolete.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO()).do_handshake()
    except ssl.SSLWantReadError:
        pass  # it would send a client hello
    except ssl.SSLError:
        return None
    deadline = context.deadline
    try:
        socket_address = (await context.with_own_phases().resolve(address)).addresses[0]
        async with context.limits.lock_address(socket_address, deadline):
            left = deadline - asyncio.get_running_loop().time()
            sock = await connect(socket_address, min(context.connect_timeout, left))
            await attach(sock, _Hangup(), TLSClient(obsolete, address.host), deadline)
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
