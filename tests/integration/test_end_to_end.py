"""config.yml in, /metrics out: the exporter as a process of its own, against real archives and some hostile ones."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.testing import hostile
from tests.testing.exporting import Exposition, configure, exporter
from tests.testing.hostile import Event, Peer
from tests.testing.peers import Certificates, Orthanc, dcmtk, synthetic
from tests.testing.peers.requirements import program

pytestmark = pytest.mark.integration

METRICS_PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
EVERYWHERE = "0.0.0.0"
"""All of 127.0.0.0/8, so that one server is many addresses."""
EVERY_TIME = {"timeout": "10s", "queries": {"studies": {}}}
"""As the built-in `availability`, with a query that is asked on each scrape."""


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port where nothing listens: it is bound, so that no other program can take it meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield int(sock.getsockname()[1])


def show_phases(shown: Exposition, target: str) -> None:
    """Print what a developer wants to see (`pytest -s`); how long something took is for benchmarks to judge."""
    phases = [f"{phase} {seconds * 1000:.2f}" for phase, seconds in shown.phases(target).items()]
    sys.stdout.write(f"{target}, ms: {', '.join(phases)}\n")


async def test_exporter_orthanc_counts_200_studies(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    archive = orthanc(known={"monitor": "PROMETHEUS"})
    archive.upload(synthetic.studies(150))
    archive.upload(synthetic.studies(50, instances=4, first=151))
    targets = [
        {"name": "all", "address": archive.dicom, "modules": ["count"], "labels": {"site": "north"}},
        {"name": "some", "address": archive.dicom, "modules": ["bounded"]},
    ]
    bounded = {"queries": {"studies": {"max_matches": 50}}}
    async with exporter(tmp_path, targets, modules={"count": EVERY_TIME, "bounded": bounded}) as exporting:
        shown = await exporting.get()
        show_phases(shown, "all")
        assert shown.value("dicom_target_info", target="all", site="north", expect="available") == 1
        assert shown.values("dicom_echo_success") == [1, 1]
        assert shown.value("dicom_studies_visible", target="all") == 200
        assert shown.value("dicom_images_visible", target="all") == 150 + 50 * 4
        assert shown.value("dicom_query_complete", target="all") == 1
        assert shown.value("dicom_studies_visible", target="some") == 50
        assert shown.value("dicom_query_complete", target="some") == 0
        assert shown.query_outcome("some") == "truncated"

        alone = await exporting.get("/probe?target=all")
        assert alone.value("dicom_studies_visible", identity="monitor") == 200
        assert 'target="' not in alone.text

        archive.process.wait_for_log(r"(?s)(Association Release.*){3}")
        assert archive.log.count("Association Received from AET PROMETHEUS") == 3
        assert "abort" not in archive.log.lower()

        archive.stop()
        shown = await exporting.get()
        assert (shown.outcome("all"), shown.outcome("some")) == ("refused", "refused")
        assert shown.values("dicom_echo_success") == [0, 0]
        assert shown.values("dicom_studies_visible") == []


async def test_target_has_as_many_series_as_the_docs_say(
    orthanc: Callable[..., Orthanc], closed_port: int, tmp_path: Path
) -> None:
    """An archive that lets everybody in and lists several studies; the default module has at most 35 series."""
    archive = orthanc(DicomAlwaysAllowFind=True)
    archive.upload(synthetic.studies(3))
    modules = {"availability": ["availability"], "exposure": ["exposure"], "both": ["availability", "exposure"]}
    targets = [
        {
            "name": f"{name}-{kind}",
            "address": address,
            "called_ae_title": "ORTHANC",
            "modules": chosen,
            "expect": "guarded",
        }
        for kind, address in (("answers", archive.dicom), ("refuses", f"127.0.0.1:{closed_port}"))
        for name, chosen in modules.items()
    ]
    async with exporter(tmp_path, targets) as exporting:
        shown = await exporting.get()
    count = Counter(sample.labels.get("target", "") for sample in shown.samples)
    documented = {
        name: (int(answers), int(refuses))
        for name, answers, refuses in re.findall(
            r"^\| (?:module `)?(availability|exposure|both)`? \| (\d+) \| (\d+) \|$", METRICS_PAGE.read_text(), re.M
        )
    }
    assert documented == {name: (count[f"{name}-answers"], count[f"{name}-refuses"]) for name in modules}
    assert count["availability-answers"] <= 35


async def test_exporter_dcmtk_is_probed(
    dcmqrscp: Callable[..., dcmtk.Server],
    storescp: Callable[..., dcmtk.Server],
    certificates: Certificates,
    tmp_path: Path,
) -> None:
    archive = dcmqrscp(known={"monitor": "PROMETHEUS"})
    plain = storescp()
    secure = storescp(tls=certificates)
    mutual = storescp(tls=certificates, require_client_certificate=True)
    identities = {
        "secure": {"calling_ae_title": "SECURE", "tls": {"ca_file": str(certificates.authority)}},
        "mutual": {
            "calling_ae_title": "MUTUAL",
            "tls": {
                "ca_file": str(certificates.authority),
                "cert_file": str(certificates.client),
                "key_file": str(certificates.client_key),
            },
        },
    }
    targets = [
        {"name": "dcmqrscp", "address": archive.dicom, "called_ae_title": "DCMQRSCP"},
        {"name": "storescp", "address": plain.dicom},
        {"name": "secure", "address": secure.dicom, "modules": ["secure"]},
        {"name": "mutual", "address": mutual.dicom, "modules": ["mutual"]},
        {"name": "uninvited", "address": mutual.dicom, "modules": ["secure"]},
        {"name": "plain-to-tls", "address": secure.dicom},
    ]
    modules = {name: {"identity": name} for name in identities}
    async with exporter(tmp_path, targets, identities=identities, modules=modules) as exporting:
        shown = await exporting.get()
    for name in ("dcmqrscp", "storescp", "secure", "mutual"):
        show_phases(shown, name)
        assert (name, shown.outcome(name)) == (name, "success")
    assert shown.query_outcome("dcmqrscp") == "empty"
    assert shown.query_outcome("storescp") == "unsupported"
    assert shown.value("dicom_studies_visible", target="storescp") is None
    expiry = shown.value("dicom_tls_certificate_expiry_timestamp_seconds", target="secure")
    assert expiry == certificates.server_expiry.timestamp()
    assert shown.outcome("uninvited") == "tls_failure"
    assert shown.outcome("plain-to-tls") in ("closed", "aborted", "not_dicom")


async def test_exporter_orthanc_rejecting_us_is_not_down(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    strict = orthanc(
        known={"other": "OTHER"}, DicomCheckCalledAet=True, DicomAlwaysAllowEcho=False, DicomAlwaysAllowStore=False
    )
    default = orthanc()
    targets = [
        {"name": "strict", "address": strict.dicom, "called_ae_title": "ORTHANC"},
        {"name": "default", "address": default.dicom},
    ]
    async with exporter(tmp_path, targets) as exporting:
        shown = await exporting.get()
    assert shown.outcome("strict") == "rejected"
    reason = "calling-ae-title-not-recognized"
    assert shown.value("dicom_association_rejected_info", target="strict", reason=reason) == 1
    assert shown.query_outcome("strict") == "no_association"
    assert shown.outcome("default") == "success"
    assert shown.query_outcome("default") in ("refused", "aborted")
    assert shown.values("dicom_studies_visible") == []


async def test_exporter_hundred_targets_with_forty_hostile_end_in_time(tmp_path: Path) -> None:
    hanging = asyncio.Event()

    async def hangs(peer: Peer) -> None:
        hanging.set()

    async with AsyncExitStack() as stack:
        healthy = await stack.enter_async_context(hostile.server(hostile.honest.honest(), host=EVERYWHERE))
        silent = await stack.enter_async_context(hostile.server(hangs, host=EVERYWHERE))
        addresses = {f"healthy-{n}": f"127.0.1.{n}:{healthy.port}" for n in range(1, 61)}
        addresses |= {f"hangs-{n}": f"127.0.2.{n}:{silent.port}" for n in range(1, 31)}
        addresses |= {f"gone-{n}": f"127.0.3.{n}:1" for n in range(1, 11)}
        targets = [{"name": name, "address": address} for name, address in addresses.items()]
        exporting = await stack.enter_async_context(exporter(tmp_path, targets))

        scrape = asyncio.create_task(exporting.get(timeout=5))
        await asyncio.wait_for(hanging.wait(), 5)
        async with exporting.client.get("/-/healthy") as response:
            assert response.status == 200
        assert not scrape.done()
        async with asyncio.timeout(5):  # what the header promised, and the healthy answer took some of it
            shown = await scrape

        assert {shown.outcome(f"healthy-{n}") for n in range(1, 61)} == {"success"}
        assert {shown.outcome(f"hangs-{n}") for n in range(1, 31)} == {"no_answer"}
        assert {shown.outcome(f"gone-{n}") for n in range(1, 11)} == {"refused"}
        assert sum(shown.values("dicom_echo_success")) == 60
        for peer in await silent.ended(30):
            assert Event.ABORTED in peer.events


async def test_exporter_floods_are_bounded_in_memory(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        giant = await stack.enter_async_context(hostile.server(hostile.plain.giant_pdu()))
        endless = await stack.enter_async_context(hostile.server(hostile.find.endless_matches()))
        unbounded = await stack.enter_async_context(hostile.server(hostile.find.endless_matches()))
        targets: list[dict[str, object]] = [
            {"name": "giant", "address": giant.address},
            {"name": "endless", "address": endless.address, "modules": ["bounded"]},
            {"name": "unbounded", "address": unbounded.address, "modules": ["unbounded"]},
        ]
        modules = {
            "bounded": EVERY_TIME,
            "unbounded": {"timeout": "2s", "queries": {"studies": {"max_matches": 1_000_000_000}}},
        }
        exporting = await stack.enter_async_context(exporter(tmp_path, targets, modules=modules))

        memory, matches = [], []
        for _ in range(3):
            shown = await exporting.get()
            assert shown.outcome("giant") == "protocol_error"
            assert shown.query_outcome("endless") == "truncated"
            assert shown.value("dicom_query_matches", target="endless") == 1000
            assert shown.query_outcome("unbounded") in {"timeout", "overload"}  # the latter on a busy machine
            matches += shown.values("dicom_query_matches", target="unbounded")
            memory += shown.values("process_resident_memory_bytes")
        mebibytes = [f"{each / 2**20:.1f}" for each in memory]
        sys.stdout.write(f"matches without end: {matches}; memory in MiB: {', '.join(mebibytes)}\n")
        assert all(count > 1_000 for count in matches)
        assert max(memory) - memory[0] < 16 * 2**20
        for server in (giant, endless):
            for peer in await server.ended(len(server.connections)):
                assert peer.ended_cleanly


async def test_exporter_metrics_pass_promtool_check(
    orthanc: Callable[..., Orthanc], closed_port: int, tmp_path: Path
) -> None:
    archive = orthanc(known={"monitor": "PROMETHEUS"})
    archive.upload(synthetic.studies(3))
    targets: list[dict[str, object]] = [
        {"name": "up", "address": archive.dicom, "expect": "guarded"},
        {"name": "down", "address": f"127.0.0.1:{closed_port}", "expect": "closed"},
    ]
    async with exporter(tmp_path, targets) as exporting:
        for path in ("/metrics", "/probe?target=up", "/probe?target=down"):
            done = await asyncio.to_thread(
                subprocess.run,
                [program("promtool", "prometheus"), "check", "metrics"],
                input=(await exporting.get(path)).text,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert (path, done.returncode, done.stdout + done.stderr) == (path, 0, "")


@pytest.mark.parametrize("arguments", [[], ["--config.check"]], ids=["serve", "check"])
def test_exporter_five_mistakes_give_five_lines(arguments: list[str]) -> None:
    testdata = Path(__file__).parent.parent / "config" / "testdata"
    done = subprocess.run(
        [sys.executable, "-m", "dicom_exporter", "--config.file=five-mistakes.yml", *arguments],
        cwd=testdata,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert [line.split(":")[:2] for line in lines] == [["five-mistakes.yml", str(n)] for n in (7, 10, 11, 12, 14)]


async def test_exporter_reloads_by_signal_and_by_post(
    pynetdicom_scp: Callable[..., object], closed_port: int, tmp_path: Path
) -> None:
    first = {"name": "first", "address": pynetdicom_scp()}
    second = {"name": "second", "address": f"127.0.0.1:{closed_port}"}
    async with exporter(tmp_path, [first]) as exporting:
        configure(tmp_path, [{**first, "expect": "close"}, second])
        status, said = await exporting.reload()
        assert status == 500
        assert "'close' is not one of available, guarded, closed, control" in said
        await exporting.running.logged("not reloaded: the running configuration stays")
        shown = await exporting.get()
        assert shown.value("dicom_exporter_config_last_reload_successful") == 0
        assert shown.outcome("first") == "success"
        assert shown.value("dicom_target_info", target="second") is None

        configure(tmp_path, [first, second])
        exporting.hang_up()
        await exporting.running.logged('msg="configuration reloaded" targets=2')
        shown = await exporting.get()
        assert shown.value("dicom_exporter_config_last_reload_successful") == 1
        assert (shown.outcome("first"), shown.outcome("second")) == ("success", "refused")
