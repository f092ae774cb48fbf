"""ClientHellos by hand, answered by OpenSSL in memory, and answers that break the format."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from dicom_exporter.enums import SuiteClass, TLSVersion
from dicom_exporter.net import tls_suites
from dicom_exporter.net.tcp import certificate_key
from dicom_exporter.net.tls_hello import MOST_BYTES, Answer, NotTLS, client_hello
from tests.testing.peers import make_certificates

HELLO = bytes.fromhex("0303") + bytes(32) + b"\0"
"""The beginning of a ServerHello of TLS 1.2, before the suite."""


def server(directory: Path, ciphers: str, version: ssl.TLSVersion) -> ssl.SSLContext:
    certificates = make_certificates(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    context.load_cert_chain(certificates.server, certificates.server_key)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    return context


def told(context: ssl.SSLContext, hello: bytes) -> bytes:
    """What a server says to `hello`."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(hello)
    try:
        context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
    except ssl.SSLError:
        pass  # it wants more, or has refused
    return outgoing.read()


def read(data: bytes, version: TLSVersion, offered: Sequence[int], *, whole: bool = False) -> Answer:
    answer = Answer(version, offered, whole=whole)
    answer.feed(data)
    return answer


def record(content: bytes, kind: int = 22) -> bytes:
    return bytes([kind, 3, 3]) + len(content).to_bytes(2, "big") + content


def message(body: bytes, kind: int = 2) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


@pytest.mark.parametrize(
    ("ciphers", "version", "number"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", TLSVersion.TLS_1_2, 0xC02B),
        ("ECDHE-ECDSA-NULL-SHA", TLSVersion.TLS_1_2, 0xC006),
        ("ECDHE-ECDSA-AES256-SHA", TLSVersion.TLS_1_1, 0xC00A),
        ("ECDHE-ECDSA-AES256-SHA", TLSVersion.TLS_1_0, 0xC00A),
    ],
)
def test_hello_shows_what_openssl_picks(tmp_path: Path, ciphers: str, version: TLSVersion, number: int) -> None:
    name = {"TLSv1": "TLSv1", "TLSv1.1": "TLSv1_1", "TLSv1.2": "TLSv1_2"}[version]
    context = server(tmp_path, ciphers, ssl.TLSVersion[name])
    answer = read(told(context, client_hello(version, tls_suites.ALL, "pacs.example")), version, tls_suites.ALL)
    assert (answer.done, answer.version, answer.suite) == (True, version, number)


def test_hello_of_tls_1_3_is_answered_with_the_group(tmp_path: Path) -> None:
    context = server(tmp_path, "ALL", ssl.TLSVersion.TLSv1_3)
    hello = client_hello(TLSVersion.TLS_1_3, tls_suites.TLS_1_3, "pacs.example")
    answer = read(told(context, hello), TLSVersion.TLS_1_3, tls_suites.TLS_1_3)
    assert (answer.version, answer.group, answer.done) == (TLSVersion.TLS_1_3, 0x001D, True)
    assert answer.suite in tls_suites.TLS_1_3


def test_hello_read_whole_brings_the_certificate(tmp_path: Path) -> None:
    context = server(tmp_path, "ALL", ssl.TLSVersion.TLSv1_2)
    hello = client_hello(TLSVersion.TLS_1_2, tls_suites.ALL, "pacs.example")
    answer = read(told(context, hello), TLSVersion.TLS_1_2, tls_suites.ALL, whole=True)
    assert answer.done
    key = certificate_key(answer.certificate or b"")
    assert key is not None
    assert (key.kind, key.bits, key.hash) == ("ec", 256, "sha256")


def test_hello_with_suites_that_the_server_has_not_is_refused(tmp_path: Path) -> None:
    context = server(tmp_path, "ECDHE-ECDSA-AES128-GCM-SHA256", ssl.TLSVersion.TLSv1_2)
    weak = tls_suites.WEAK[SuiteClass.RC4]
    answer = read(told(context, client_hello(TLSVersion.TLS_1_2, weak, "pacs.example")), TLSVersion.TLS_1_2, weak)
    assert (answer.version, answer.alert, answer.done) == (None, 40, True)


@pytest.mark.parametrize("name", ["192.0.2.1", "2001:db8::1", "a" * 64, "x..y", ""])
def test_hello_leaves_out_a_name_that_cannot_be_sent(tmp_path: Path, name: str) -> None:
    seen: list[str | None] = []
    context = server(tmp_path, "ALL", ssl.TLSVersion.TLSv1_2)
    context.sni_callback = lambda _socket, shown, _context: seen.append(shown)
    told(context, client_hello(TLSVersion.TLS_1_2, tls_suites.ALL, name))
    assert seen == [None]


def test_hello_has_no_length_at_which_some_servers_hang() -> None:
    sizes = [
        len(client_hello(version, codes, "pacs.example")) - 5
        for version in TLSVersion
        if version is not TLSVersion.SSL_3
        for codes in (tls_suites.ALL, tls_suites.ALL[:100], tls_suites.ALL[:150], tls_suites.TLS_1_3)
    ]
    assert not [size for size in sizes if 256 <= size < 512]


def test_answer_is_the_same_for_any_split(tmp_path: Path) -> None:
    context = server(tmp_path, "ALL", ssl.TLSVersion.TLSv1_2)
    data = told(context, client_hello(TLSVersion.TLS_1_2, tls_suites.ALL, "pacs.example"))
    at_once = read(data, TLSVersion.TLS_1_2, tls_suites.ALL, whole=True)
    piecemeal = Answer(TLSVersion.TLS_1_2, tls_suites.ALL, whole=True)
    for byte in data:
        piecemeal.feed(bytes([byte]))
    assert (piecemeal.suite, piecemeal.certificate, piecemeal.key_exchange, piecemeal.done) == (
        at_once.suite,
        at_once.certificate,
        at_once.key_exchange,
        True,
    )


def test_answer_has_the_size_of_the_group_of_dh() -> None:
    flight = message(HELLO + bytes.fromhex("0033 00")) + message(b"\0\x80\xff" + bytes(127) + b"\0\1\2", 12)
    answer = read(record(flight), TLSVersion.TLS_1_2, tls_suites.EPHEMERAL_DH, whole=True)
    assert answer.dh_bits() == 1024


def test_answer_takes_warnings_before_it() -> None:
    warning = record(b"\1\x70", 21)
    answer = read(warning + record(message(HELLO + bytes.fromhex("002f 00"))), TLSVersion.TLS_1_2, tls_suites.ALL)
    assert answer.suite == 0x002F


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x00",  # A-ABORT
        record(b""),
        record(b"\2\x28\0", 21),
        record(b"\3\x28", 21),
        record(b"\1" * 5, 23),
        record(message(b"", 14)),  # ServerHelloDone before the ServerHello
        record(message(HELLO[:-1])),
        record(message(HELLO + bytes.fromhex("fafa 00"))),  # a suite that was not offered
        record(message(HELLO + bytes.fromhex("002f 01"))),  # compression
        record(message(bytes.fromhex("0304") + HELLO[2:] + bytes.fromhex("002f 00"))),  # a version above
        record(message(bytes.fromhex("0302") + bytes(32) + b"\x21" + bytes(33) + bytes.fromhex("002f 00"))),
        record(message(HELLO + bytes.fromhex("002f 00 0005 ff0100"))),  # cut off
        record(message(HELLO + bytes.fromhex("002f 00 0004 ff010000 00"))),  # bytes after it
        record(message(HELLO + bytes.fromhex("002f 00 0008 ff010000 ff010000"))),  # an extension twice
        record(message(HELLO + bytes.fromhex("002f 00 0006 002b00020303"))),
        record(message(HELLO + bytes.fromhex("002f 00")) + message(HELLO + bytes.fromhex("002f 00"))),
        record(message(HELLO + bytes.fromhex("002f 00")) + message(b"\0\0\1\0\0\5", 11)),
        b"\x16\x03\x03\xff\xff",
        record(b"\2\xff\xff\xff"),
    ],
)
def test_answer_that_breaks_the_format_is_no_tls(data: bytes) -> None:
    with pytest.raises(NotTLS):
        read(data, TLSVersion.TLS_1_2, tls_suites.ALL, whole=True)


def test_answer_has_a_bound() -> None:
    answer = Answer(TLSVersion.TLS_1_2, tls_suites.ALL, whole=True)
    answer.feed(record(message(HELLO + bytes.fromhex("002f 00"))))
    endless = record(b"\x16\0\0\x0c" + bytes(12))  # CertificateStatus, again and again
    for _ in range(MOST_BYTES // len(endless) - 5):
        answer.feed(endless)
    with pytest.raises(NotTLS):
        answer.feed(endless * 6)


def test_suites_are_each_in_one_class() -> None:
    codes = [code for each in tls_suites.WEAK.values() for code in each]
    assert len(set(codes)) == len(codes)
    assert not set(codes) & set(tls_suites.PERMITTED)
    assert set(tls_suites.WEAK) == set(SuiteClass)


def test_suites_are_in_the_class_that_openssl_describes() -> None:
    """Of those that this OpenSSL has; the numbers are IANA's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:eNULL:!PSK:!SRP:@SECLEVEL=0")
    for cipher in context.get_ciphers():
        number, how = cipher["id"] & 0xFFFF, cipher["description"]
        if "TLSv1.3" in how:
            assert number in tls_suites.TLS_1_3
        elif "Enc=None" in how:
            assert number in tls_suites.WEAK[SuiteClass.NULL], cipher["name"]
        elif "Au=None" in how:
            assert number in tls_suites.WEAK[SuiteClass.ANONYMOUS], cipher["name"]
        elif "Kx=RSA" in how:
            assert number in tls_suites.WEAK[SuiteClass.NO_FORWARD_SECRECY], cipher["name"]
        elif "Mac=AEAD" not in how:
            assert number in tls_suites.WEAK[SuiteClass.CBC], cipher["name"]
        elif "ARIA" in how or "Au=DSS" in how:
            assert number in tls_suites.WEAK[SuiteClass.OTHER], cipher["name"]
        else:
            assert number in tls_suites.PERMITTED, cipher["name"]
        assert (number in tls_suites.EPHEMERAL_DH) == ("Kx=DH" in how and "Au=RSA" in how and "ARIA" not in how)
