"""`dicom_exporter report` with real archives, closed ports, silence, and three hundred targets."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.testing import hostile
from tests.testing.exporting import configure
from tests.testing.hostile import honest
from tests.testing.peers import Orthanc, synthetic
from tests.testing.peers.orthanc import EVERYTHING_OPEN, ONLY_KNOWN
from tests.testing.peers.process import reserved_address
from tests.testing.running import PATIENCE, started

pytestmark = pytest.mark.integration


@pytest.fixture
def refusing() -> Iterator[str]:
    """Where nothing listens."""
    with reserved_address() as address:
        yield str(address)


async def report(directory: Path, *arguments: str) -> tuple[int, str, str]:
    """The exit code, what is on stdout, what is on stderr."""
    async with started("report", *arguments, directory=directory) as running:
        out, err = await running.process.communicate()
    assert running.process.returncode is not None
    return running.process.returncode, out.decode(), err.decode()


def closed(name: str, address: object, **more: object) -> dict[str, object]:
    return {"name": name, "address": str(address), "expect": "closed", **more}


async def test_report_of_open_and_guarded_orthanc(
    orthanc: Callable[..., Orthanc], tmp_path: Path, refusing: str
) -> None:
    is_open, guarded = orthanc(**EVERYTHING_OPEN), orthanc(known={"us": "PROMETHEUS"}, **ONLY_KNOWN)
    is_open.upload(synthetic.studies(20, instances=2))
    guarded.upload(synthetic.studies(3, instances=1))
    configure(
        tmp_path,
        [
            closed("public", f"127.0.0.1:{is_open.dicom.port}", called_ae_title="ORTHANC", labels={"country": "DE"}),
            {
                "name": "guarded",
                "address": f"127.0.0.1:{guarded.dicom.port}",
                "called_ae_title": "ORTHANC",
                "expect": "guarded",
                "labels": {"country": "DE"},
            },
            closed("shut", refusing, labels={"country": "FR"}),
        ],
    )
    code, out, err = await report(tmp_path, "--format=json", "--by=country")
    assert (code, err) == (1, "")
    found = json.loads(out)
    public, behind, shut = found["targets"]
    assert (public["standing"], public["levels"]) == ("exposed", {"dimse": 5})
    assert public["strangers"] == {
        "studies": {"count": 20, "complete": True},
        "patients": {"count": is_open.statistics()["CountPatients"], "complete": True},
        "images": {"count": is_open.statistics()["CountInstances"], "complete": True},
    }
    assert (behind["standing"], behind["levels"], behind["ours"]["studies"]["count"]) == (
        "as expected",
        {"dimse": 2},
        3,
    )
    assert (shut["standing"], shut["reachable"]) == ("as expected", False)
    germany, _ = found["groups"]
    assert (germany["systems"], germany["reachable"], germany["open_to_strangers"]) == (2, 2, 1)


async def test_report_exit_codes(tmp_path: Path, refusing: str) -> None:
    configure(tmp_path, [closed("shut", refusing)])
    assert (await report(tmp_path))[0] == 0
    configure(tmp_path, [{"name": "off", "address": refusing}])
    assert (await report(tmp_path))[0] == 1
    no_echo = {"queries-only": {"echo": False, "queries": {"all": {"model": "study_root", "level": "STUDY"}}}}
    configure(tmp_path, [{"name": "off", "address": refusing, "modules": ["queries-only"]}], modules=no_echo)
    code, out, _ = await report(tmp_path)
    assert (code, "down: off: Association refused: " in out) == (1, True)
    configure(tmp_path, [closed("nowhere", "no-such-host.invalid:104")])
    assert (await report(tmp_path))[0] == 3
    configure(tmp_path, [closed("shut", refusing), {"name": "control", "address": refusing, "expect": "control"}])
    code, out, _ = await report(tmp_path)
    assert code == 3
    assert "blind: control: " in out
    configure(tmp_path, [closed("shut", "no port")])
    code, out, err = await report(tmp_path)
    assert (code, out) == (2, "")
    assert "config.yml:" in err


async def test_report_by_unknown_label_is_an_error(tmp_path: Path, refusing: str) -> None:
    configure(tmp_path, [closed("shut", refusing, labels={"country": "DE"})])
    code, out, err = await report(tmp_path, "--by=contry")
    assert (code, out) == (2, "")
    assert err == "dicom_exporter report: no target has the label contry (did you mean country?)\n"


async def test_report_is_written_to_a_file(tmp_path: Path, refusing: str) -> None:
    configure(tmp_path, [closed("shut", refusing)])
    for name in ("html", "csv", "markdown", "json", "table"):
        code, out, err = await report(tmp_path, "--format", name, "--output", f"report.{name}")
        assert (code, out, err) == (0, "", f"report.{name}: 1 system: 1 as expected.\n")
        assert "shut" in (tmp_path / f"report.{name}").read_text()
    assert (await report(tmp_path, "--output", "no/such/directory"))[0] == 3
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]  # noqa: PTH208 - no partial file is left


async def test_report_follows_no_link_and_is_for_its_owner_alone(tmp_path: Path, refusing: str) -> None:
    configure(tmp_path, [closed("shut", refusing)])
    other = tmp_path / "other"
    other.write_text("kept")
    for link in (".report.csv.part", "report.csv"):
        (tmp_path / link).symlink_to(other)
        assert (await report(tmp_path, "--format=csv", "--output=report.csv"))[0] == 0
        assert other.read_text() == "kept"
        written = tmp_path / "report.csv"
        assert not written.is_symlink()
        assert written.stat().st_mode & 0o777 == 0o600
        written.unlink()


async def test_report_of_300_targets(tmp_path: Path) -> None:
    """An archive on every address of a loopback network, asked by name of its target and by nobody else's."""
    async with hostile.server(honest.honest(matches=2, instances=3), host="0.0.0.0") as server:
        targets = [
            closed(f"pacs-{number}", f"127.1.{number // 250}.{number % 250 + 1}:{server.port}", labels={"site": "x"})
            for number in range(300)
        ]
        configure(tmp_path, targets)
        code, out, _ = await report(tmp_path, "--format=csv", "--by=site")
        assert all(peer.ended_cleanly for peer in await server.ended(600, timeout=60))
    lines = list(csv.DictReader(io.StringIO(out, newline="")))
    assert code == 1
    assert [line["standing"] for line in lines] == ["exposed"] * 300 + ["", ""]
    total = lines[-1]
    assert (total["systems"], total["stranger_studies"], total["stranger_images"]) == ("300", "600", "1800")


async def test_report_ctrl_c_ends_it(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def never_answers(peer: hostile.Peer) -> None:
        await peer.proposal()
        asked.set()

    async with hostile.server(never_answers) as server:
        configure(tmp_path, [{"name": "silent", "address": server.address}])
        async with started("report", directory=tmp_path) as running:
            async with asyncio.timeout(PATIENCE):
                await asked.wait()
            running.process.send_signal(signal.SIGINT)
            out, err = await running.process.communicate()
        (peer,) = await server.ended()
        assert peer.ended_cleanly
    assert (running.process.returncode, out, err) == (3, b"", b"dicom_exporter: interrupted\n")
