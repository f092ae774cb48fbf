"""From an archive to the pager: Orthanc, the exporter, Debian's Prometheus and Alertmanager with what is shipped.

The shipped rules and routes are used as `make demo-stack` uses them: each `for` and each wait is shorter, the receivers
are here, and nothing else is changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from deploy.demo_stack.pages import receiver
from deploy.demo_stack.settings import RUNBOOKS, alertmanager_config, prometheus_config, write_rules
from tests.testing.exporting import configure, until
from tests.testing.paging import Inbox, Page, forwarder
from tests.testing.peers import Orthanc, synthetic
from tests.testing.peers.alertmanager import alertmanager
from tests.testing.peers.orthanc import EVERYTHING_OPEN, ONLY_KNOWN
from tests.testing.peers.process import reserved_address
from tests.testing.peers.prometheus import Prometheus, prometheus
from tests.testing.running import started

pytestmark = pytest.mark.integration

TIMES_FASTER = 30
LISTED = "DicomPatientDataListed"
EXPOSURE = (LISTED, "DicomExposed", "DicomExposedOpenPort", "DicomNewlyExposed")


async def evaluated(server: Prometheus) -> dict[str, str]:
    """When each group of rules was evaluated last, without the one that is evaluated each hour."""
    groups = (await server.ask("rules"))["groups"]
    return {group["name"]: group["lastEvaluation"] for group in groups if group["interval"] < 3600}


async def evaluated_again(server: Prometheus, times: int) -> None:
    """Wait until the server has evaluated each group of rules so many times more."""
    for _ in range(times):
        before = await evaluated(server)

        async def evaluated_again(before: dict[str, str] = before) -> bool:
            now = await evaluated(server)
            return all(now[name] != when for name, when in before.items())

        await until(evaluated_again, "every group of rules is evaluated once more")


def is_late(page: Page) -> bool:
    """The alerts of main-pacs are resolved one by one: first `LISTED`, then those below it."""
    (status, alert, target) = page.what
    return status == "resolved" and alert in EXPOSURE and alert != LISTED and target == "main-pacs"


async def test_paging_each_expected_page_arrives_and_no_other(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    closed = orthanc(known={"monitor": "PROMETHEUS"}, **ONLY_KNOWN)
    opened = orthanc(**EVERYTHING_OPEN)
    opened.upload(synthetic.studies(3))
    inbox = Inbox()
    write_rules(tmp_path / "rules", TIMES_FASTER, RUNBOOKS)
    async with AsyncExitStack() as stack:
        archive = await stack.enter_async_context(forwarder())
        hook = await stack.enter_async_context(receiver(inbox.receive, 0))
        await archive.forward_to(closed.dicom)
        configure(
            tmp_path,
            [
                {
                    "name": "main-pacs",
                    "address": archive.address,
                    "called_ae_title": "ORTHANC",
                    "expect": "guarded",
                    "labels": {"site": "south", "country": "DE"},
                },
                # Open all the time; the receiver of its site is broken, which must not delay the others.
                {"name": "leak", "address": opened.dicom, "expect": "closed", "labels": {"site": "north"}},
                {"name": "outside", "address": opened.dicom, "expect": "control"},
            ],
        )
        exporter = await stack.enter_async_context(started("--web.listen-address=127.0.0.1:0", directory=tmp_path))
        url = await exporter.url()
        jobs: list[Mapping[str, Any]] = [
            {"job_name": "dicom", "static_configs": [{"targets": [url.removeprefix("http://")]}]}
        ]
        pagers = {
            "http://pager.hospital.example/north": f"http://{stack.enter_context(reserved_address())}/",
            "http://pager.": f"{hook}/pager",
            "http://tickets.": f"{hook}/tickets",
        }
        manager = stack.enter_context(alertmanager(tmp_path / "alertmanager", alertmanager_config(pagers)))
        settings = prometheus_config(jobs, str(manager.address), "../rules/*.yml", scrape="3s", evaluation="1s")
        server = stack.enter_context(prometheus(tmp_path / "prometheus", json.loads(settings)))

        async def suppressed() -> list[str]:
            alerts = await manager.alerts()
            return [
                each["labels"]["alertname"]
                for each in alerts
                if each["labels"].get("target") == "leak" and each["status"]["inhibitedBy"]
            ]

        # main-pacs is as expected; of the open archive, only the most severe alert is sent.
        await until(suppressed, "the alert about patient data is sent")
        assert await suppressed() == ["DicomExposed"]
        assert [page.what for page in inbox.pages] == []

        # It is opened.
        await archive.forward_to(opened.dicom)
        page = await inbox.arrival("firing", LISTED, "main-pacs")
        assert page.receiver == "pager"
        assert page.labels["severity"] == "critical"
        assert (page.labels["site"], page.labels["country"], page.labels["protocol"]) == ("south", "DE", "dimse")
        assert page.annotations["level"] == "5"
        assert "EXPOSED: main-pacs shows patients' studies to strangers" in page.annotations["summary"]
        assert page.annotations["runbook_url"] == f"{RUNBOOKS}/runbooks/{LISTED}"
        runbook = page.annotations["runbook_url"].replace(RUNBOOKS, url)
        async with ClientSession() as client, client.get(runbook) as response:
            assert response.status == 200
            assert "What to do" in await response.text()

        # It is closed again.
        count = len(inbox.pages)
        await archive.forward_to(closed.dicom)
        await inbox.arrival("resolved", LISTED, "main-pacs", after=count)

        # It is stopped: down, and not exposed.
        count = len(inbox.pages)
        await archive.forward_to(None)
        page = await inbox.arrival("firing", "DicomTargetDown", "main-pacs", after=count)
        assert page.receiver == "pager"
        assert page.annotations["summary"] == "DOWN: main-pacs does not answer"
        assert "with the outcome refused" in page.annotations["description"]
        assert page.annotations["runbook_url"] == f"{RUNBOOKS}/runbooks/DicomTargetDown"
        assert not [page for page in inbox.pages[count:] if page.labels["alertname"] in EXPOSURE and not is_late(page)]

        # The exporter is killed: there is no new result of any archive, and no alert is resolved.
        count = len(inbox.pages)
        exporter.process.kill()
        await inbox.arrival("firing", "DicomExporterDown", after=count)
        await evaluated_again(server, 3)
        assert {page.what for page in inbox.pages[count:] if not is_late(page)} == {("firing", "DicomExporterDown", "")}
        assert LISTED in await suppressed()
        assert "outside" not in {page.labels.get("target") for page in inbox.pages}
