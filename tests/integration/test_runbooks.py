"""The commands in the runbooks work, against real archives and the exporter."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.testing.exporting import exporter
from tests.testing.peers import Certificates, Orthanc, synthetic
from tests.testing.peers.orthanc import EVERYTHING_OPEN
from tests.testing.peers.prometheus import prometheus
from tests.testing.peers.requirements import program
from tests.testing.rules import PROMETHEUS, RUNBOOKS

pytestmark = pytest.mark.integration

_EXPOSED = "--exposure"
"""`probe` exits with 1 if the archive is open, like this one."""
_OF_TLS = "^dicom_tls_"
"""`grep` exits with 1 if there is no such series: this archive has no TLS."""


def commands() -> list[str]:
    """Every shell command in the runbooks, each once, in their order."""
    blocks = [
        block
        for page in sorted(RUNBOOKS.glob("*.md"))
        for block in re.findall(r"^```sh\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    ]
    return list(dict.fromkeys(line for block in blocks for line in block.splitlines() if line))


def here(command: str, places: Mapping[str, str]) -> str:
    """`command` with the addresses of this test."""
    for example, own in places.items():
        command = command.replace(example, own)
    assert ".example" not in command, command
    return command


@pytest_asyncio.fixture
async def places(
    orthanc: Callable[..., Orthanc],
    certificates: Certificates,
    tmp_path: Path,
) -> AsyncIterator[Mapping[str, str]]:
    """Archives and an exporter that runs, as the runbooks call them -> where they are."""
    for name, package in (("curl", "curl"), ("ss", "iproute2"), ("openssl", "openssl"), ("promtool", "prometheus")):
        program(name, package)
    archive = orthanc(dicomweb=True, **EVERYTHING_OPEN)
    archive.upload(synthetic.studies(3))
    secure = orthanc(tls=certificates, **EVERYTHING_OPEN)
    target = {
        "name": "main-pacs",
        "address": archive.dicom,
        "called_ae_title": "PACS",
        "expect": "guarded",
        "dicomweb": f"http://{archive.http}/dicom-web",
    }
    with prometheus(tmp_path / "prometheus", {}) as server:
        async with exporter(tmp_path, [target]) as exporting:
            yield {
                "pacs.hospital.example:2762": str(secure.dicom),
                "pacs.hospital.example:104": str(archive.dicom),
                "pacs.hospital.example 104": f"{archive.dicom.host} {archive.dicom.port}",
                "pacs.hospital.example/104": f"{archive.dicom.host}/{archive.dicom.port}",
                "http://pacs.hospital.example": f"http://{archive.http}",
                "getent hosts pacs.hospital.example": "getent hosts localhost",
                "http://localhost:10104": exporting.url,
                "http://localhost:9090": f"http://{server.address}",
                "prometheus/prometheus.yml": str(PROMETHEUS / "prometheus.yml"),
                "dicom_exporter ": f"{shlex.quote(sys.executable)} -m dicom_exporter ",
            }


async def test_runbook_commands_work(places: Mapping[str, str], tmp_path: Path) -> None:
    assert len(commands()) > 20
    for command in commands():
        process = await asyncio.create_subprocess_exec(
            *("bash", "-o", "pipefail", "-c", here(command, places)),
            cwd=tmp_path,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
        expected = 1 if _EXPOSED in command or _OF_TLS in command else 0
        assert process.returncode == expected, f"{command}: {process.returncode}\n{said.decode(errors='replace')}"
        assert b"SYNTHETIC" not in said, f"{command} shows who the patients are"
