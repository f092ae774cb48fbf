"""The association, as its requestor sees it (PS3.8 9.2): bytes in, events out, and no socket.

```
            request()               A-ASSOCIATE-AC                 release()                  A-RELEASE-RP
  START ──────────────> AWAITING_ACCEPT ──────────> ESTABLISHED ─────────────> AWAITING_RELEASE ──────────> ENDED
 (Sta1)                    (Sta5)                      (Sta6)                       (Sta7)                  (Sta1)
                             └── RJ, ABORT, violation ──> ENDED <── ABORT, A-RELEASE-RQ, violation ──┘
```

What may arrive in which state is `_EXPECTED`, one table. A PDU that is not in it is a `ProtocolViolation`: the standard
answers it with A-ABORT, and so do we.
"""

from __future__ import annotations

from enum import Enum, auto

from dicom_exporter.dicom.dimse import Command, Message, MessageAssembler
from dicom_exporter.dicom.errors import Aborted, LimitExceeded, ProtocolViolation, Rejected, UsageError
from dicom_exporter.dicom.pdu import (
    DEFAULT_LIMITS,
    AssociateAccept,
    Limits,
    PDUBuffer,
    PDUType,
    parse_abort,
    parse_accept,
    parse_reject,
)
from dicom_exporter.net.errors import ConnectionEnded, ProbeEnded

RELEASE_RQ = bytes.fromhex("0500 00000004 00000000")
"""A-RELEASE-RQ, PS3.8 9.3.6."""
RELEASE_RP = bytes.fromhex("0600 00000004 00000000")
"""A-RELEASE-RP, PS3.8 9.3.7."""
ABORT = bytes.fromhex("0700 00000004 00000000")
"""A-ABORT by the service user, PS3.8 9.3.8."""
ABORT_UNEXPECTED = bytes.fromhex("0700 00000004 00000200")
"""A-ABORT by the service provider, reason not specified: the answer to a violation (AA-8)."""

_SMALLEST_MAX_PDU_LENGTH = 16
"""Bytes. A peer that takes less than a PDV header and some content cannot be spoken to."""
_FRAGMENT = 512
"""Bytes of a fragment, on average, where there are many. Most matches are not in fragments."""


class State(Enum):
    """Where the association is; the states of PS3.8 Table 9-6 to 9-10 that a requestor has."""

    START = auto()
    """Nothing was sent."""
    AWAITING_ACCEPT = auto()
    """Sta5: the request is out."""
    ESTABLISHED = auto()
    """Sta6: data may flow."""
    AWAITING_RELEASE = auto()
    """Sta7: our A-RELEASE-RQ is out; late data may still come."""
    RELEASE_COLLISION = auto()
    """Sta9 to Sta11: both asked for release; we have answered and wait for theirs."""
    ENDED = auto()
    """Over, for any reason."""


_EXPECTED: dict[tuple[State, PDUType], State] = {
    (State.AWAITING_ACCEPT, PDUType.ASSOCIATE_AC): State.ESTABLISHED,
    (State.AWAITING_ACCEPT, PDUType.ASSOCIATE_RJ): State.ENDED,
    (State.AWAITING_ACCEPT, PDUType.ABORT): State.ENDED,
    (State.ESTABLISHED, PDUType.P_DATA_TF): State.ESTABLISHED,
    (State.ESTABLISHED, PDUType.RELEASE_RQ): State.ENDED,
    (State.ESTABLISHED, PDUType.ABORT): State.ENDED,
    (State.AWAITING_RELEASE, PDUType.P_DATA_TF): State.AWAITING_RELEASE,
    (State.AWAITING_RELEASE, PDUType.RELEASE_RQ): State.RELEASE_COLLISION,
    (State.AWAITING_RELEASE, PDUType.RELEASE_RP): State.ENDED,
    (State.AWAITING_RELEASE, PDUType.ABORT): State.ENDED,
    (State.RELEASE_COLLISION, PDUType.RELEASE_RP): State.ENDED,
    (State.RELEASE_COLLISION, PDUType.ABORT): State.ENDED,
}


class Association:
    """One association. Feed it with `receive`; send what its methods return, and `outgoing` after each `receive`."""

    __slots__ = (
        "_assembler",
        "_buffer",
        "_end",
        "accept",
        "bytes_allowed",
        "bytes_received",
        "limits",
        "outgoing",
        "state",
    )

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or DEFAULT_LIMITS
        self._buffer = PDUBuffer(self.limits)
        self._assembler = MessageAssembler(self.limits)
        self._end: ProbeEnded | None = None
        self.state = State.START
        self.accept: AssociateAccept | None = None
        """The A-ASSOCIATE-AC, once it came."""
        self.outgoing = b""
        """What the last `receive` made us owe the peer; the caller sends it and sets it to empty."""
        self.bytes_received = 0
        self.bytes_allowed = self.limits.association_bytes

    def allow(self, more_bytes: int) -> None:
        """Let the peer send up to `more_bytes` from here on, beside what every operation may bring."""
        self.bytes_allowed = self.bytes_received + self.limits.association_bytes + more_bytes
        self._assembler.fragments_left = self.limits.fragments + more_bytes // _FRAGMENT

    @property
    def partial(self) -> tuple[Command, int] | None:
        """The command of the message that is arriving, and how many bytes of its dataset are here."""
        return self._assembler.partial

    def request(self, data: bytes) -> bytes:
        """Begin: return the encoded A-ASSOCIATE-RQ `data` to send."""
        if self.state is not State.START:
            raise UsageError("an association is requested once")
        self.state = State.AWAITING_ACCEPT
        return data

    def release(self) -> bytes:
        """End in good order (PS3.8 7.2): return the A-RELEASE-RQ to send."""
        if self.state is not State.ESTABLISHED:
            raise UsageError("only an established association can be released")
        self.state = State.AWAITING_RELEASE
        self.bytes_allowed = self.bytes_received + self.limits.released_bytes
        return RELEASE_RQ

    def abort(self) -> bytes:
        """End at once (PS3.8 7.3): return the A-ABORT to send, or nothing if there is no association to end."""
        open_ = self.state not in (State.START, State.ENDED)
        self.state = State.ENDED
        return ABORT if open_ else b""

    def receive(self, data: bytes) -> list[Message]:
        """Take bytes from the peer; return the DIMSE messages that they complete.

        A change of `state` says the rest: ESTABLISHED when it was accepted, ENDED when it was released.

        Raises:
            Rejected, Aborted: the peer ended it.
            ConnectionEnded: the peer asked for release while an answer was due (its A-RELEASE-RP is in `outgoing`).
            NotDicom, ProtocolViolation: the A-ABORT that is due is in `outgoing`.

        Where messages, or the A-ASSOCIATE-AC, came before that, it returns, and `raise_end` raises: what was received
        counts, however TCP divided it into segments.
        """
        messages: list[Message] = []
        if self.state is State.ENDED:
            return messages
        before = self.accept
        excess = self.bytes_received + len(data) - self.bytes_allowed
        if excess > 0:
            data = data[:-excess]
        self.bytes_received += len(data)
        try:
            for pdu_type, source, start, stop in self._buffer.cut(data):
                if pdu_type is PDUType.P_DATA_TF and self.state is State.ESTABLISHED:
                    self._assembler.receive(source, start, stop, messages)
                else:
                    if self._advance(pdu_type, source[start:stop]) is State.ENDED:
                        break
            else:
                if excess > 0:
                    raise LimitExceeded("more bytes than an association may bring")
        except ProbeEnded as end:
            self.state = State.ENDED
            if not isinstance(end, Rejected | Aborted | ConnectionEnded):
                self.outgoing = ABORT_UNEXPECTED
            if not messages and self.accept is before:
                raise
            self._end = end
        return messages

    def raise_end(self) -> None:
        """Raise what `receive` held back because of what had come before it; call it once that is dealt with."""
        if self._end is not None:
            raise self._end

    def _advance(self, pdu_type: PDUType, body: bytes) -> State:
        before = self.state
        try:
            self.state = _EXPECTED[before, pdu_type]
        except KeyError:
            raise ProtocolViolation(f"{pdu_type.name} while {before.name}") from None
        if pdu_type is PDUType.ASSOCIATE_AC:
            accept = parse_accept(body, self.limits)
            if 0 < accept.max_pdu_length < _SMALLEST_MAX_PDU_LENGTH:
                raise ProtocolViolation("peer takes no PDU that could hold a message")
            self.accept = accept
        elif pdu_type is PDUType.ASSOCIATE_RJ:
            reject = parse_reject(body)
            raise Rejected(reject.rejection, transient=reject.transient)
        elif pdu_type is PDUType.ABORT:
            abort = parse_abort(body)
            raise Aborted(abort.source, abort.reason)
        elif pdu_type is PDUType.RELEASE_RQ:
            self.outgoing = RELEASE_RP
            if before is State.ESTABLISHED:
                raise ConnectionEnded("the peer released the association while an answer was due")
        return self.state
