"""The health region of the demo, as the exporter sees it: each kind of peer has the expected result."""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from dicom_exporter.config import Config, load
from dicom_exporter.demo import demo_region, region_targets
from dicom_exporter.demo.loopback import has_whole_net
from dicom_exporter.demo.targets import LEAST, NAMED, TargetKind, more_targets
from dicom_exporter.enums import QueryOutcome
from dicom_exporter.metrics import families, flow_families
from dicom_exporter.metrics.queries import QUERY_FAMILIES
from dicom_exporter.metrics.targets import EXPOSURE_FAMILIES, FLOW_FAMILIES, SESSION_FAMILIES, TARGET_FAMILIES
from dicom_exporter.prober.prober import Prober
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.results import SessionResult
from dicom_exporter.verdict.comparison import MissingSince, missing_studies
from tests.testing.running import started

pytestmark = pytest.mark.integration

TARGETS = 40
NOT_IN_THE_DEMO = {
    "dicom_target_addresses",  # of targets whose host is a name; those of the demo have IP addresses
    "dicom_target_addresses_failed",
    "dicom_tls_failure",  # of our own identities; the TLS archive of the demo is trusted
    "dicomweb_tls_failure",
    "dicom_tls_dh_size",  # no server of the demo has finite-field Diffie-Hellman
    "dicom_tls_profile_required",  # none of its targets has to keep a profile
    "dicom_peer_release_year",  # of Orthanc, which the demo does not run
}
"""Metrics that no target of the demo shows."""
Found = tuple[Config, list[ProbeRecord]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """One of each kind, and some more."""
    yield from region(tmp_path_factory.mktemp("region"), TARGETS if has_whole_net() else 0)


@pytest.fixture(scope="module")
def least(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """The smallest region."""
    yield from region(tmp_path_factory.mktemp("least"), LEAST)


def region(directory: Path, targets: int) -> Iterator[Found]:
    """A region, and one scrape of everything in it."""
    with demo_region(directory, region_targets(targets), first_port=0) as region:
        config_file = directory / "config.yml"
        config_file.write_text(region.config_text)
        config = load([config_file])
        yield config, asyncio.run(scraped(config))


async def scraped(config: Config) -> list[ProbeRecord]:
    prober = Prober(config)
    try:
        # A few at a time: the peers are threads of this very process, and busy must not look like slow.
        groups = [config.targets[first : first + 6] for first in range(0, len(config.targets), 6)]
        return [result for group in groups for result in await prober.probe_targets(group, timeout=None)]
    finally:
        await prober.close()


def session(found: Found, target: str, identity: str = "monitor") -> SessionResult:
    (result,) = (result for result in found[1] if result.target.name == target)
    return next(session for session in result.sessions if session.identity == identity)


def outcome(found: Found, target: str, identity: str = "monitor") -> str:
    echo = session(found, target, identity).echo
    assert echo is not None
    return echo.outcome.value


def test_region_has_each_kind_of_exposure(found: Found) -> None:
    levels = {record.target.name: record.verdict.levels for record in found[1] if record.verdict is not None}
    named = {
        name: dict(levels[name])
        for name in (
            "demo-closed", "demo-hospital", "demo-filtered", "demo-viewer", "demo-guarded", "demo-tls",
            "demo-mutual-tls", "demo-refuses-queries", "demo-empty", "demo-open", "demo-control",
            "demo-clinic", "demo-images", "demo-busy", "demo-dicomweb", "demo-dicomweb-login",
        )
    }  # fmt: skip
    assert named == {
        "demo-hospital": {"dimse": 2, "dicomweb": 2, "web": 2},
        "demo-closed": {"dimse": 0},
        "demo-filtered": {"dimse": 0},
        "demo-viewer": {"dimse": 1, "web": 1},
        "demo-guarded": {"dimse": 2},
        "demo-tls": {"dimse": 2},
        "demo-mutual-tls": {"dimse": 2},
        "demo-refuses-queries": {"dimse": 3},
        "demo-empty": {"dimse": 4},
        "demo-open": {"dimse": 5},
        "demo-control": {"dimse": 5},
        "demo-clinic": {"dimse": 6},
        "demo-images": {"dimse": 7},
        "demo-busy": {"dimse": None},
        "demo-dicomweb": {"dimse": 2, "dicomweb": 5},
        "demo-dicomweb-login": {"dimse": 2, "dicomweb": 2},
    }


def test_region_shows_each_kind_of_unavailability(found: Found) -> None:
    named = "demo-down", "demo-drift", "demo-busy", "demo-silent", "demo-slow", "demo-vendor", "demo-restarts"
    outcomes = {name: outcome(found, name) for name in named}
    assert outcomes == {
        "demo-down": "refused",
        "demo-drift": "rejected",
        "demo-busy": "busy",
        "demo-silent": "no_answer",
        "demo-slow": "success",
        "demo-vendor": "success",
        "demo-restarts": "success",
    }
    assert outcome(found, "demo-tls", "monitor-tls") == "success"
    assert outcome(found, "demo-hospital", "monitor-tls") == "success"
    assert outcome(found, "demo-mutual-tls", "monitor-tls") == "success"


def test_region_counts_are_those_of_the_archives(found: Found) -> None:
    assert session(found, "demo-large").queries["studies"].outcome is QueryOutcome.TRUNCATED
    activity = session(found, "demo-worklist").queries
    assert activity["worklist"].matches == 5
    assert activity["last_month"].matches_by["ModalitiesInStudy"]
    assert (
        missing_studies(found[0].compare, [record.result for record in found[1]], MissingSince(), 0.0)[0].missing == 3
    )


def lacking(found: Found) -> set[str]:
    """Metrics without a sample."""
    config, scraped = found
    flows = missing_studies(config.compare, [record.result for record in scraped], MissingSince(), 0.0)
    shown = {metric.name for metric in [*families(scraped, target_label=True), *flow_families(flows)]}
    tables = (TARGET_FAMILIES, SESSION_FAMILIES, QUERY_FAMILIES, EXPOSURE_FAMILIES, FLOW_FAMILIES)
    return {family.name for table in tables for family in table} - shown


def test_region_every_metric_has_a_sample(found: Found) -> None:
    """The demo has data for every panel of the dashboards."""
    assert lacking(found) == NOT_IN_THE_DEMO


def test_region_of_three_targets_shows_nearly_all_metrics(least: Found) -> None:
    assert len(least[0].targets) == LEAST
    assert lacking(least) == NOT_IN_THE_DEMO | {
        "dicom_exposure_unknown_reason",
        "dicom_association_rejected_info",
        "dicom_probe_last_run_timestamp_seconds",
        "dicom_tls_client_certificate_required",
        "dicom_tls_profile_kept",
        "dicom_tls_suites_accepted",
        "dicom_tls_version_accepted",
    }


@pytest.mark.skipif(not has_whole_net(), reason="only Linux can listen on all of 127.0.0.0/8 at once")
def test_region_more_targets_have_own_addresses(found: Found) -> None:
    targets = found[0].targets
    assert len(targets) == TARGETS
    addresses = Counter(str(target.address) for target in targets)
    assert [address for address, times in addresses.items() if times > 1] == []
    late = [result.target for result in found[1] for session in result.sessions if session.duration is None]
    assert late == []


def test_region_is_the_same_on_every_run() -> None:
    assert more_targets(40) == more_targets(40)
    assert more_targets(300)[:40] == more_targets(40)
    assert {target.expect for target in (*NAMED, *more_targets(100))} == {"available", "guarded", "closed", "control"}


@pytest.mark.parametrize(("flag", "targets"), [("--peers=all", NAMED), (f"--targets={LEAST}", NAMED[:LEAST])])
async def test_demo_command_lists_its_targets(flag: str, targets: tuple[TargetKind, ...], tmp_path: Path) -> None:
    async with started("demo", flag, "--web.listen-address=127.0.0.1:0", directory=tmp_path) as demo:
        greeting = ""
        while "Ctrl-C" not in greeting:
            line = await demo.said()
            assert line, "it ended before it had said all"
            greeting += line
        assert [target.name for target in targets if target.name not in greeting] == []
        example = re.search(r"/probe\?target=([^']+)'", greeting)
        assert example is not None
        assert example[1] in {target.name for target in targets}
        url = re.search(r"The exporter: (\S+)", greeting)
        assert url
        async with aiohttp.ClientSession() as client, client.get(f"{url[1]}/-/healthy") as response:
            assert response.status == 200
        demo.process.send_signal(signal.SIGTERM)
        assert await demo.ended() == 0
        assert demo.process.stderr is not None
        async with asyncio.timeout(10):
            assert await demo.process.stderr.read() == b""
