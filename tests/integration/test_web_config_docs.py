"""The examples in docs/web-config.md work as they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dicom_exporter import DEFAULT_PORT
from dicom_exporter.webconfig.load import load
from tests.testing.exporting import until
from tests.testing.peers import make_certificates
from tests.testing.peers.prometheus import prometheus
from tests.testing.peers.requirements import program
from tests.testing.protected import exporter, run
from tests.testing.readme import blocks
from tests.testing.web_config import hashed

pytestmark = pytest.mark.integration

DOCS = Path(__file__).parents[2] / "docs" / "web-config.md"
NAME = f"exporter.hospital.example:{DEFAULT_PORT}"


async def test_web_config_docs_steps_work(tmp_path: Path) -> None:
    certificate, htpasswd, rest = blocks("sh", DOCS)
    web, scrape, mutual = blocks("yaml", DOCS)
    program("openssl", "openssl")
    assert (await run(["sh", "-ec", certificate], tmp_path))[0] == 0
    assert htpasswd.startswith("htpasswd -nBC")
    (line,) = [line for line in web.splitlines() if "$2y$10$" in line]
    text = web.replace(line.split()[1], hashed("right").decode())
    assert text.count("\n") == web.count("\n")
    assert text != web
    (tmp_path / "web.yml").write_text(web)
    load(str(tmp_path / "web.yml"))
    (tmp_path / "password").write_text("right")
    (job,) = yaml.safe_load(scrape)["scrape_configs"]
    async with exporter(tmp_path, text) as exporting:
        (curl,) = [line for line in rest.splitlines() if line.startswith("curl ")]
        to = f"--connect-to {NAME}:127.0.0.1:{exporting.port}"
        command = f"{curl.replace('curl', f'curl --silent --max-time 30 {to}')}".replace(
            "prometheus", "prometheus:right"
        )
        program("curl", "curl")
        assert await run(["sh", "-ec", command], tmp_path) == (0, "OK\n")

        job |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
        job["static_configs"] = [{"targets": [f"127.0.0.1:{exporting.port}"]}]
        job["tls_config"] = {"ca_file": str(tmp_path / "exporter.pem"), "server_name": "exporter.hospital.example"}
        job["basic_auth"]["password_file"] = str(tmp_path / "password")
        with prometheus(tmp_path / "prometheus", {"scrape_configs": [job]}) as server:

            async def up() -> bool:
                return [each["value"][1] for each in await server.query("up")] == ["1"]

            await until(up, "Prometheus scrapes it")
    make_certificates(tmp_path)
    (tmp_path / "ca.pem").rename(tmp_path / "clients-ca.pem")
    (tmp_path / "web.yml").write_text(mutual)
    load(str(tmp_path / "web.yml"))
