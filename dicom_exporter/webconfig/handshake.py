"""The server's side of a TLS handshake, with two things that Python's ssl leaves out.

The subject alternative names of a client certificate are checked before any request is read. And when a handshake
fails, OpenSSL's alert record for the client (RFC 8446 6) is kept: event loops discard it, and a Prometheus whose
certificate is refused would show nothing but "EOF".
"""

import ssl
from typing import cast

from dicom_exporter.webconfig import sans


class HandshakeFailed(ssl.SSLError):
    """The client is refused."""

    def __init__(self, message: str, reason: str, alert: bytes) -> None:
        super().__init__(f"{message}: {reason}")
        self.message = message
        self.why = reason
        """In a few words, none of them from the client."""
        self.alert = alert
        """The alert record to send, encrypted if the handshake is far enough."""


class ServerContext(ssl.SSLContext):
    """A server's context whose handshakes raise `HandshakeFailed` if they do not succeed."""

    allowed_sans: frozenset[str] | None = None
    """A client certificate, if there is one, must have one of these names."""

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
        """Continue the handshake. Raises HandshakeFailed."""
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
