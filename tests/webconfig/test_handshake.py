"""What a client gets over TLS, and how soon a change of the file or of a certificate applies."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError, ClientSession
from structlog.testing import capture_logs

from tests.testing.peers import Certificates, make_certificates
from tests.testing.serving import client_context, replace, serving
from tests.testing.web_config import TLS

pytestmark = pytest.mark.loopback

MUTUAL = TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "web.yml"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


async def test_tls_request_is_answered(file: Path, certificates: Certificates) -> None:
    async with serving(file, TLS) as server:
        context = client_context(certificates)
        status, text, _ = await server.get(scheme="https", context=context)
        assert (status, text) == (200, "https")
        status, text, _ = await server.get()
        assert (status, text) == (400, "Client sent an HTTP request to an HTTPS server.\n")
        with pytest.raises(ClientConnectionError):
            await server.get(scheme="https")  # does not trust its authority


async def test_tls_new_certificate_is_used_at_next_handshake(file: Path, certificates: Certificates) -> None:
    async with serving(file, TLS) as server:
        first = await serial(server.port)
        assert await serial(server.port) == first
        make_certificates(file.parent)
        second = await serial(server.port)
        assert second != first
        assert await serial(server.port) == second


async def test_tls_broken_certificate_fails_handshakes_until_corrected(file: Path, certificates: Certificates) -> None:
    async with serving(file, TLS) as server:
        context = client_context(certificates)
        key = certificates.server_key.read_text()
        with capture_logs() as logs:
            replace(certificates.server_key, "no key\n")
            for _ in range(3):
                with pytest.raises(ClientConnectionError):
                    await server.get(scheme="https", context=context)
        (line,) = logs
        assert line["log_level"] == "error"
        assert "web.yml:3: tls_server_config.key_file: 'server.key' holds no private key" in line["error"]
        replace(certificates.server_key, key)
        assert await server.status(scheme="https", context=context) == 200


async def test_tls_broken_file_fails_handshakes_with_alert(file: Path, certificates: Certificates) -> None:
    async with serving(file, TLS) as server:
        server.write("tls_server_config: [")
        with pytest.raises(ssl.SSLError, match="INTERNAL_ERROR"):
            await serial(server.port)
        assert await server.status() == 500
        server.write(TLS)
        await serial(server.port)


async def test_tls_can_be_switched_on_and_off(file: Path, certificates: Certificates) -> None:
    context = client_context(certificates)
    async with serving(file, "") as server, ClientSession(f"http://127.0.0.1:{server.port}") as client:
        async with client.get("/") as response:
            assert response.status == 200
        server.write(TLS)
        async with client.get("/") as response:  # the connection was there before
            assert response.status == 400
        assert await server.status(scheme="https", context=context) == 200
        server.write("{}")
        assert await server.status() == 200


async def test_tls_client_without_certificate_is_refused(file: Path, certificates: Certificates) -> None:
    async with serving(file, MUTUAL) as server:
        assert await server.status(scheme="https", context=client_context(certificates, certificate=True)) == 200
        with pytest.raises(ClientConnectionError):
            await server.get(scheme="https", context=client_context(certificates))


async def test_tls_client_of_another_authority_is_refused(
    file: Path, certificates: Certificates, tmp_path: Path
) -> None:
    async with serving(file, MUTUAL) as server:
        context = client_context(certificates)
        other = make_certificates(tmp_path / "other")
        context.load_cert_chain(other.client, other.client_key)
        with capture_logs() as logs, pytest.raises(ClientConnectionError):
            await server.get(scheme="https", context=context)
        assert [line["event"] for line in logs] == ["TLS handshake failed"]


async def test_tls_optional_client_certificate_must_be_valid(
    file: Path, certificates: Certificates, tmp_path: Path
) -> None:
    text = MUTUAL.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")
    async with serving(file, text + "  client_allowed_sans: [monitor.test.example]\n") as server:
        assert await server.status(scheme="https", context=client_context(certificates)) == 200
        assert await server.status(scheme="https", context=client_context(certificates, certificate=True)) == 200
        context = client_context(certificates)
        other = make_certificates(tmp_path / "other")
        context.load_cert_chain(other.client, other.client_key)
        with pytest.raises(ClientConnectionError):
            await server.get(scheme="https", context=context)


async def test_tls_client_allowed_sans_admits_only_these_names(file: Path, certificates: Certificates) -> None:
    context = client_context(certificates, certificate=True)
    async with serving(file, MUTUAL + "  client_allowed_sans: [one, monitor.test.example]\n") as server:
        assert await server.status(scheme="https", context=context) == 200
        server.write(MUTUAL + "  client_allowed_sans: [one, MONITOR.test.example]\n")
        with capture_logs() as logs, pytest.raises(ClientConnectionError):
            await server.get(scheme="https", context=context)
        assert "client certificate refused" in [line["event"] for line in logs]


async def test_tls_client_certificate_may_be_its_own_authority(file: Path, certificates: Certificates) -> None:
    """Go trusts every certificate in client_ca_file, whoever signed it."""
    async with serving(file, MUTUAL.replace("ca.pem", "client.pem")) as server:
        assert await server.status(scheme="https", context=client_context(certificates, certificate=True)) == 200


async def test_tls_session_is_not_resumed_after_change(file: Path, certificates: Certificates) -> None:
    context = client_context(certificates, certificate=True)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serving(file, MUTUAL) as server:
        session, _ = await asyncio.to_thread(handshake, server.port, context, None)
        session, resumed = await asyncio.to_thread(handshake, server.port, context, session)
        assert resumed
        server.write(MUTUAL + "  client_allowed_sans: [monitor.test.example]\n")
        _, resumed = await asyncio.to_thread(handshake, server.port, context, session)
        assert not resumed


async def test_tls_refused_client_gets_alert(file: Path, certificates: Certificates, tmp_path: Path) -> None:
    """With the alerts of RFC 8446 6.2, as by a server in Go: Prometheus shows them for a target that is down."""
    other = make_certificates(tmp_path / "other")
    foreign = client_context(certificates)
    foreign.load_cert_chain(other.client, other.client_key)
    old = client_context(certificates)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with serving(file, MUTUAL + "  min_version: TLS13\n") as server:
        for context, alert in (
            (client_context(certificates), "CERTIFICATE_REQUIRED"),
            (foreign, "UNKNOWN_CA"),
            (old, "PROTOCOL_VERSION"),
        ):
            with pytest.raises(ssl.SSLError, match=alert):
                await asyncio.to_thread(handshake, server.port, context, None)


async def test_tls_many_silent_connections_do_not_block_others(file: Path, certificates: Certificates) -> None:
    async with serving(file, TLS) as server:
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(50)]
        assert await server.status(scheme="https", context=client_context(certificates)) == 200
    for reader, writer in silent:
        assert await reader.read() == b""  # closed with the server
        writer.close()
        await writer.wait_closed()


async def test_tls_silent_connections_are_dropped_for_new_ones(file: Path, certificates: Certificates) -> None:
    async with serving(file, TLS, max_opening=3) as server:
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(4)]
        assert await silent[0][0].read() == b""
        assert await server.status(scheme="https", context=client_context(certificates)) == 200
    for _, writer in silent:
        writer.close()
        await writer.wait_closed()


async def test_tls_obsolete_version_and_other_suite_are_refused(file: Path, certificates: Certificates) -> None:
    async with serving(file, TLS + "  min_version: TLS13\n") as server:
        context = client_context(certificates)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ClientConnectionError):
            await server.get(scheme="https", context=context)
        server.write(
            TLS
            + "  max_version: TLS12\n  cipher_suites:\n  - TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\n"
            + "  - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n"
        )
        context.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")
        with pytest.raises(ClientConnectionError):
            await server.get(scheme="https", context=context)
        context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
        assert await cipher(server.port, context) == "ECDHE-ECDSA-AES256-GCM-SHA384"
        server.write(server.file.read_text() + "  prefer_server_cipher_suites: false\n")
        assert await cipher(server.port, context) == "ECDHE-ECDSA-AES128-GCM-SHA256"


async def test_tls_other_curve_is_refused(file: Path, certificates: Certificates) -> None:
    async with serving(file, TLS + "  curve_preferences: [CurveP521]\n") as server:
        context = client_context(certificates)
        context.set_ecdh_curve("secp521r1")
        assert await server.status(scheme="https", context=context) == 200
        context.set_ecdh_curve("secp384r1")
        with pytest.raises(ClientConnectionError):
            await server.get(scheme="https", context=context)


def handshake(
    port: int, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[ssl.SSLSession | None, bool | None]:
    """Connect, send a request, and close: the TLS session, and whether `session` was resumed."""
    with (
        socket.create_connection(("127.0.0.1", port)) as sock,
        context.wrap_socket(sock, server_hostname="127.0.0.1", session=session) as connected,
    ):
        connected.sendall(b"GET / HTTP/1.0\r\n\r\n")
        connected.recv(1)
        return connected.session, connected.session_reused


async def cipher(port: int, context: ssl.SSLContext) -> str:
    """The cipher suite that is negotiated."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    agreed: str = writer.get_extra_info("cipher")[0]
    writer.close()
    await writer.wait_closed()
    return agreed


async def serial(port: int) -> bytes:
    """The certificate that the server presents, whoever signed it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return shown
