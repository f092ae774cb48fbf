"""Every way in which an association with a stranger can end other than well.

```
DicomError
├── UsageError            our mistake: a call that the state does not allow; a bug, never an outcome
├── FindEnded             a C-FIND lost its association; holds the AssociationEnded and the count so far (in `find`)
└── AssociationEnded      theirs, or the network's: carries the `Outcome`
    ├── NameNotResolved        dns_failure
    ├── NetworkUnreachable     unreachable
    ├── ConnectionRefused      refused
    ├── ConnectTimeout         connect_timeout
    ├── TLSFailed              tls_failure
    ├── NoAnswer               no_answer
    ├── NotDicom               not_dicom
    ├── ProtocolViolation      protocol_error
    ├── Rejected               rejected, busy
    ├── Aborted                aborted
    ├── ConnectionEnded        closed
    ├── NotOffered             not_offered
    └── Overloaded             overload: we were too slow, which says nothing about the peer
```

Foreign exceptions (OSError, ssl.SSLError, TimeoutError) are mapped to these once, in `connection`. The texts are
ours, never the peer's: they may be logged.
"""

from __future__ import annotations

from typing import ClassVar

from dicom_exporter.results import Outcome, Rejection


class DicomError(Exception):
    """The root of the tree."""


class UsageError(DicomError):
    """We called something that the state of the association does not allow."""


class AssociationEnded(DicomError):
    """The association ended, or never came about, through the peer or the network."""

    outcome: ClassVar[Outcome]


class NameNotResolved(AssociationEnded):
    """The host name has no address, or none was found in time."""

    outcome = Outcome.DNS_FAILURE


class NetworkUnreachable(AssociationEnded):
    """No route to the address."""

    outcome = Outcome.UNREACHABLE


class ConnectionRefused(AssociationEnded):
    """The machine answered our SYN with RST."""

    outcome = Outcome.REFUSED


class ConnectTimeout(AssociationEnded):
    """Nothing answered our SYN within the connect timeout."""

    outcome = Outcome.CONNECT_TIMEOUT


class TLSFailed(AssociationEnded):
    """The TLS handshake failed, or an alert ended the session before a PDU came."""

    outcome = Outcome.TLS_FAILURE

    def __init__(self, text: str, *, untrusted: bool = False) -> None:
        super().__init__(text)
        self.untrusted = untrusted
        """The peer's certificate is why."""


class NoAnswer(AssociationEnded):
    """Connected, and then no whole answer until the deadline."""

    outcome = Outcome.NO_ANSWER


class NotDicom(AssociationEnded):
    """The first byte that came back begins no DICOM PDU."""

    outcome = Outcome.NOT_DICOM


class ProtocolViolation(AssociationEnded):
    """The peer sent what the standard or one of our limits does not allow."""

    outcome = Outcome.PROTOCOL_ERROR


class Rejected(AssociationEnded):
    """A-ASSOCIATE-RJ. `transient` makes it busy: no room now, instead of not wanted."""

    def __init__(self, rejection: Rejection, *, transient: bool) -> None:
        super().__init__(f"rejected: {rejection.result}, {rejection.source}, {rejection.reason}")
        self.rejection = rejection
        self.transient = transient

    @property
    def outcome(self) -> Outcome:  # type: ignore[override]
        """`busy` for a transient rejection, else `rejected`."""
        return Outcome.BUSY if self.transient else Outcome.REJECTED


class Aborted(AssociationEnded):
    """A-ABORT from the peer; source and reason are codes of PS3.8 Table 9-26."""

    outcome = Outcome.ABORTED

    def __init__(self, source: int, reason: int) -> None:
        super().__init__(f"aborted: source {source}, reason {reason}")
        self.source = source
        self.reason = reason


class ConnectionEnded(AssociationEnded):
    """TCP ended, by FIN or RST, where an answer was due."""

    outcome = Outcome.CLOSED


class NotOffered(AssociationEnded):
    """The association is up, and the presentation context that we need is not accepted."""

    outcome = Outcome.NOT_OFFERED


class Overloaded(AssociationEnded):
    """We came too late, or had no file descriptor left. Unknown is not down."""

    outcome = Outcome.OVERLOAD
