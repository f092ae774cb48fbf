from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dicom_exporter.webconfig.sans import allowed

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
NAMES = (
    x509.DNSName("monitor.test.example"),
    x509.RFC822Name("monitor@test.example"),
    x509.UniformResourceIdentifier("spiffe://test.example/monitor"),
    x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
    x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
)


def certificate(names: Sequence[x509.GeneralName]) -> bytes:
    """A certificate in DER form; its common name, which is ignored, is monitor.test.example."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "monitor.test.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + datetime.timedelta(1))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    "name",
    ["monitor.test.example", "monitor@test.example", "spiffe://test.example/monitor", "192.0.2.1", "2001:db8::1"],
)
def test_allowed_each_kind_of_name(name: str) -> None:
    assert allowed(certificate(NAMES), frozenset({"other", name}))


@pytest.mark.parametrize("name", ["test.example", "Monitor.test.example", "*.test.example", "192.0.2.0", ""])
def test_allowed_needs_exact_name(name: str) -> None:
    assert not allowed(certificate(NAMES), frozenset({name}))


def test_allowed_ignores_common_name() -> None:
    assert not allowed(certificate(()), frozenset({"monitor.test.example"}))


@pytest.mark.parametrize("der", [b"", b"no certificate", certificate(NAMES)[:-1]])
def test_allowed_unreadable_certificate_is_refused(der: bytes) -> None:
    assert not allowed(der, frozenset({"monitor.test.example"}))


def test_allowed_ignores_other_kinds_of_names() -> None:
    names = [x509.RegisteredID(x509.ObjectIdentifier("1.2.3")), x509.DNSName("monitor.test.example")]
    assert allowed(certificate(names), frozenset({"monitor.test.example"}))
    assert not allowed(certificate(names), frozenset({"1.2.3"}))
