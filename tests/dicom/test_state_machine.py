"""The association against the standard's own state table, over every short sequence of events.

The table is written down here anew from PS3.8 Tables 9-7 to 9-10, in its names for states and actions, and for a
requestor alone. What the standard splits into an indication to the user and the user's response is one step with us:
Sta8 and Sta9 are left at once, with our A-RELEASE-RP.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest

from dicom_exporter.dicom.association import Association, State
from dicom_exporter.dicom.errors import Aborted, NotDicom, ProtocolViolation, Rejected, UsageError
from dicom_exporter.enums import Outcome, QueryOutcome
from dicom_exporter.net.errors import ConnectionEnded, ProbeEnded
from dicom_exporter.results import SessionResult
from tests.dicom import encoded
from tests.testing.hostile import messages, wire
from tests.testing.hostile.playing import play
from tests.testing.hostile.scenarios import archive
from tests.testing.hostile.simulated import Direction, direct

A_RELEASE_RQ, A_RELEASE_RP = wire.release_rq(), wire.release_rp()
USER_ABORT, PROVIDER_ABORT = wire.abort(0, 0), wire.abort(2, 0)


@dataclass(frozen=True)
class Action:
    """What is to happen: the state after it, what is sent, and how the user hears of it."""

    then: str
    sends: bytes = b""
    raises: type[Exception] | tuple[type[Exception], ...] | None = None


AE_1 = Action("Sta5", sends=encoded.pdu(1, b"request"))
"""AE-1 and AE-2 in one: our transport connection is there before."""
AE_3 = Action("Sta6")
AE_4 = Action("Sta1", raises=Rejected)
DT_2 = Action("Sta6")
AR_6 = Action("Sta7")
AR_1 = Action("Sta7", sends=A_RELEASE_RQ)
AR_2 = Action("Sta13", sends=A_RELEASE_RP, raises=ConnectionEnded)
"""AR-2, Sta8 and AR-4."""
AR_3 = Action("Sta1")
AR_8 = Action("Sta11", sends=A_RELEASE_RP)
"""AR-8, Sta9 and AR-9: a release collision, on the requestor's side."""
AA_1 = Action("Sta13", sends=USER_ABORT)
AA_3 = Action("Sta1", raises=Aborted)
AA_8 = Action("Sta13", sends=PROVIDER_ABORT, raises=(ProtocolViolation, NotDicom))
OURS = Action("", raises=UsageError)
"""Blank in the standard's table: our own mistake."""

TABLE: dict[str, dict[str, Action]] = {
    # Sta4 with its connection made; a peer that speaks now breaks the protocol, whatever it says.
    "Sta4": {"A-ASSOCIATE request": AE_1, "A-RELEASE request": OURS, "A-ABORT request": Action("Sta1")},
    "Sta5": {
        "A-ASSOCIATE-AC": AE_3,
        "A-ASSOCIATE-RJ": AE_4,
        "A-ABORT": AA_3,
        "A-ASSOCIATE request": OURS,
        "A-RELEASE request": OURS,
        "A-ABORT request": AA_1,
    },
    "Sta6": {
        "P-DATA-TF": DT_2,
        "half a P-DATA-TF": DT_2,
        "A-RELEASE-RQ": AR_2,
        "A-ABORT": AA_3,
        "A-ASSOCIATE request": OURS,
        "A-RELEASE request": AR_1,
        "A-ABORT request": AA_1,
    },
    "Sta7": {
        "P-DATA-TF": AR_6,
        "half a P-DATA-TF": AR_6,
        "nonsense in a P-DATA-TF": AR_6,  # read away unread
        "A-RELEASE-RQ": AR_8,
        "A-RELEASE-RP": AR_3,
        "A-ABORT": AA_3,
        "A-ASSOCIATE request": OURS,
        "A-RELEASE request": OURS,
        "A-ABORT request": AA_1,
    },
    "Sta11": {
        "A-RELEASE-RP": AR_3,
        "A-ABORT": AA_3,
        "A-ASSOCIATE request": OURS,
        "A-RELEASE request": OURS,
        "A-ABORT request": AA_1,
    },
}
"""State -> event -> action. A PDU that is not listed for a state is unexpected there: AA-8."""

ENDED = {
    "A-ASSOCIATE request": OURS,
    "A-RELEASE request": OURS,
    "A-ABORT request": Action("Sta13"),
}
"""In Sta1 and Sta13 we close the connection: nothing that still comes is looked at."""

OUR_STATES = {
    "Sta4": State.START,
    "Sta5": State.AWAITING_ACCEPT,
    "Sta6": State.ESTABLISHED,
    "Sta7": State.AWAITING_RELEASE,
    "Sta11": State.RELEASE_COLLISION,
    "Sta1": State.ENDED,
    "Sta13": State.ENDED,
}

RECEIVED = {
    "A-ASSOCIATE-RQ": wire.associate_rq({1: messages.VERIFICATION}),
    "A-ASSOCIATE-AC": encoded.accept(),
    "A-ASSOCIATE-RJ": wire.associate_rj(1, 1, 3),
    "P-DATA-TF": encoded.echo_response(),
    "half a P-DATA-TF": wire.p_data(wire.pdv(1, messages.echo_rsp(1)[:20], command=True, last=False)),
    "nonsense in a P-DATA-TF": wire.p_data(wire.pdv(1, b"nonsense", command=True, last=True)),
    "A-RELEASE-RQ": A_RELEASE_RQ,
    "A-RELEASE-RP": A_RELEASE_RP,
    "A-ABORT": wire.abort(2, 1),
    "no PDU at all": b"HTTP/1.1 400 Bad Request\r\n",
}
REQUESTED = ("A-ASSOCIATE request", "A-RELEASE request", "A-ABORT request")
EVENTS = (*RECEIVED, *REQUESTED)
LENGTH = 5


class Walk:
    """An association, and where the standard has it; `step` compares the two."""

    def __init__(self) -> None:
        self.association = Association()
        self.state = "Sta4"
        self.half = False
        """Whether a message has begun: another command then continues it, and cannot be read."""

    @property
    def over(self) -> bool:
        return self.state in ("Sta1", "Sta13")

    def step(self, event: str) -> None:
        over = self.over
        action = (ENDED if over else TABLE[self.state]).get(event, Action(self.state) if over else AA_8)
        if self.state == "Sta6" and self.half and event in ("P-DATA-TF", "nonsense in a P-DATA-TF"):
            action = AA_8
        before = self.association.state
        sent, raised = self._perform(event)
        assert sent == action.sends, f"{event} in {self.state}"
        if action.raises is None:
            assert raised is None, f"{event} in {self.state}: {raised!r}"
        else:
            assert isinstance(raised, action.raises), f"{event} in {self.state}: {raised!r}"
        if action is OURS:
            assert self.association.state is before, "a mistake of ours changed the state"
            return
        if self.state == "Sta6" and event == "half a P-DATA-TF":
            self.half = True
        self.state = action.then
        assert self.association.state is OUR_STATES[self.state], f"after {event}"

    def _perform(self, event: str) -> tuple[bytes, Exception | None]:
        association = self.association
        try:
            if event == "A-ASSOCIATE request":
                return association.request(AE_1.sends), None
            if event == "A-RELEASE request":
                return association.release(), None
            if event == "A-ABORT request":
                return association.abort(), None
            try:
                association.receive(RECEIVED[event])
                association.raise_end()
                raised: Exception | None = None
            except ProbeEnded as end:
                raised = end
            sent, association.outgoing = association.outgoing, b""
        except UsageError as mistake:
            return b"", mistake
        return sent, raised


@pytest.mark.parametrize("first", EVENTS)
def test_state_machine_short_sequences_follow_the_table(first: str) -> None:
    assert walk_on((first,), LENGTH) > len(EVENTS)


@pytest.mark.parametrize("first", EVENTS)
def test_state_machine_continued_associations_follow_the_table(first: str) -> None:
    assert walk_on(("A-ASSOCIATE request", "A-ASSOCIATE-AC", first), LENGTH + 2) > len(EVENTS)


def walk_on(events: tuple[str, ...], length: int, after_the_end: int = 0) -> int:
    """Walk through `events` and all that can follow, `length` in all; how many sequences that were.

    Two events after the end are enough: an association that has ended forgets nothing and learns nothing.
    """
    walk = Walk()
    for event in events:
        walk.step(event)
    after_the_end += walk.over
    if len(events) == length or after_the_end > 2:
        return 1
    return 1 + sum(walk_on((*events, event), length, after_the_end) for event in EVENTS)


SERVER = {
    "accept": encoded.accept({1: 0, 3: 0, 5: 0}),
    "accept nothing": encoded.accept({1: 3, 3: 3, 5: 3}),
    "echo": encoded.echo_response(),
    "match": encoded.find_response(0xFF00, encoded.study(), message_id=2),
    "end of matches": encoded.find_response(0x0000, message_id=2),
    "half": RECEIVED["half a P-DATA-TF"],
    "reject": RECEIVED["A-ASSOCIATE-RJ"],
    "release": A_RELEASE_RQ,
    "released": A_RELEASE_RP,
    "abort": RECEIVED["A-ABORT"],
    "garbage": RECEIVED["no PDU at all"],
    "close": direct(Direction.CLOSE),
    "reset": direct(Direction.RESET),
    "silence": direct(Direction.WAIT),
}


@pytest.mark.parametrize("first", SERVER)
def test_state_machine_every_end_is_a_release_or_an_abort(first: str) -> None:
    """`play` asserts it: by A-RELEASE or A-ABORT, if the server has not ended the association itself."""
    for rest in itertools.product(SERVER.values(), repeat=2):
        steps = [SERVER[first], *rest]
        play(archive, steps)
        play(archive, [SERVER["accept"], *steps], silent_at_end=True)
        play(archive, [SERVER["accept"], SERVER["echo"], *steps], silent_at_end=True)


def test_state_machine_sequence_reaches_a_pending_query() -> None:
    found = play(archive, [SERVER[step] for step in ("accept", "echo", "match", "end of matches", "silence")])
    assert isinstance(found, SessionResult)
    assert found.echo is not None
    assert found.echo.outcome is Outcome.SUCCESS
    assert found.queries["studies"].matches == 1
    assert found.queries["two"].outcome is QueryOutcome.TIMEOUT
