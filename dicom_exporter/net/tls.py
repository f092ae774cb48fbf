"""Client contexts for TLS: one that verifies, and a stranger's; and a second look at a handshake that failed.

A stranger shows no certificate, does not verify the server's, and takes whatever version it speaks. A monitor's context
would refuse what a stranger uses. What the stranger's handshake showed is a finding, not a failure.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from dicom_exporter.config.build.tls import without_finite_field_dh
from dicom_exporter.config.values.network import Address, SocketAddress
from dicom_exporter.enums import TLSFailure
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ProbeEnded, TLSFailed
from dicom_exporter.net.tcp import TLSClient, attach, connect, tls_facts
from dicom_exporter.results import TLSFacts

_CERTIFICATE_REQUEST = 13
"""Handshake message of a server that asks for a client certificate, RFC 8446 B.3 and RFC 5246 7.4."""
_ANY_CIPHER = "ALL:!kDHE:!kDHEPSK:@SECLEVEL=0"
"""All but finite-field Diffie-Hellman: the server chooses the group, and one of 10,000 bits takes the client seconds
of processor time, in which the event loop does nothing else."""


@cache
def verifying_context() -> ssl.SSLContext:
    """For an identity that does not configure TLS: the system's authorities. Made once, as it reads all of them."""
    context = ssl.create_default_context()
    without_finite_field_dh(context)
    return context


def stranger_context() -> ssl.SSLContext:
    """A client context that takes any certificate and any version."""
    return _context(ssl.TLSVersion.TLSv1, ssl.TLSVersion.MAXIMUM_SUPPORTED)


class StrangerTLS:
    """A stranger's `context` for one attempt; afterwards `certificate_requested` says whether the server asked for a
    certificate.
    """

    def __init__(self) -> None:
        requests: set[str] = set()
        self._requests = requests
        self.context = stranger_context()

        def note(_conn: Any, direction: str, _version: Any, _content: Any, message: Any, _data: bytes) -> None:
            if direction == "read" and message == _CERTIFICATE_REQUEST:
                requests.add(direction)

        # Not public, and the only way to see the request: http.client's debugging uses it, too. `note` has no way back
        # to the context: OpenSSL's part of that takes much memory, and would stay until garbage is collected.
        self.context._msg_callback = note  # type: ignore[attr-defined]

    @property
    def certificate_requested(self) -> bool:
        """Whether the server asked."""
        return bool(self._requests)


@dataclass(frozen=True, slots=True)
class Look:
    """What a handshake that trusts any certificate showed."""

    facts: TLSFacts | None = None
    """None if it failed, too."""
    certificate_requested: bool = False
    """The server asked for a certificate of ours in it."""


async def look(address: SocketAddress, server_name: str, context: ProbeContext) -> Look:
    """Shake hands with `address` once more as a stranger, and hang up; not a word is said, and nothing of ours shown.

    For a handshake that failed, as that one does not show why: an expired certificate's expiry is what its owner most
    needs to see. The caller holds the lock of the address.
    """
    protocol, tls = _HoldTransport(), StrangerTLS()
    left = context.deadline - asyncio.get_running_loop().time()
    try:
        sock = await connect(address, min(context.connect_timeout, left))
        await attach(sock, protocol, TLSClient(tls.context, server_name), context.deadline, context.limits.turns)
        facts = tls_facts(protocol.transport) if protocol.transport else None
    except ProbeEnded:
        return Look(None, tls.certificate_requested)
    finally:
        if protocol.transport is not None:
            protocol.transport.abort()
    return Look(facts, tls.certificate_requested)


_UNCLEAR = frozenset({TLSFailure.CIPHER, TLSFailure.OTHER, TLSFailure.CERTIFICATE_DEMANDED})
"""How it looks if the server wants a certificate of ours: those of TLS 1.2 just fail the handshake, and some of 1.3
reset before their alert is read."""


def explained(failed: TLSFailed, seen: Look) -> TLSFacts:
    """What is known of a handshake that `failed`, after another look at the server."""
    facts = seen.facts or TLSFacts()
    failure = failed.failure
    if failure is TLSFailure.OTHER and seen.facts is not None:  # it ended without an alert
        failure = _from_what_succeeded(seen.facts)
    demanded = seen.certificate_requested and failed.failure in _UNCLEAR
    demanded = demanded or failed.failure is TLSFailure.CERTIFICATE_DEMANDED
    return replace(
        facts,
        version=None,  # those of the look are not those of a connection of ours
        cipher=None,
        certificate_trusted=False if failed.untrusted else None,
        client_certificate_required=True if demanded else None,
        failure=TLSFailure.CERTIFICATE_DEMANDED if demanded else failure,
    )


def _from_what_succeeded(facts: TLSFacts) -> TLSFailure:
    """Why a handshake of ours may have failed, if one that accepts everything has these `facts`."""
    if facts.version in ("TLSv1", "TLSv1.1"):
        return TLSFailure.VERSION
    forward_secret = (facts.cipher or "").startswith(("TLS_", "ECDHE-"))
    return TLSFailure.OTHER if forward_secret else TLSFailure.CIPHER


async def accepts_obsolete_tls(address: Address, context: ProbeContext) -> bool | None:
    """Whether a handshake of TLS 1.0 or 1.1 succeeds, which PS3.15 B.12 and RFC 8996 forbid.

    None if that is not known: no connection, or this machine's own library speaks neither.
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
        async with context.limits.lock_address(socket_address, deadline, context.turn):
            left = deadline - asyncio.get_running_loop().time()
            sock = await connect(socket_address, min(context.connect_timeout, left))
            client = TLSClient(obsolete, context.server_name or address.host)
            await attach(sock, _Hangup(), client, deadline, context.limits.turns)
    except TLSFailed:
        return False
    except ProbeEnded:
        return None
    return True


class _HoldTransport(asyncio.Protocol):
    """Only holds its transport."""

    transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self.transport = cast("asyncio.WriteTransport", transport)  # uvloop's are of no class of asyncio's


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
