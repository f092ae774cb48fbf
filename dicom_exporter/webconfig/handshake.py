"""The server's side of a handshake, with two things that Python's ssl leaves out.

The names in a client's certificate are looked at before anybody reads what the client sends. And where a handshake
fails, what OpenSSL would say about it to the client (an alert, RFC 8446 6) is kept: event loops throw it away, and a
Prometheus that is not let in any more would have nothing to show but "EOF".
"""

from __future__ import annotations

import ssl
from typing import cast

from dicom_exporter.webconfig import sans


class HandshakeFailed(ssl.SSLError):
    """The client is not let in."""

    def __init__(self, message: str, reason: str, last_words: bytes) -> None:
        super().__init__(f"{message}: {reason}")
        self.message = message
        self.why = reason
        """In few words, none of which are the client's."""
        self.last_words = last_words
        """What the client is to be told, encrypted where it has to be."""


class ServerContext(ssl.SSLContext):
    """A server's context; its handshakes end in `HandshakeFailed`, where they do not succeed."""

    allowed_sans: frozenset[str] | None = None
    """The names of which a client's certificate must have one, where there is a certificate."""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """As `ssl.SSLContext.wrap_bio`: event loops call it for each connection."""
        made = cast(_ServerSide, super().wrap_bio(incoming, outgoing, server_side, server_hostname, session))
        made.outgoing = outgoing
        return made


class _ServerSide(ssl.SSLObject):
    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        """Go on with the handshake. Raises HandshakeFailed."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", None) or error.reason or "unknown"
            words = reason.lower().replace("_", " ")
            raise HandshakeFailed("TLS handshake failed", words, self.outgoing.read()) from None
        names = cast(ServerContext, self.context).allowed_sans
        certificate = self.getpeercert(binary_form=True)
        if names is not None and certificate is not None and not sans.allowed(certificate, names):
            reason = "none of its subject alternative names is in client_allowed_sans"
            raise HandshakeFailed("client certificate refused", reason, self.outgoing.read())


ServerContext.sslobject_class = _ServerSide
