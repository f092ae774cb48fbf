"""`--web.config.file` with curl as the client: what the documentation of exporter-toolkit promises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.testing.exporting import until
from tests.testing.peers import Certificates, make_certificates
from tests.testing.peers.requirements import program
from tests.testing.protected import Exporter, exporter, run
from tests.testing.serving import replace
from tests.testing.web_config import MUTUAL, TLS, users

pytestmark = pytest.mark.integration

RIGHT = ["--user", "alice:right"]

NO_HANDSHAKE, EMPTY_REPLY, ALERT = 35, 52, 56
"""Exit codes of curl if the server ends a handshake: before the client has completed it, or after."""
DISTRUSTS = 60


TRUST = ["--cacert", "ca.pem"]
CERTIFICATE = ["--cert", "client.pem", "--key", "client.key"]


async def exit_code(exporting: Exporter, *flags: str) -> int:
    return (await exporting.curl(*TRUST, *flags))[0]


async def soon(wanted: int, found: Callable[[], Awaitable[int]]) -> None:
    """At the first try, unless a busy machine takes longer to read the file than a request waits for it."""

    async def changed() -> bool:
        return await found() == wanted

    await until(changed, f"{wanted} after the file has changed")


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


async def test_web_config_tls(certificates: Certificates, tmp_path: Path) -> None:
    async with exporter(tmp_path, TLS) as exporting:
        code, text = await exporting.curl(*TRUST, path="/metrics")
        assert code == 0
        assert text.startswith("HTTP/1.1 200 OK")
        assert "dicom_echo_success" in text
        assert (await exporting.curl())[0] == DISTRUSTS
        assert (await exporting.curl(*TRUST, "--tls-max", "1.1"))[0] == NO_HANDSHAKE
        assert await exporting.status(*TRUST, "--tls-max", "1.2") == 200
        code, text = await exporting.curl(scheme="http")
        assert (code, text.split()[1]) == (0, "400")
        assert "Client sent an HTTP request to an HTTPS server." in text
        assert '"__scheme__": "https"' in (await exporting.curl(*TRUST, path="/sd"))[1]


async def test_web_config_inline_certificate(certificates: Certificates, tmp_path: Path) -> None:
    def inline(path: Path) -> str:
        return "|\n" + "".join(f"    {line}\n" for line in path.read_text().splitlines())

    text = f"tls_server_config:\n  cert_file: server.pem\n  key: {inline(certificates.server_key)}"
    async with exporter(tmp_path, text) as exporting:
        assert await exporting.status(*TRUST) == 200


async def test_web_config_mutual_tls(certificates: Certificates, tmp_path: Path) -> None:
    other = make_certificates(tmp_path / "other")
    async with exporter(tmp_path, MUTUAL + "  client_allowed_sans: [one, monitor.test.example]\n") as exporting:
        assert await exporting.status(*TRUST, *CERTIFICATE) == 200
        why = ["--write-out", "%{errormsg}"]
        code, text = await exporting.curl(*TRUST, *why)
        assert (code, "alert certificate required" in text) == (ALERT, True)
        of_another = ["--cert", str(other.client), "--key", str(other.client_key)]
        code, text = await exporting.curl(*TRUST, *of_another, *why)
        assert (code, "alert unknown ca" in text) == (ALERT, True)
        replace(exporting.file, MUTUAL + "  client_allowed_sans: [one, two]\n")
        await soon(EMPTY_REPLY, lambda: exit_code(exporting, *CERTIFICATE))
        line = await exporting.running.logged('msg="client certificate refused" .*')
        assert "client=127.0.0.1" in line[0]


async def test_web_config_hashes_of_htpasswd(certificates: Certificates, tmp_path: Path) -> None:
    htpasswd = [program("htpasswd", "apache2-utils"), "-niBC", "4", "alice"]
    code, line = await run(htpasswd, tmp_path, b"right\n")
    name, _, hashed = line.strip().partition(":")
    assert (code, name, hashed[:7]) == (0, "alice", "$2y$04$")
    async with exporter(tmp_path, f"{TLS}basic_auth_users:\n  alice: {hashed}\n") as exporting:
        for path in ("/", "/metrics", "/-/healthy", "/sd"):
            assert await exporting.status(*TRUST, path=path) == 401
            assert await exporting.status(*TRUST, *RIGHT, path=path) == 200
        assert await exporting.status(*TRUST, "--user", "alice:wrong") == 401
        assert await exporting.status(*TRUST, "--user", "nonexistent:nonexistent") == 401
        assert await exporting.status(*TRUST, "--request", "POST", path="/-/reload") == 401


async def test_web_config_change_applies_to_next_request(certificates: Certificates, tmp_path: Path) -> None:
    async with exporter(tmp_path, TLS + users(alice="right")) as exporting:
        assert await exporting.status(*TRUST, *RIGHT) == 200
        replace(exporting.file, TLS + users(bob="right"))
        await soon(401, lambda: exporting.status(*TRUST, *RIGHT))
        make_certificates(tmp_path / "new")
        for name in ("server.pem", "server.key"):
            (tmp_path / "new" / name).replace(tmp_path / name)
        await soon(DISTRUSTS, lambda: exit_code(exporting))
        assert await exporting.status("--cacert", "new/ca.pem") == 401


async def test_web_config_broken_file_is_500_until_repaired(tmp_path: Path) -> None:
    async with exporter(tmp_path, users(alice="right")) as exporting:
        replace(exporting.file, "basic_auth_users: {alice: oops}\n")
        await soon(500, lambda: exporting.status(*RIGHT, scheme="http"))
        line = (await exporting.running.logged("level=error .*"))[0]
        assert "web.yml:1: basic_auth_users.alice: is not a bcrypt hash" in line
        replace(exporting.file, users(alice="right"))
        await soon(200, lambda: exporting.status(*RIGHT, scheme="http"))


async def test_web_config_idle_connection_does_not_delay_shutdown(certificates: Certificates, tmp_path: Path) -> None:
    async with exporter(tmp_path, TLS) as exporting:
        reader, writer = await asyncio.open_connection("127.0.0.1", exporting.port)  # says nothing
        assert await exporting.status(*TRUST) == 200
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
