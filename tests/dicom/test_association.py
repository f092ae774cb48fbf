"""The state machine, byte by byte and without a socket."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_exporter.dicom.association import ABORT, ABORT_UNEXPECTED, RELEASE_RP, RELEASE_RQ, Association, State
from dicom_exporter.dicom.dimse import Message
from dicom_exporter.dicom.errors import Aborted, LimitExceeded, NotDicom, ProtocolViolation, Rejected, UsageError
from dicom_exporter.dicom.pdu import Limits
from dicom_exporter.net.errors import ConnectionEnded, ProbeEnded
from tests.dicom import encoded


def requested(limits: Limits | None = None) -> Association:
    """An association whose request is out."""
    association = Association(limits)
    assert association.request(b"request") == b"request"
    return association


def established(limits: Limits | None = None) -> Association:
    """An association that was accepted."""
    association = requested(limits)
    assert association.receive(encoded.accept()) == []
    assert association.state is State.ESTABLISHED
    return association


def test_accept_gives_contexts_and_peer() -> None:
    association = requested()
    association.receive(encoded.accept({1: 0, 3: 3}, max_pdu=32768))
    assert association.accept is not None
    assert {key: context.result for key, context in association.accept.contexts.items()} == {1: 0, 3: 3}
    assert association.accept.contexts[1].transfer_syntax == encoded.IMPLICIT
    assert association.accept.max_pdu_length == 32768
    assert association.accept.implementation_class_uid == "1.2.3.4"
    assert association.accept.implementation_version == "SYNTHETIC_1"


@pytest.mark.parametrize(
    ("codes", "words", "transient"),
    [
        ((1, 1, 1), ("rejected-permanent", "service-user", "no-reason-given"), False),
        ((1, 1, 2), ("rejected-permanent", "service-user", "application-context-name-not-supported"), False),
        ((1, 1, 3), ("rejected-permanent", "service-user", "calling-ae-title-not-recognized"), False),
        ((1, 1, 7), ("rejected-permanent", "service-user", "called-ae-title-not-recognized"), False),
        ((1, 2, 1), ("rejected-permanent", "service-provider-acse", "no-reason-given"), False),
        ((1, 2, 2), ("rejected-permanent", "service-provider-acse", "protocol-version-not-supported"), False),
        ((2, 3, 1), ("rejected-transient", "service-provider-presentation", "temporary-congestion"), True),
        ((2, 3, 2), ("rejected-transient", "service-provider-presentation", "local-limit-exceeded"), True),
        ((1, 3, 1), ("rejected-permanent", "service-provider-presentation", "temporary-congestion"), True),
        ((1, 3, 2), ("rejected-permanent", "service-provider-presentation", "local-limit-exceeded"), True),
        ((1, 1, 99), ("rejected-permanent", "service-user", "unlisted"), False),
        ((9, 8, 7), ("unlisted", "unlisted", "unlisted"), False),
    ],
)
def test_rejection_codes_have_the_words_of_the_standard(
    codes: tuple[int, int, int], words: tuple[str, str, str], transient: bool
) -> None:
    with pytest.raises(Rejected) as caught:
        requested().receive(encoded.reject(*codes))
    rejection = caught.value.rejection
    assert (rejection.result, rejection.source, rejection.reason) == words
    assert caught.value.transient is transient


def test_abort_ends_association_in_any_state() -> None:
    for association in (requested(), established()):
        with pytest.raises(Aborted):
            association.receive(encoded.abort())
        assert association.state is State.ENDED
        assert association.abort() == b""  # nothing is left to abort


@pytest.mark.parametrize("first", [b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0-x\r\n", b"\x15\x03\x01\x00\x02", b"\0"])
def test_first_byte_of_other_protocol_is_not_dicom(first: bytes) -> None:
    association = requested()
    with pytest.raises(NotDicom):
        association.receive(first[:1])
    assert association.state is State.ENDED


def test_echo_response_in_any_fragmentation_is_read() -> None:
    for max_pdu in (7, 8, 20, 16382):
        association = established()
        (message,) = association.receive(encoded.echo_response(0x0122, max_pdu=max_pdu))
        assert (message.command.field, message.command.status) == (0x8030, 0x0122)
        assert message.dataset is None


def test_many_pdvs_in_one_pdu_are_read() -> None:
    whole = encoded.find_response(0xFF00, encoded.study())
    body = b""
    for piece in _bodies(whole):
        body += piece
    (message,) = established().receive(encoded.pdu(4, body))
    assert message.dataset == encoded.implicit(encoded.study())


def test_many_messages_in_one_segment_are_read() -> None:
    match = encoded.study()
    data = encoded.find_response(0xFF00, match) * 3 + encoded.find_response(0xFF01, match) + encoded.find_response(0)
    messages = established().receive(data)
    assert [message.command.status for message in messages] == [0xFF00, 0xFF00, 0xFF00, 0xFF01, 0]


SESSION = (
    encoded.accept()
    + encoded.echo_response()
    + encoded.find_response(0xFF00, encoded.study(), message_id=2, max_pdu=30)
    + encoded.find_response(0, message_id=2)
)


def play(pieces: list[bytes]) -> list[Message]:
    """Feed `pieces` to a new association and return all messages."""
    association = requested()
    return list(itertools.chain.from_iterable(association.receive(piece) for piece in pieces))


@given(st.lists(st.integers(0, len(SESSION)), max_size=12))
def test_any_split_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(SESSION)]
    assert play([SESSION[a:b] for a, b in itertools.pairwise(edges)]) == play([SESSION])


def test_byte_by_byte_gives_the_same_events() -> None:
    assert play([bytes([byte]) for byte in SESSION]) == play([SESSION])


@given(st.binary(max_size=300))
def test_any_bytes_end_as_an_outcome(data: bytes) -> None:
    for association in (requested(), established()):
        try:
            association.receive(data)
        except ProbeEnded:
            assert association.state is State.ENDED


@given(st.integers(0, len(SESSION) - 1), st.integers(0, 255))
def test_any_changed_byte_ends_as_an_outcome(position: int, value: int) -> None:
    association = requested()
    try:
        association.receive(SESSION[:position] + bytes([value]) + SESSION[position + 1 :])
    except ProbeEnded:
        assert association.state is State.ENDED


@pytest.mark.parametrize("length", [0xFFFFFFFF, 256 * 1024 + 1])
def test_giant_pdu_is_refused_at_its_header(length: int) -> None:
    association = established()
    with pytest.raises(ProtocolViolation):
        association.receive(encoded.pdu(4, b"", length))
    assert association.outgoing == ABORT_UNEXPECTED


def test_endless_fragments_are_bounded() -> None:
    association = established(Limits(fragments_per_message=10))
    fragment = encoded.pdu(4, encoded.pdv(1, 1, b"x"))
    for _ in range(10):
        association.receive(fragment)
    with pytest.raises(ProtocolViolation):
        association.receive(fragment)


def test_fragments_of_an_association_are_bounded_in_all() -> None:
    association = established(Limits(fragments=10))
    whole = encoded.echo_response()
    command = whole[12:]
    parts = encoded.pdu(4, encoded.pdv(1, 1, command[:4])) + encoded.pdu(4, encoded.pdv(1, 3, command[4:]))
    for _ in range(5):
        assert association.receive(parts)
    assert association.receive(whole), "a message in one piece is no fragment"
    with pytest.raises(LimitExceeded):
        association.receive(parts)
    association = established(Limits(fragments=1))
    association.allow(4096)
    assert association.receive(parts)


def test_bytes_after_our_release_are_bounded() -> None:
    association = established(Limits(released_bytes=600))
    association.allow(1024 * 1024)
    association.release()
    empty = encoded.pdu(4, b"")
    for _ in range(100):
        association.receive(empty)
    with pytest.raises(LimitExceeded):
        association.receive(empty)


def test_message_length_is_bounded() -> None:
    association = established(Limits(message_length=100))
    with pytest.raises(ProtocolViolation):
        association.receive(encoded.pdu(4, encoded.pdv(1, 3, b"x" * 101)))
    association = established(Limits(message_length=100))
    association.receive(encoded.pdu(4, encoded.pdv(1, 1, b"x" * 60)))
    with pytest.raises(ProtocolViolation):
        association.receive(encoded.pdu(4, encoded.pdv(1, 3, b"x" * 60)))


def test_bytes_of_an_association_are_bounded() -> None:
    association = established(Limits(association_bytes=len(encoded.accept()) + 1000))
    while association.bytes_received + len(encoded.echo_response()) <= association.bytes_allowed:
        association.receive(encoded.echo_response())
    with pytest.raises(ProtocolViolation):
        association.receive(encoded.echo_response())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        encoded.pdv(1, 3, b"")[:5],
        b"\xff\xff\xff\xff\x01\x03",
        b"\x00\x00\x00\x01\x01",
        b"\x00\x00\x00\x00",
        encoded.pdv(1, 3, b"\x00\x00\x00"),
        encoded.pdv(1, 3, b"\x00\x00\x00\x01\xff\xff\xff\xff"),
        encoded.pdv(1, 3, b"\x08\x00\x00\x01\x02\x00\x00\x00\x30\x80"),
        encoded.pdv(1, 3, b"\x00\x00\x00\x01\x04\x00\x00\x00\x30\x80\x00\x00"),
        encoded.pdv(1, 3, b""),
        encoded.pdv(1, 2, b"dataset before its command"),
        encoded.pdv(1, 1, b"a") + encoded.pdv(3, 3, b"b"),
    ],
)
def test_malformed_message_is_a_violation(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        established().receive(encoded.pdu(4, body))


ACCEPT_BODY = encoded.accept()[6:]


@pytest.mark.parametrize(
    "body",
    [
        ACCEPT_BODY[:67],
        ACCEPT_BODY[:-1],
        ACCEPT_BODY + b"\x50",
        ACCEPT_BODY[:68] + b"\x21\x00\x00\x02\x01\x00",
        ACCEPT_BODY[:68] + b"\x50\x00\x00\x08\x51\x00\x00\xff\x00\x00\x40\x00",
        ACCEPT_BODY[:68] + b"\x50\x00\x00\x06\x51\x00\x00\x02\x40\x00",
        ACCEPT_BODY[:68] + b"\x21\x00\x00\x04\x01\x00\x00\x00" * 600,
        ACCEPT_BODY[:68] + b"\x50\x00\x09\x60" + b"\x99\x00\x00\x00" * 600,
        ACCEPT_BODY[:68] + b"\x50\x00\x00\x08\x51\x00\x00\x04\x00\x00\x00\x05",
    ],
)
def test_malformed_accept_is_a_violation(body: bytes) -> None:
    association = requested()
    with pytest.raises(ProtocolViolation):
        association.receive(encoded.pdu(2, body))
    assert association.outgoing == ABORT_UNEXPECTED


def test_unknown_items_are_skipped() -> None:
    association = requested()
    association.receive(encoded.pdu(2, ACCEPT_BODY + b"\x77\x00\x00\x03abc"))
    assert association.state is State.ESTABLISHED


@pytest.mark.parametrize("pdu_type", [1, 4, 5, 6])
def test_unexpected_pdu_before_accept_is_a_violation(pdu_type: int) -> None:
    with pytest.raises(ProtocolViolation):
        requested().receive(encoded.pdu(pdu_type, b"\0\0\0\0"))


@pytest.mark.parametrize("pdu_type", [1, 2, 3, 6])
def test_unexpected_pdu_in_association_is_a_violation(pdu_type: int) -> None:
    with pytest.raises(ProtocolViolation):
        established().receive(encoded.pdu(pdu_type, ACCEPT_BODY))


def test_garbage_after_dicom_is_a_violation_not_another_protocol() -> None:
    with pytest.raises(ProtocolViolation):
        established().receive(b"HTTP/1.1")


def test_release_is_confirmed() -> None:
    association = established()
    assert association.release() == RELEASE_RQ
    assert association.receive(encoded.find_response(0)) == []  # late data is read away, PS3.8 9.2.3
    association.receive(RELEASE_RP)
    assert association.state is State.ENDED
    assert association.abort() == b""


def test_release_collision_is_answered() -> None:
    association = established()
    association.release()
    association.receive(RELEASE_RQ)
    assert association.outgoing == RELEASE_RP
    association.receive(RELEASE_RP)
    assert association.state is State.ENDED


def test_second_release_request_is_a_violation() -> None:
    association = established()
    association.release()
    association.receive(RELEASE_RQ)
    with pytest.raises(ProtocolViolation):
        association.receive(RELEASE_RQ)


def test_release_in_place_of_answer_ends_association() -> None:
    association = established()
    with pytest.raises(ConnectionEnded):
        association.receive(RELEASE_RQ)
    assert association.outgoing == RELEASE_RP


def test_abort_is_sent_only_with_an_association() -> None:
    assert Association().abort() == b""
    assert requested().abort() == ABORT
    assert established().abort() == ABORT


def test_answer_before_abort_counts() -> None:
    association = established()
    (message,) = association.receive(encoded.echo_response() + encoded.abort())
    assert message.command.status == 0
    with pytest.raises(Aborted):
        association.raise_end()


def test_call_in_wrong_state_is_usage_error() -> None:
    association = requested()
    with pytest.raises(UsageError):
        association.request(b"")
    with pytest.raises(UsageError):
        association.release()


def _bodies(data: bytes) -> list[bytes]:
    bodies = []
    while data:
        length = int.from_bytes(data[2:6], "big")
        bodies.append(data[6 : 6 + length])
        data = data[6 + length :]
    return bodies


@pytest.mark.parametrize(
    ("end", "error"),
    [(encoded.abort(), Aborted), (RELEASE_RQ, ConnectionEnded), (b"\xff" * 6, ProtocolViolation)],
    ids=["abort", "release", "garbage"],
)
def test_accept_counts_where_the_end_is_in_the_same_segment(end: bytes, error: type[Exception]) -> None:
    association = requested()
    assert association.receive(encoded.accept() + end) == []
    assert association.accept is not None
    assert association.state is State.ENDED
    with pytest.raises(error):
        association.raise_end()


@pytest.mark.parametrize("pieces", [1, 10], ids=["one segment", "ten segments"])
def test_bytes_over_the_limit_of_an_association_end_it_after_what_is_within(pieces: int) -> None:
    association = established()
    whole = encoded.echo_response()
    association.bytes_allowed = association.bytes_received + 3 * len(whole)
    data = whole * 10
    size = len(data) // pieces
    messages: list[Message] = []

    def feed() -> None:
        for start in range(0, len(data), size):
            messages.extend(association.receive(data[start : start + size]))
            association.raise_end()

    with pytest.raises(LimitExceeded):
        feed()
    assert len(messages) == 3
