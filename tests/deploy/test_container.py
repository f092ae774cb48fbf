"""The container image: few rights, a read-only root, a health check, and an orderly stop."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.deploy.images import USER, Image, build_image
from tests.testing.exporting import parsed
from tests.testing.peers.process import Address, process, reserved_address

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]  # the first test builds the image

HEALTHCHECK = ["python3", "/opt/dicom_exporter/healthcheck.py"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    with build_image(tmp_path_factory.mktemp("image")) as built:
        yield built


def test_image_runs_exporter_as_nobody(image: Image) -> None:
    config = json.loads(image.inspection)["Docker"]["config"]
    assert config["User"] == USER
    assert config["Entrypoint"] == ["dicom_exporter"]
    assert config["Cmd"] == ["--config.file=/etc/dicom_exporter/config.yml"]
    assert config["ExposedPorts"] == {"10104/tcp": {}}
    assert config["Healthcheck"]["Test"] == ["CMD", *HEALTHCHECK]


def test_image_has_no_tests_sources_or_pip(image: Image) -> None:
    program = image.root / "opt" / "dicom_exporter"
    assert not list(program.rglob("pip"))
    assert not list(image.root.rglob("test_container.py"))
    assert not (image.root / "src").exists()


@pytest.fixture
def reserved() -> Iterator[tuple[Address, Address]]:
    with reserved_address() as one, reserved_address() as other:
        yield one, other


def test_image_serves_from_read_only_root_and_stops_on_sigterm(
    image: Image, tmp_path: Path, reserved: tuple[Address, Address]
) -> None:
    address, closed = reserved
    config = tmp_path / "config"
    config.mkdir()
    (config / "config.yml").write_text(f"targets:\n  - name: nothing\n    address: {closed}\n")
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o755)  # pytest lets nobody but us in
    (image.root / "etc" / "dicom_exporter").mkdir(exist_ok=True)
    entry = ["/opt/dicom_exporter/bin/dicom_exporter", "--config.file=/etc/dicom_exporter/config.yml"]
    command = image.command([*entry, f"--web.listen-address={address}"], mount=config)
    with process(command, tmp_path, "exporter") as exporter:
        exporter.wait_for_log("listening")
        with urlopen(f"http://{address}/metrics", timeout=60) as response:
            metrics = response.read().decode()
        assert parsed(metrics).outcome("nothing") == "refused"
        user = USER.partition(":")[0]
        assert f"\nUid:\t{user}\t{user}\t" in Path(f"/proc/{exporter.pid}/status").read_text()
        assert _healthy(image, str(address))
    assert "msg=stopped" in exporter.log
    assert not _healthy(image, str(address))


def _healthy(image: Image, address: str) -> bool:
    done = subprocess.run(image.command([*HEALTHCHECK, address]), capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0
