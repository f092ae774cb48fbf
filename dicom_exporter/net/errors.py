"""How a probe can end other than well: the root of all such errors, and those of the network.

```
ProbeEnded                          a probe got no further; carries the `Outcome`
├── NetworkError                    the network's or the peer's TCP and TLS, whatever is spoken on top
│   ├── NameNotResolved        dns_failure
│   ├── NetworkUnreachable     unreachable
│   ├── ConnectionRefused      refused
│   ├── ConnectTimeout         connect_timeout
│   ├── TLSFailed              tls_failure
│   ├── NoAnswer               no_answer
│   └── ConnectionEnded        closed
├── Overloaded                 overload: this exporter was too slow, which says nothing about the peer
├── ProxyFailed                proxy_failure: so does this, of the proxy of a vantage
└── AssociationEnded                DICOM's, in `dicom.errors`
    ├── NotDicom               not_dicom
    ├── ProtocolViolation      protocol_error
    │   └── LimitExceeded      protocol_error: over one of our own limits
    ├── Rejected               rejected, busy
    ├── Aborted                aborted
    └── NotOffered             not_offered
```

Exceptions of the system (OSError, ssl.SSLError, TimeoutError) are mapped to these once, in `net.tcp` and
`net.context`. The texts are written here, never by the peer, so they may be logged.

`NotPermitted` is none of these: it is raised before anything is sent, and says nothing about the peer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from dicom_exporter.enums import Outcome, TLSFailure, UnknownReason
from dicom_exporter.results import TLSFacts


class ProbeEnded(Exception):
    """A probe ended before it was done, through the peer, the network, or for want of time."""

    outcome: ClassVar[Outcome]


class NetworkError(ProbeEnded):
    """No connection, or the connection ended."""


class NameNotResolved(NetworkError):
    """The host name has no address, or none was found in time."""

    outcome = Outcome.DNS_FAILURE

    def __init__(self, text: str, *, temporary: bool = False) -> None:
        super().__init__(text)
        self.temporary = temporary
        """No name server answered, or it could not: another lookup may find an address."""


class NetworkUnreachable(NetworkError):
    """No route to the address."""

    outcome = Outcome.UNREACHABLE

    def __init__(self, text: str, *, from_here: bool = False) -> None:
        super().__init__(text)
        self.from_here = from_here
        """This machine has no route for such addresses: nothing was sent."""


class ConnectionRefused(NetworkError):
    """The machine answered our SYN with RST."""

    outcome = Outcome.REFUSED


class ConnectTimeout(NetworkError):
    """Nothing answered our SYN within the connect timeout, or within the shorter time that was left."""

    outcome = Outcome.CONNECT_TIMEOUT


class TLSFailed(NetworkError):
    """The TLS handshake failed, or an alert ended the session before the first byte of the application."""

    outcome = Outcome.TLS_FAILURE

    def __init__(
        self,
        text: str,
        *,
        failure: TLSFailure = TLSFailure.OTHER,
        untrusted: bool = False,
        facts: TLSFacts | None = None,
    ) -> None:
        super().__init__(text)
        self.failure = failure
        self.untrusted = untrusted
        """The peer's certificate is why."""
        trusted = False if untrusted else None
        self.facts = replace(facts or TLSFacts(certificate_trusted=trusted), failure=failure)
        """What is known all the same; `net.tls.explained` finds out more."""

    @property
    def shows_nothing(self) -> bool:
        """Whether nothing is known to have come from the peer."""
        return self.facts == TLSFacts(failure=TLSFailure.OTHER)


class NoAnswer(NetworkError):
    """Connected, and then no whole answer until the deadline."""

    outcome = Outcome.NO_ANSWER


class ConnectionEnded(NetworkError):
    """TCP ended, by FIN or RST, while an answer was due."""

    outcome = Outcome.CLOSED


class Overloaded(ProbeEnded):
    """This exporter came too late, or had no file descriptor left. Unknown is not down."""

    outcome = Outcome.OVERLOAD


class ProxyFailed(ProbeEnded):
    """The proxy of a vantage made no connection, or may not have made one. Unknown is not down, and not closed."""

    outcome = Outcome.PROXY_FAILURE

    def __init__(self, text: str, reason: UnknownReason = UnknownReason.VANTAGE) -> None:
        super().__init__(text)
        self.reason = reason
        """What that leaves in doubt."""


class NotPermitted(Exception):
    """The configuration does not permit this at this target: to write to it, or to show it credentials.

    The text is one sentence for whoever asked for it.
    """
