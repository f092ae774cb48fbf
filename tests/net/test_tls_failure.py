"""OpenSSL's reasons for a failed handshake as a bounded list."""

from __future__ import annotations

import ssl

import pytest

from dicom_exporter.enums import TLSFailure
from dicom_exporter.net.tls_failure import classify


@pytest.mark.parametrize(
    ("reason", "failure"),
    [
        ("WRONG_VERSION_NUMBER", TLSFailure.NOT_TLS),
        ("TLSV1_ALERT_PROTOCOL_VERSION", TLSFailure.VERSION),
        ("UNSUPPORTED_PROTOCOL", TLSFailure.VERSION),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", TLSFailure.CIPHER),
        ("TLSV1_ALERT_INSUFFICIENT_SECURITY", TLSFailure.CIPHER),
        ("WRONG_CIPHER_RETURNED", TLSFailure.CIPHER),
        ("DH_KEY_TOO_SMALL", TLSFailure.CIPHER),
        ("TLSV1_UNRECOGNIZED_NAME", TLSFailure.NAME),
        ("TLSV1_ALERT_UNRECOGNIZED_NAME", TLSFailure.NAME),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", TLSFailure.CERTIFICATE_DEMANDED),
        ("SSLV3_ALERT_BAD_CERTIFICATE", TLSFailure.CERTIFICATE_DEMANDED),
        ("TLSV1_ALERT_UNKNOWN_CA", TLSFailure.CERTIFICATE_DEMANDED),
        ("TLSV1_ALERT_INTERNAL_ERROR", TLSFailure.OTHER),
        ("UNEXPECTED_EOF_WHILE_READING", TLSFailure.OTHER),
    ],
)
def test_classify_reason_from_the_exception_or_from_its_words(reason: str, failure: TLSFailure) -> None:
    known = ssl.SSLError(1, "words")
    known.reason = reason
    assert classify(known) is failure
    assert classify(OSError(1, f"[SSL: {reason}] words (_ssl.c:1006)")) is failure


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (10, TLSFailure.EXPIRED),
        (9, TLSFailure.EXPIRED),
        (62, TLSFailure.NAME),
        (64, TLSFailure.NAME),
        (18, TLSFailure.AUTHORITY),
        (19, TLSFailure.AUTHORITY),
        (20, TLSFailure.AUTHORITY),
        (66, TLSFailure.OTHER),
    ],
)
def test_classify_verification_by_its_code(code: int, failure: TLSFailure) -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    wrapped = RuntimeError()
    wrapped.__cause__ = error
    assert classify(error) is failure
    assert classify(wrapped) is failure


def test_classify_subclass_without_a_reason_by_its_words() -> None:
    """Aiohttp's errors are of both classes, and never went through the constructor of the second."""

    class Odd(ssl.SSLError):
        def __init__(self) -> None:
            pass

        def __str__(self) -> str:
            return "Cannot connect to host [[SSL: WRONG_VERSION_NUMBER] wrong version number]"

    assert classify(Odd()) is TLSFailure.NOT_TLS


def test_classify_connection_that_just_ended_is_other() -> None:
    assert classify(ConnectionResetError()) is TLSFailure.OTHER
