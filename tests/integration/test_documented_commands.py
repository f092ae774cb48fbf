"""The shell lines of the README and of docs/ work as they are written. Each is run here, or named with a reason.

Those of the runbooks and of docs/web-config.md have tests of their own.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
import yaml
from aiohttp import ClientSession

from tests.testing import hostile, readme
from tests.testing.exporting import exporter, until
from tests.testing.peers.alertmanager import alertmanager
from tests.testing.peers.prometheus import prometheus
from tests.testing.peers.requirements import program
from tests.testing.running import Running, started

pytestmark = pytest.mark.integration

ROOT = readme.PATH.parent
PAGES = [readme.PATH, *(page for page in sorted(ROOT.glob("docs/*.md")) if page.stem not in ("web-config", "windows"))]
STARTS = (
    r"(\$ )?(\S*/bin/\S+|make|curl|sed|amtool|install|ln|cp|mkdir|openssl|podman|docker|helm|kubectl|sh|systemctl|"
    r"journalctl|python3|dicom_exporter) "
)
NOT_HERE: Mapping[str, str] = {
    r"make \S+": "tests/test_readme.py: the target exists",
    r"systemctl |journalctl ": "no service manager runs in a test; tests/deploy/test_systemd.py checks the units",
    r"podman |docker |helm |kubectl |sh deploy/kubernetes": "tests/deploy/ checks image, compose, chart and manifests",
    r"python3 -m venv|\S+ -m pip install": "tests/test_wheel.py installs it",
    r"\S+ -m pytest|\S+ -m grafana\.build$": "these are tests, and what tests/grafana/test_built.py compares",
    r"ssh ": "it needs another machine",
    r"dicom_exporter report --prometheus": "tests/integration/test_report_over_time.py: it needs weeks of records",
    r"curl -s localhost:10104/metrics|\S+ probe 127\.0\.0\.1:11113": "below: it needs the demo",
}
"""Beginning of a line that is not run below -> why not."""


def lines() -> list[str]:
    """All shell lines, each once, without their comments."""
    found = []
    for page in PAGES:
        for language in ("", "sh"):
            for block in readme.blocks(language, page):
                text = block.replace("\\\n", " ")
                found += [line for line in text.splitlines() if language == "sh" or re.match(STARTS, line)]
    return list(dict.fromkeys(re.sub(r"^\$ |  +#.*$", "", line).strip() for line in found if line))


def run_here() -> list[str]:
    """Those that are run."""
    return [line for line in lines() if not any(re.match(beginning, line) for beginning in NOT_HERE)]


def test_documented_commands_that_are_not_run_exist() -> None:
    for beginning in NOT_HERE:
        assert any(re.match(beginning, line) for line in lines()), beginning


@pytest_asyncio.fixture
async def places(tmp_path: Path) -> AsyncIterator[Mapping[str, str]]:
    """What the lines name -> what it is here: directories of the system, an exporter and an Alertmanager that run."""
    for name, package in (("curl", "curl"), ("openssl", "openssl"), ("amtool", "prometheus-alertmanager")):
        program(name, package)
    shut = {"name": "shut", "address": "127.0.0.1:1", "expect": "closed", "labels": {"country": "DE"}}
    for name in ("deploy", "grafana", "prometheus"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "prometheus" / "rules", tmp_path / "rules")
    shutil.copy(ROOT / "config.example.yml", tmp_path)
    page = tmp_path / "opt" / "dicom_exporter" / "share" / "man" / "man1" / "dicom_exporter.1"
    page.parent.mkdir(parents=True)
    shutil.copy(ROOT / "docs" / page.name, page)
    for directory in (
        "etc/systemd/system",
        "etc/grafana/provisioning/dashboards",
        "etc/grafana/provisioning/datasources",
    ):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "usr/local/bin").mkdir(parents=True)
    receivers = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
    with alertmanager(tmp_path / "alertmanager", receivers) as alerts:
        async with exporter(tmp_path, [shut], probe={"allow": ["127.0.0.0/8"]}) as exporting:
            yield {
                "localhost:10104": exporting.url.removeprefix("http://"),
                "http://alertmanager.hospital.example:9093": f"http://{alerts.address}",
                "10.20.3.4:11112": "127.0.0.1:1",
                " /etc/": f" {tmp_path}/etc/",
                " /usr/": f" {tmp_path}/usr/",
                " /opt/": f" {tmp_path}/opt/",
                "dicom_exporter report": f"{sys.executable} -m dicom_exporter report",
                ".venv/bin/python": sys.executable,
            }


async def run(command: str, directory: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", command),
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_documented_commands_work(places: Mapping[str, str], tmp_path: Path) -> None:
    said = {}
    assert len(run_here()) > 15
    for line in run_here():
        command = line
        if not line.startswith("sed "):
            command = re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], line)
        code, said[line] = await run(command, tmp_path)
        assert code == 0, f"{command}: {code}\n{said[line]}"
    for part, expected in (
        ("/probe?target=", "dicom_echo_outcome{"),
        ("report --by country", "1 system: 1 as expected"),
    ):
        (text,) = [text for line, text in said.items() if part in line]
        assert expected in text
    assert "DICOM archives" in (tmp_path / "report.html").read_text()
    assert "exporter.hospital.example" in (tmp_path / "rules" / "exposure.yml").read_text()
    assert (tmp_path / "usr/local/share/man/man1/dicom_exporter.1").stat().st_size > 1000


async def started_demo(demo: Running) -> tuple[str, str]:
    """The URL of the demo's exporter, and the address of its guarded archive."""
    said = ""
    while "Ctrl-C" not in said:
        line = await demo.said()
        assert line
        said += line
    url, guarded = re.search(r"The exporter: (\S+)", said), re.search(r"demo-guarded +(\S+)", said)
    assert url is not None
    assert guarded is not None
    return url[1], guarded[1]


def normalised(text: str) -> str:
    """Without addresses and times."""
    return " ".join(re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", re.sub(r"\d+\.\d$", "N", text, flags=re.M)).split())


async def test_documented_output_of_the_demo_is_what_is_seen(tmp_path: Path) -> None:
    metrics, probe = (block for block in readme.blocks("") if block.startswith("$ "))
    async with started("demo", "--web.listen-address=127.0.0.1:0", directory=tmp_path) as demo:
        url, guarded = await started_demo(demo)
        async with ClientSession() as client, client.get(f"{url}/metrics") as response:
            seen = (await response.text()).splitlines()
        for line in metrics.splitlines()[1:]:  # shortened: labels may be left out, and times differ
            start, labels, value = re.fullmatch(r"(\w+\{)(.*)\} (\S+)", line).groups()  # type: ignore[union-attr]
            same = [
                each for each in seen if each.startswith(start) and all(label in each for label in labels.split(","))
            ]
            assert len(same) == 1, line
            assert start.endswith("_seconds{") or same[0].endswith(f" {value}")
        command, _, shown = probe.removeprefix("$ ").partition("\n")
        words = command.replace("127.0.0.1:11113", guarded).replace(
            ".venv/bin/dicom_exporter", f"{sys.executable} -m dicom_exporter"
        )
        code, said = await run(words, tmp_path)
        assert code == 0
        assert normalised(said) == normalised(shown)


async def test_documented_job_for_targets_in_prometheus_works(tmp_path: Path) -> None:
    (text,) = [block for block in readme.blocks("yaml", ROOT / "docs" / "discovery.md") if "__param_target" in block]
    configured = [{"name": "configured", "address": "127.0.0.1:1"}]
    async with (
        hostile.server(hostile.honest.honest(3)) as server,
        exporter(tmp_path, configured, probe={"allow": ["127.0.0.0/8"]}) as exporting,
    ):
        for before, after in (
            ("10.20.3.4:11112", server.address),
            ("10.20.3.5:11112", "127.0.0.1:1"),
            ("exporter.hospital.example:10104", exporting.url.removeprefix("http://")),
        ):
            assert before in text
            text = text.replace(before, after)
        jobs = [
            {**job, "scrape_interval": "1s", "scrape_timeout": "1s"} for job in yaml.safe_load(text)["scrape_configs"]
        ]
        with prometheus(tmp_path / "prometheus", {"scrape_configs": jobs}) as prom:

            async def found() -> bool:
                shown = await prom.query('dicom_echo_success{site="north"}')
                return {each["metric"]["target"]: each["value"][1] for each in shown} == {
                    server.address: "1",
                    "127.0.0.1:1": "0",
                }

            await until(found, "each target has its own series")
            assert len(await prom.query('dicom_target_info{expect="available", called_ae_title="ARCHIVE"}')) == 2
