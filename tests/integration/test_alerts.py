"""Archives in each state, the exporter, and Debian's Prometheus with the shipped rules: which alerts fire.

Both ways of scraping at once: all targets on /metrics, and each by itself on /probe, as /sd says. Every `for` is cut to
a second, and nothing else is changed. What compares with yesterday or last week is left to promtool.
"""

from __future__ import annotations

import datetime
import json
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import evt

from deploy.demo_stack.settings import RUNBOOKS, prometheus_config, write_rules
from tests.testing.exporting import exporter, until
from tests.testing.hostile import wire
from tests.testing.peers import Address, Orthanc, dcmtk, make_certificates, synthetic
from tests.testing.peers.orthanc import EVERYTHING_OPEN, ONLY_KNOWN
from tests.testing.peers.prometheus import prometheus

pytestmark = pytest.mark.integration

NOWHERE = "127.0.0.1:1"
JOBS = ("dicom", "dicom-probe")
EXPECTED: Mapping[str, set[str]] = {
    # available or guarded
    "fine": set(),
    "off": {"DicomTargetDown"},
    "no-name": {"DicomTargetDown"},
    "stuck": {"DicomTargetDown"},
    "web-server": {"DicomTargetDown"},
    "fine-no-echo": set(),
    "off-no-echo": {"DicomTargetDown"},
    "refusing-no-echo": {"DicomTargetRefusesUs"},
    "refusing": {"DicomTargetRefusesUs"},
    "full": {"DicomTargetBusy"},
    "expiring": {"DicomCertificateExpiring", "DicomCertificateExpiringSoon"},
    "renewing": {"DicomCertificateExpiring"},
    "web-down": {"DicomWebDown"},
    "web-shut": {"DicomWebRefusesUs"},
    "off-with-web": {"DicomTargetDown", "DicomWebDown"},  # Alertmanager sends only the first
    "broken-database": {"DicomQueryFailing"},
    "read-only": {"DicomStoreFailing"},
    "no-storage": {"DicomStoreRefused"},
    "disk-full": {"DicomStoreOutOfResources"},
    "large": {"DicomQueryTruncated"},
    # what strangers get
    "open": {"DicomPatientDataListed", "DicomExposed"},
    "open-web": {"DicomPatientDataListed", "DicomExposed"},
    "associates": {"DicomExposed"},
    "plain-beside-tls": {"DicomExposed", "DicomPlaintextBesideTLS"},
    "reachable": {"DicomExposedOpenPort"},
    "some-port": {"DicomExposedOpenPort"},
    "closed": set(),
    "closed-no-name": {"DicomExposureUnknown"},
    "guarded-busy": {"DicomExposureUnknown", "DicomTargetBusy"},
    "nobody-looks": {"DicomExposureUnknown"},
    "control": set(),
    "control-off": {"DicomVantageBlind"},
    "control-no-name": {"DicomExposureUnknown"},
}


@contextmanager
def occupied(address: Address, associations: int) -> Iterator[None]:
    """Hold this many associations with an archive, like a client that does not release them."""
    held = []
    try:
        for _ in range(associations):
            connection = socket.create_connection((address.host, address.port), timeout=30)
            held.append(connection)
            connection.sendall(wire.associate_rq({1: "1.2.840.10008.1.1"}, called="DCMQRSCP"))
            assert connection.recv(1) == b"\x02"  # A-ASSOCIATE-AC
        yield
    finally:
        for connection in held:
            connection.close()


def breaks_off(event: evt.Event) -> Iterator[tuple[int, Any]]:
    """A C-FIND that fails in the middle of its answer."""
    yield 0xFF00, event.identifier
    yield 0xC001, None


def names(alerts: list[dict[str, Any]], job: str) -> dict[str, set[str]]:
    """The firing alerts, by target."""
    found: dict[str, set[str]] = {target: set() for target in EXPECTED}
    for alert in alerts:
        if alert["labels"].get("job") == job:
            found.setdefault(alert["labels"].get("target", ""), set()).add(alert["labels"]["alertname"])
    return found


async def test_alerts_fire_for_the_right_targets(
    orthanc: Callable[..., Orthanc],
    dcmqrscp: Callable[..., dcmtk.Server],
    storescp: Callable[..., dcmtk.Server],
    wlmscpfs: Callable[..., dcmtk.Server],
    pynetdicom_scp: Callable[..., Address],
    tmp_path: Path,
) -> None:
    knows_us = orthanc(known={"monitor": "PROMETHEUS"}, **ONLY_KNOWN)
    opened = orthanc(dicomweb=True, **EVERYTHING_OPEN)
    opened.upload(synthetic.studies(3))
    shut = orthanc(
        known={"monitor": "PROMETHEUS"}, dicomweb=True, AuthenticationEnabled=True, RegisteredUsers={"a": "synthetic"}
    )
    knows_others = dcmqrscp(known={"other": "OTHER"})
    full = dcmqrscp(max_associations=1)
    receiver = storescp()
    unwritable = storescp()
    shutil.rmtree(unwritable.directory / "storage")
    worklist = wlmscpfs()
    broken = pynetdicom_scp((evt.EVT_C_FIND, breaks_off))
    soon = make_certificates(tmp_path / "soon", valid=datetime.timedelta(days=2))
    later = make_certificates(tmp_path / "later", valid=datetime.timedelta(days=20))
    secure, secure_too = storescp(tls=soon), storescp(tls=later)
    silent = socket.create_server(("127.0.0.1", 0))
    on_localhost = f"localhost:{receiver.dicom.port}"

    echo = {"modules": ["echo"]}
    no_echo = {"modules": ["queries-only"]}
    known = {"called_ae_title": "ORTHANC"}
    named = {"called_ae_title": "ARCHIVE"}
    targets: list[dict[str, Any]] = [
        {"name": "fine", "address": knows_us.dicom, "expect": "guarded", **known},
        {"name": "off", "address": NOWHERE},
        {"name": "no-name", "address": "no-such-host.invalid:104"},
        {"name": "stuck", "address": f"127.0.0.1:{silent.getsockname()[1]}", **echo},
        {"name": "web-server", "address": opened.http, **echo},
        {"name": "fine-no-echo", "address": opened.dicom, **no_echo},
        {"name": "off-no-echo", "address": NOWHERE, **no_echo},
        {"name": "refusing-no-echo", "address": knows_others.dicom, **no_echo},
        {"name": "refusing", "address": knows_others.dicom},
        {"name": "full", "address": full.dicom, "called_ae_title": "DCMQRSCP", **echo},
        {"name": "expiring", "address": f"localhost:{secure.dicom.port}", "modules": ["tls-soon"], **named},
        {"name": "renewing", "address": f"localhost:{secure_too.dicom.port}", "modules": ["tls-later"]},
        {"name": "web-down", "address": opened.dicom, "dicomweb": "http://127.0.0.1:1/dicom-web", **echo},
        {"name": "web-shut", "address": shut.dicom, "dicomweb": f"http://{shut.http}/dicom-web", **echo},
        {"name": "off-with-web", "address": NOWHERE, "dicomweb": "http://127.0.0.1:1/dicom-web", **echo},
        {"name": "broken-database", "address": broken},
        {"name": "disk-full", "address": unwritable.dicom, "modules": ["bandwidth"]},
        {"name": "no-storage", "address": broken, "modules": ["bandwidth"]},
        {"name": "read-only", "address": worklist.dicom, "called_ae_title": "WORKLIST", "modules": ["bandwidth"]},
        {"name": "large", "address": opened.dicom, "modules": ["recent"]},
        {"name": "open", "address": opened.dicom, "expect": "guarded"},
        {"name": "open-web", "address": NOWHERE, "dicomweb": f"http://{opened.http}/dicom-web", "expect": "closed"},
        {"name": "associates", "address": receiver.dicom, "expect": "closed"},
        {"name": "plain-beside-tls", "address": on_localhost, "expect": "closed", **named},
        {"name": "reachable", "address": knows_us.dicom, "expect": "closed", **known},
        {"name": "some-port", "address": opened.http, "expect": "closed"},
        {"name": "closed", "address": NOWHERE, "expect": "closed"},
        {"name": "closed-no-name", "address": "no-such-host.invalid:104", "expect": "closed"},
        {"name": "guarded-busy", "address": full.dicom, "called_ae_title": "DCMQRSCP", "expect": "guarded"},
        {"name": "nobody-looks", "address": knows_us.dicom, "expect": "guarded", **known, **echo},
        {"name": "control", "address": opened.dicom, "expect": "control"},
        {"name": "control-off", "address": NOWHERE, "expect": "control"},
        {"name": "control-no-name", "address": "no-such-host.invalid:104", "expect": "control"},
        {"name": "empty", "address": shut.dicom, "modules": ["recent-of-all"]},
        {"name": "source", "address": opened.dicom, "modules": ["recent-of-all"]},
    ]
    for target in targets:
        target["labels"] = {"site": "north"}
    studies = {"model": "study_root", "level": "STUDY"}
    modules: dict[str, Any] = {
        "echo": {"timeout": "3s"},
        "tls-soon": {"identity": "tls-soon"},
        "tls-later": {"identity": "tls-later"},
        "bandwidth": {"store": {"count": 1, "size": "1KiB"}},
        "recent": {"queries": {"recent": {**studies, "max_matches": 2}}},
        "queries-only": {"timeout": "3s", "echo": False, "queries": {"all": studies}},
        "recent-of-all": {"queries": {"all": studies}},
    }
    identities = {
        f"tls-{name}": {"calling_ae_title": "PROMETHEUS", "tls": {"ca_file": certificates.authority}}
        for name, certificates in (("soon", soon), ("later", later))
    }
    write_rules(tmp_path / "rules", 10**9, RUNBOOKS)
    compare = [{"source": "source", "destination": "empty", "query": "all"}]
    with silent, occupied(full.dicom, 1):
        async with exporter(tmp_path, targets, modules=modules, identities=identities, compare=compare) as exporting:
            jobs: list[Mapping[str, Any]] = [
                {"job_name": "dicom", "static_configs": [{"targets": [exporting.url.removeprefix("http://")]}]},
                {"job_name": "dicom-probe", "http_sd_configs": [{"url": f"{exporting.url}/sd"}]},
            ]
            settings = json.loads(prometheus_config(jobs, NOWHERE, "../rules/*.yml", scrape="10s", evaluation="1s"))
            with prometheus(tmp_path / "prometheus", settings) as server:

                async def firing() -> list[dict[str, Any]]:
                    return [alert for alert in (await server.ask("alerts"))["alerts"] if alert["state"] == "firing"]

                # Two targets that are compared, and a configuration that is broken: only /metrics reports them.
                expected = {
                    "dicom": {**EXPECTED, "source": {"DicomFlowMissingStudies"}, "": {"DicomReloadFailed"}},
                    "dicom-probe": dict(EXPECTED),
                }
                (tmp_path / "config.yml").write_text("targets: 5")
                assert (await exporting.reload())[0] == 500

                async def all_told() -> bool:
                    alerts = await firing()
                    return all(
                        names(alerts, job).get(target, set()) >= fired
                        for job in JOBS
                        for target, fired in expected[job].items()
                    )

                try:
                    await until(all_told, "all that is expected is firing", 60)
                except TimeoutError:
                    pass  # the comparison says what is missing
                alerts = await firing()
                wrong = {
                    (job, target): (fired, expected[job].get(target, set()))
                    for job in JOBS
                    for target, fired in names(alerts, job).items()
                    if fired != expected[job].get(target, set())
                }
                assert wrong == {}, "fired, and expected"
                assert {alert["labels"].get("site") for alert in alerts if "target" in alert["labels"]} == {"north"}
                groups = (await server.ask("rules"))["groups"]
                often = [group for group in groups if group["interval"] < 60]  # the others have not run yet
                assert {rule["health"] for group in often for rule in group["rules"]} == {"ok"}
