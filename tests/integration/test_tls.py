"""TLS under DICOM and HTTP on loopback: what a handshake shows where it fails, and under which name a stranger asks."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dicom_exporter.config import Address, Exposure, Module, Target
from dicom_exporter.config.build.tls import tls_settings
from dicom_exporter.config.model import TLSProfile, TLSSettings
from dicom_exporter.enums import Outcome, TLSFailure, UnknownReason
from dicom_exporter.probes.exposure import probe_exposure
from dicom_exporter.probes.session import probe_session
from dicom_exporter.results import Attempt, SessionResult
from tests.testing import hostile
from tests.testing.context import MONITOR, STRANGER, lookup_threads, probe_context
from tests.testing.hostile import honest, http, openssl, plain, wire
from tests.testing.peers import Certificates, make_certificates
from tests.testing.peers.requirements import missing
from tests.testing.web_probing import dicomweb, tls_front

pytestmark = pytest.mark.integration

NAME = "dicom.site.test"


def serving(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    return context


def only_named(certificates: Certificates, alert: int = ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE) -> ssl.SSLContext:
    """A gateway that goes by the server name: who sends another, or none, gets `alert`."""
    context = serving(certificates)
    context.sni_callback = lambda _sock, name, _context: None if name == NAME else alert
    return context


@contextlib.asynccontextmanager
async def archive(context: ssl.SSLContext) -> AsyncIterator[int]:
    """The port of an archive with two studies that speaks TLS."""
    async with hostile.server(honest.honest(2)) as server, tls_front(server.port, context) as port:
        yield port


async def ours(host: str, port: int, tls: TLSSettings, **network: Any) -> SessionResult:
    target = Target("target", Address(host, port))
    with lookup_threads(**network) as lookups:
        context = probe_context(lookups, replace(MONITOR, tls=tls))
        return await probe_session(target, Module("module", identity="monitor"), context)


async def strangers(port: int, *server_names: str) -> Attempt:
    """The last attempt over TLS."""
    target = Target("target", Address("127.0.0.1", port))
    module = Module("module", identity=STRANGER.name, echo=False, exposure=Exposure())
    with lookup_threads() as lookups:
        context = replace(probe_context(lookups, STRANGER, seconds=15.0), server_names=server_names)
        session = await probe_exposure(target, module, context)
    assert session.stranger is not None
    return next(each for each in session.stranger.attempts if each.over_tls)


@pytest.mark.parametrize(
    ("valid", "names", "trust", "failure"),
    [
        (-1, ("127.0.0.1",), True, TLSFailure.EXPIRED),
        (30, ("elsewhere.test",), True, TLSFailure.NAME),
        (30, ("127.0.0.1",), False, TLSFailure.AUTHORITY),
    ],
)
async def test_tls_certificate_not_accepted_its_expiry_is_known(
    tmp_path: Path, valid: int, names: tuple[str, ...], trust: bool, failure: TLSFailure
) -> None:
    made = make_certificates(tmp_path, names=names, valid=datetime.timedelta(days=valid))
    async with archive(serving(made)) as port:
        found = await ours("127.0.0.1", port, tls_settings(ca_file=made.authority if trust else None))
    assert found.association is Outcome.TLS_FAILURE
    assert found.tls is not None
    assert (found.tls.failure, found.tls.certificate_trusted, found.tls.version) == (failure, False, None)
    assert found.tls.certificate_expiry == made.server_expiry.timestamp()
    async with http.server(http.answers(204), serving(made)) as web:
        over_https = await dicomweb(web.url, tls=tls_settings(ca_file=made.authority if trust else None).context)
    assert over_https.tls is not None
    assert (over_https.tls.failure, over_https.tls.certificate_trusted) == (failure, False)
    assert over_https.tls.certificate_expiry == made.server_expiry.timestamp()


@contextlib.asynccontextmanager
async def handshakes(context: ssl.SSLContext) -> AsyncIterator[int]:
    """The port of a server that shakes hands and hangs up. A thread's, as asyncio's servers send no alert."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                connection.settimeout(10)
                with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as tls:
                    try:
                        tls.do_handshake()
                        tls.recv(1)
                    except ssl.SSLError:  # what is unread would turn the end into RST, which overtakes the alert
                        with socket.socket(fileno=tls.detach()) as raw:
                            raw.settimeout(10)
                            raw.shutdown(socket.SHUT_WR)
                            while raw.recv(4096):
                                pass

    serving_thread = asyncio.create_task(asyncio.to_thread(serve))
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        await serving_thread


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_server_that_demands_a_certificate_says_so(
    certificates: Certificates, version: ssl.TLSVersion
) -> None:
    context = serving(certificates)
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificates.authority)
    async with handshakes(context) as port:
        found = await ours("127.0.0.1", port, tls_settings(ca_file=certificates.authority))
    if version is ssl.TLSVersion.TLSv1_3 and found.association is Outcome.CLOSED:
        return  # the handshake was over, and the end of the connection came before its alert was read
    assert found.tls is not None
    assert found.tls.failure is TLSFailure.CERTIFICATE_DEMANDED
    assert found.tls.client_certificate_required


async def test_tls_something_else_than_tls_is_not_tls(certificates: Certificates) -> None:
    async with hostile.server(plain.greets(b"SSH-2.0-OpenSSH_9.6\r\n")) as server:
        found = await ours("127.0.0.1", server.port, tls_settings(ca_file=certificates.authority))
        assert len(server.connections) == 1, "nothing more would show"
    assert found.tls is not None
    assert found.tls.failure is TLSFailure.NOT_TLS


async def test_tls_version_that_is_obsolete_is_the_failure(certificates: Certificates) -> None:
    obsolete = serving(certificates)
    obsolete.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        obsolete.minimum_version = obsolete.maximum_version = ssl.TLSVersion.TLSv1_1
    for server in (handshakes, archive):
        async with server(obsolete) as port:
            found = await ours("127.0.0.1", port, tls_settings(ca_file=certificates.authority))
        assert found.tls is not None
        assert found.tls.failure is TLSFailure.VERSION


async def test_tls_rsa_key_transport_alone_needs_the_legacy_profile(tmp_path: Path) -> None:
    certificate, key = _rsa_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:AES256-SHA256")
    async with archive(context) as port:
        default = await ours("127.0.0.1", port, tls_settings(ca_file=certificate))
        legacy = await ours("127.0.0.1", port, tls_settings(ca_file=certificate, minimum_profile=TLSProfile.LEGACY))
    assert default.tls is not None
    assert default.tls.failure is TLSFailure.CIPHER
    assert legacy.association is Outcome.SUCCESS


def _rsa_certificate(directory: Path) -> tuple[Path, Path]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rsa")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = directory / "rsa.pem", directory / "rsa.key"
    certificate_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_path, key_path


async def test_tls_certificate_that_nobody_needs_does_not_count(tmp_path: Path) -> None:
    made = make_certificates(tmp_path / "good")
    old = make_certificates(tmp_path / "old", valid=datetime.timedelta(days=-5))
    chain = tmp_path / "chain.pem"
    chain.write_bytes(made.server.read_bytes() + old.server.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, made.server_key)
    async with archive(context) as port:
        verifying = await ours("127.0.0.1", port, tls_settings(ca_file=made.authority))
        trusting = await ours("127.0.0.1", port, tls_settings())
    for found in (verifying, trusting):
        assert found.tls is not None
        assert found.tls.certificate_expiry == made.server_expiry.timestamp()
        assert found.tls.chain_expiry == old.server_expiry.timestamp()


async def test_tls_dot_at_the_end_of_a_host_is_the_resolvers_alone(tmp_path: Path) -> None:
    made = make_certificates(tmp_path, names=(NAME,))

    def dns(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    async with archive(only_named(made)) as port:
        found = await ours(f"{NAME}.", port, tls_settings(ca_file=made.authority), getaddrinfo=dns)
    assert found.association is Outcome.SUCCESS
    async with http.server(http.answers(204), only_named(made)) as web:
        url = f"https://{NAME}.:{web.port}/dicom-web"
        over_https = await dicomweb(url, tls=tls_settings(ca_file=made.authority).context, getaddrinfo=dns)
        assert next(request.headers["Host"] for request in web.requests) == f"{NAME}:{web.port}"
    assert over_https.status == 204


@pytest.mark.parametrize("alert", [ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE, ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME])
async def test_stranger_with_a_known_server_name_gets_past_a_gateway(certificates: Certificates, alert: int) -> None:
    async with archive(only_named(certificates, alert)) as port:
        found = await strangers(port, "127.0.0.1", NAME)
        assert any(query.matches for query in found.queries.values())
        assert not found.doubts
        without = await strangers(port)
    assert without.outcome is Outcome.TLS_FAILURE
    assert without.doubts == {UnknownReason.TLS_HANDSHAKE}


async def test_stranger_at_a_port_that_speaks_no_tls_is_in_no_doubt_about_names() -> None:
    async with hostile.server(plain.greets(b"SSH-2.0-OpenSSH_9.6\r\n")) as server:
        found = await strangers(server.port, "127.0.0.1", NAME)
    assert found.tls is not None
    assert found.tls.failure is TLSFailure.NOT_TLS
    assert not found.doubts


async def test_stranger_certificate_demanded_is_no_doubt(certificates: Certificates) -> None:
    context = serving(certificates)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificates.authority)
    async with archive(context) as port:
        found = await strangers(port)
    assert found.tls is not None
    assert found.tls.client_certificate_required
    assert not found.doubts


async def test_tls_tickets_without_end_are_cut_off(certificates: Certificates) -> None:
    """No limit of DICOM counts them, as they are none of its bytes."""
    context = serving(certificates)
    context.num_tickets = 4000
    async with archive(context) as port:
        found = await ours("127.0.0.1", port, tls_settings(ca_file=certificates.authority))
    assert found.association is Outcome.PROTOCOL_ERROR


@contextlib.asynccontextmanager
async def talking(talk: Callable[[socket.socket], object]) -> AsyncIterator[int]:
    """The port of a server that lets `talk` have its first connection, in a thread, until the client is gone."""
    if openssl.NAME is None:
        missing("there is no libssl", "libssl3")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                talk(connection)

        serving_thread = asyncio.create_task(asyncio.to_thread(serve))
        yield listener.getsockname()[1]
        async with asyncio.timeout(60):
            await serving_thread


async def test_tls_key_updates_without_end_are_cut_off(certificates: Certificates) -> None:
    count = 0

    def talk(connection: socket.socket) -> None:
        nonlocal count
        count = openssl.key_updates(connection, certificates.server, certificates.server_key)

    async with talking(talk) as port:
        found = await ours("127.0.0.1", port, tls_settings(ca_file=certificates.authority))
    assert found.association is Outcome.PROTOCOL_ERROR
    assert count > 1000, "they are sent as fast as they are read"


async def test_tls_records_of_one_byte_without_end_are_cut_off(certificates: Certificates) -> None:
    data = wire.associate_ac({1: wire.ACCEPTED}) + wire.pdu(wire.P_DATA, b"", length=60_000)

    def talk(connection: socket.socket) -> None:
        openssl.tiny_records(connection, certificates.server, certificates.server_key, data)

    async with talking(talk) as port:
        found = await ours("127.0.0.1", port, tls_settings(ca_file=certificates.authority))
    assert Outcome.PROTOCOL_ERROR in (found.association, None if found.echo is None else found.echo.outcome)


async def test_tls_certificate_that_cannot_be_read_hides_nothing(certificates: Certificates) -> None:
    """X.509 has versions up to 3. The library that reads the dates raises for version 9; OpenSSL takes it."""
    der = ssl.PEM_cert_to_DER_cert(certificates.server.read_text())
    version_3, version_9 = bytes.fromhex("a003020102"), bytes.fromhex("a003020108")
    assert der.count(version_3) == 1
    certificates.server.write_text(ssl.DER_cert_to_PEM_cert(der.replace(version_3, version_9)))
    async with archive(serving(certificates)) as port:
        found = await strangers(port)
    assert found.outcome is Outcome.SUCCESS
    assert found.queries["studies"].matches == 2
    assert found.tls is not None
    assert found.tls.certificate_expiry is None
