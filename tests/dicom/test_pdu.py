"""What is read of an A-ASSOCIATE-AC, and what is kept of it."""

from __future__ import annotations

from dicom_exporter.config.secret import Secret
from dicom_exporter.dicom import pdu
from dicom_exporter.dicom.pdu import DEFAULT_LIMITS, parse_accept
from dicom_exporter.text import SafeText
from tests.dicom import encoded
from tests.testing.hostile import wire


def kept(more: bytes) -> int:
    """How many more are remembered after one whose user information ends in `more`."""
    remembered = pdu._read_known_accept.cache_info
    before = remembered().currsize
    ac = wire.associate_ac({1: wire.ACCEPTED}, user=wire.user_information(more=more))
    assert pdu.parse_accept(ac[pdu.HEADER_LENGTH :], pdu.DEFAULT_LIMITS).contexts[1].result == 0
    return remembered().currsize - before


def test_accept_unrequested_user_identity_response_is_dropped() -> None:
    """It may be a token that lets somebody in (PS3.7 D.3.3.7.2)."""
    pdu._read_known_accept.cache_clear()
    response = wire.item(0x59, b"synthetic-token-of-no-one")
    assert kept(response) == 0
    assert kept(response[:1] + b"\x01" + response[2:]) == 0  # the second byte is reserved, and anything
    assert kept(b"") == 1


def test_parse_accept_transfer_syntax_of_a_refused_context_is_not_tested() -> None:
    """PS3.8 Table 9-18: it is not significant, whatever stands there."""
    refused = wire.item(0x21, b"\x03\x00\x03\x00" + b"\x40\x00\xff\xff")
    accepted = wire.item(0x21, b"\x01\x00\x00\x00" + wire.item(0x40, b"1.2.840.10008.1.2"))
    body = bytes(68) + accepted + refused + wire.item(0x50, wire.item(0x51, b"\0\0\x40\0"))
    contexts = pdu.parse_accept(body, pdu.DEFAULT_LIMITS).contexts
    assert contexts[1] == pdu.AcceptedContext(0, SafeText("1.2.840.10008.1.2"))
    assert contexts[3] == pdu.AcceptedContext(3, SafeText(""))


def test_accept_that_was_known_before_a_secret_shows_it_no_more() -> None:
    body = encoded.accept(version="S3CRET_TOKEN")[6:]
    assert parse_accept(body, DEFAULT_LIMITS).implementation_version == "S3CRET_TOKEN"
    secret = Secret("S3CRET_TOKEN")
    assert parse_accept(body, DEFAULT_LIMITS).implementation_version == repr(secret)
