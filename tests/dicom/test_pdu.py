"""What is read of an A-ASSOCIATE-AC, and what is kept of it."""

from __future__ import annotations

from dicom_exporter.dicom import pdu
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
