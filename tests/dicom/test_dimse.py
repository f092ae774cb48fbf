"""What is kept of the commands that archives send."""

from __future__ import annotations

import struct

import pytest

from dicom_exporter.dicom import dimse
from dicom_exporter.dicom.dimse import Message, MessageAssembler, parse_command
from dicom_exporter.dicom.pdu import Limits
from dicom_exporter.dicom.uids import STUDY_FIND
from tests.testing.hostile.messages import command_set


def element(number: int, value: bytes) -> bytes:
    """One of group 0000."""
    return struct.pack("<HHI", 0, number, len(value)) + value


def received(*more: bytes) -> Message:
    """A C-FIND-RSP without a dataset, and with `more` elements, read."""
    us = struct.Struct("<H").pack
    numbers = ((0x0100, us(0x8020)), (0x0120, us(1)), (0x0800, us(0x0101)), (0x0900, us(0)))
    command = b"".join(element(*each) for each in numbers) + b"".join(more)
    pdv = struct.pack(">IBB", len(command) + 2, 1, 3) + command
    messages: list[Message] = []
    MessageAssembler(Limits()).receive(pdv, 0, len(pdv), messages)
    return messages[0]


@pytest.mark.parametrize(
    "more",
    [
        element(0x0902, b"SYNTHETIC^PATIENT is not known"),
        element(0x1000, b"2.25.1234567890\0"),
        element(0x0002, b"2.25.1234567890\0"),
        element(0x0000, b"SYNTHETIC^PATIENT "),
    ],
    ids=["error-comment", "instance", "no-sop-class", "no-length"],
)
def test_commands_with_foreign_elements_are_not_cached(more: bytes) -> None:
    assert received(more).command.status == 0
    assert not [kept for kept in dimse._known if more[8:] in kept]


def test_commands_of_usual_form_are_cached() -> None:
    sop_class = element(0x0002, STUDY_FIND.encode() + b"\0")
    assert received(sop_class).command is received(sop_class).command


def test_commands_cache_is_bounded() -> None:
    for length in range(1000):
        received(element(0x0000, struct.pack("<I", length)))
    assert len(dimse._known) <= 256


def test_command_of_c_get_has_its_suboperations() -> None:
    elements = {0x0100: 0x8010, 0x0120: 1, 0x0800: 0x0101, 0x0900: 0xB000, 0x1021: 2, 0x1022: 3}
    command = parse_command(command_set(elements))
    assert (command.completed_suboperations, command.failed_suboperations) == (2, 3)


def test_command_suboperations_of_another_length_are_passed_over() -> None:
    elements: dict[int, int | str] = {0x0100: 0x8010, 0x0120: 1, 0x0800: 0x0101, 0x0900: 0, 0x1022: "1234"}
    assert parse_command(command_set(elements)).failed_suboperations is None
