"""Debian's Prometheus scrapes the exporter over mutual TLS, with a password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.testing.exporting import until
from tests.testing.peers import make_certificates
from tests.testing.peers.prometheus import prometheus
from tests.testing.protected import exporter
from tests.testing.serving import replace
from tests.testing.web_config import MUTUAL, users

pytestmark = pytest.mark.integration

PROTECTED = MUTUAL + "  client_allowed_sans: [monitor.test.example]\n"


async def test_web_config_prometheus_with_certificate_and_password(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    (tmp_path / "password").write_text("right")
    trust = {"ca_file": str(certificates.authority), "server_name": "localhost"}
    tls = {**trust, "cert_file": str(certificates.client), "key_file": str(certificates.client_key)}
    basic = {"username": "prometheus", "password_file": str(tmp_path / "password")}
    client: dict[str, Any] = {"tls_config": tls, "basic_auth": basic}
    async with exporter(tmp_path, PROTECTED + users(prometheus="right")) as exporting:
        address = f"127.0.0.1:{exporting.port}"
        every = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        static = {**every, "scheme": "https", "static_configs": [{"targets": [address]}]}
        jobs = [
            {"job_name": "right", **static, **client},
            {"job_name": "no-certificate", **static, **client, "tls_config": trust},
            {
                "job_name": "wrong-password",
                **static,
                **client,
                "basic_auth": {"username": "prometheus", "password": "x"},
            },
            {"job_name": "unknown", **static, **client, "basic_auth": {"username": "mallory", "password": "right"}},
            {"job_name": "no-password", **static, "tls_config": tls},
            {
                "job_name": "discovered",
                **every,
                **client,
                "http_sd_configs": [{"url": f"https://{address}/sd", "refresh_interval": "1s", **client}],
            },
        ]
        with prometheus(tmp_path / "prometheus", {"scrape_configs": jobs}) as server:

            async def up() -> dict[str, str]:
                return {each["metric"]["job"]: each["value"][1] for each in await server.query("up")}

            refused = dict.fromkeys(["no-certificate", "wrong-password", "unknown", "no-password"], "0")

            async def as_it_should() -> bool:
                return await up() == {"right": "1", "discovered": "1"} | refused

            await until(as_it_should, "only known users are accepted")
            errors = {
                each["labels"]["job"]: each["lastError"] for each in (await server.ask("targets"))["activeTargets"]
            }
            for job in ("wrong-password", "unknown", "no-password"):
                assert "401 Unauthorized" in errors[job]
            assert "certificate required" in errors["no-certificate"]

            replace(exporting.file, PROTECTED + users(somebody="else"))

            async def nobody_is_up() -> bool:
                return "1" not in (await up()).values()

            await until(nobody_is_up, "a user who was removed is refused")
            replace(exporting.file, PROTECTED + users(prometheus="right"))
            await until(as_it_should, "a user who is back is let in")
