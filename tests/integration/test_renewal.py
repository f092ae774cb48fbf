"""Credentials that are renewed while the exporter runs, without a reload: the next probe goes by the new ones."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.testing import hostile
from tests.testing.exporting import Exporter, exporter
from tests.testing.hostile import http
from tests.testing.hostile.parsing import Proposal
from tests.testing.peers import Certificates, make_certificates
from tests.testing.web_probing import tls_front

pytestmark = pytest.mark.integration

TOKEN = "http.bearer_token_file"
UNUSED = "127.0.0.1:1"


def target(name: str, address: str = UNUSED, **keys: Any) -> dict[str, Any]:
    return {"name": name, "address": address, **keys}


def by_rename(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    new.rename(path)


async def stale(exporting: Exporter) -> Mapping[str, float]:
    """Key -> whether its file is stale."""
    page = await exporting.get("/metrics?probe=false")
    name = "dicom_exporter_credential_file_stale"
    return {sample.labels["key"]: sample.value for sample in page.samples if sample.name == name}


async def test_bearer_token_renewed_is_sent_and_a_broken_one_keeps_the_last(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first-token\n")
    identities = {"monitor": {"http": {"bearer_token_file": "token"}}}
    async with http.server(http.answers(200, b"[]", {"Content-Type": "application/dicom+json"})) as server:

        async def sent(exporting: Exporter) -> str:
            page = await exporting.get("/probe?target=web")
            assert page.value("dicomweb_success") == 1
            return server.requests[-1].headers["Authorization"]

        async with exporter(tmp_path, [target("web", dicomweb=server.url)], identities=identities) as exporting:
            assert await sent(exporting) == "Bearer first-token"
            (tmp_path / "token").write_text("second-token\n")
            assert await sent(exporting) == "Bearer second-token"
            by_rename(tmp_path / "token", "third-token")
            assert await sent(exporting) == "Bearer third-token"
            assert await stale(exporting) == {TOKEN: 0}
            (tmp_path / "token").write_text("\ufefffourth-token")
            assert await sent(exporting) == "Bearer third-token"
            assert await stale(exporting) == {TOKEN: 1}
            line = await exporting.running.logged("level=error")
            assert f"key={TOKEN}" in line.string
            assert "begins with a byte order mark" in line.string
            assert "fourth" not in line.string
            status, text = await exporting.reload()
            assert status == 500
            assert f"identities.monitor.{TOKEN}: 'token' begins with a byte order mark" in text
            by_rename(tmp_path / "token", "fifth-token")
            assert await sent(exporting) == "Bearer fifth-token"
            assert await stale(exporting) == {TOKEN: 0}
            await exporting.running.logged(f"credential files read again.*repaired={TOKEN}")
            assert (await exporting.reload())[0] == 200
            assert await sent(exporting) == "Bearer fifth-token"
            for path in ("/config", "/probe?target=web&debug=true"):
                async with exporting.client.get(path) as response:
                    assert "fifth" not in await response.text()


async def test_user_identity_renewed_is_sent(tmp_path: Path) -> None:
    """Both in one scrape of all targets; the query with `every` is not asked anew for that."""
    (tmp_path / "password").write_text("first-password")
    identities = {"monitor": {"user_identity": {"username": "us", "password_file": "password"}}}
    modules = {"count": {"queries": {"studies": {"every": "1h"}}}}
    async with hostile.server(hostile.honest.honest(3)) as server:
        targets = [target("archive", server.address, modules=["count"])]

        def sent() -> bytes:
            proposal = server.connections[-1].requests[0]
            assert isinstance(proposal, Proposal)
            return proposal.user_information[0x58]

        async with exporter(tmp_path, targets, identities=identities, modules=modules) as exporting:
            first = await exporting.get()
            assert sent().endswith(b"first-password")
            (tmp_path / "password").write_text("second-password")
            second = await exporting.get()
            assert sent().endswith(b"second-password")
    run = [page.value("dicom_query_last_run_timestamp_seconds") for page in (first, second)]
    assert run[0] is not None
    assert run[0] == run[1]


def server_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates.authority)
    context.load_cert_chain(certificates.server, certificates.server_key)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_client_certificate_and_authorities_renewed_are_used(tmp_path: Path) -> None:
    old, new = (make_certificates(tmp_path / name) for name in ("old", "new"))
    used = tmp_path / "used"
    used.symlink_to("old")
    identities = {
        "monitor": {
            "tls": {"ca_file": "used/ca.pem", "cert_file": "used/client.pem", "key_file": "used/client.key"},
        }
    }
    async with (
        hostile.server(hostile.honest.honest()) as server,
        tls_front(server.port, server_context(old)) as old_port,
        tls_front(server.port, server_context(new)) as new_port,
    ):
        targets = [target(name, f"127.0.0.1:{port}") for name, port in (("old", old_port), ("new", new_port))]
        async with exporter(tmp_path, targets, identities=identities) as exporting:
            before = await exporting.get()
            (tmp_path / "next").symlink_to("new")
            (tmp_path / "next").rename(used)
            after = await exporting.get()
            assert await stale(exporting) == {"tls.ca_file": 0, "tls.cert_file": 0, "tls.key_file": 0}
            (tmp_path / "new" / "client.key").unlink()
            broken = await exporting.get()
            assert await stale(exporting) == {"tls.ca_file": 0, "tls.cert_file": 0, "tls.key_file": 1}
    outcomes = [(page.outcome("old"), page.outcome("new")) for page in (before, after, broken)]
    assert outcomes == [("success", "tls_failure"), ("tls_failure", "success"), ("tls_failure", "success")]
