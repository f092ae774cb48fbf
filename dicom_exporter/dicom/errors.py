"""How an association can end other than well: DICOM's part of the tree that `net.errors` draws.

Not in that tree: `UsageError`, a bug of the caller and never an outcome; and `find.FindEnded`, which holds a
`ProbeEnded` together with what a C-FIND had counted until then.
"""

from __future__ import annotations

from dicom_exporter.enums import Outcome
from dicom_exporter.net.errors import ProbeEnded
from dicom_exporter.results import Rejection


class UsageError(Exception):
    """A call that the state of the association does not allow."""


class AssociationEnded(ProbeEnded):
    """The association ended, or was never accepted, through what the peer sent."""


class NotDicom(AssociationEnded):
    """The first byte that came back begins no DICOM PDU."""

    outcome = Outcome.NOT_DICOM


class ProtocolViolation(AssociationEnded):
    """The peer sent what the standard or one of our limits does not allow."""

    outcome = Outcome.PROTOCOL_ERROR


class LimitExceeded(ProtocolViolation):
    """The peer sent more than one of our limits allows. The standard may allow it: the limit is ours."""


class Rejected(AssociationEnded):
    """A-ASSOCIATE-RJ (PS3.8 9.3.4). `transient` makes it busy: no room now, rather than not wanted."""

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


class NotOffered(AssociationEnded):
    """The association is up, and the presentation context that we need is not accepted.

    `other_syntax`: the peer wants another transfer syntax than we proposed, and has the service.
    """

    outcome = Outcome.NOT_OFFERED

    def __init__(self, text: str, *, other_syntax: bool = False) -> None:
        super().__init__(text)
        self.other_syntax = other_syntax
