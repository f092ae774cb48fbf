"""Which runbook fits, and how it is shown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dicom_exporter.config import Address, Target
from dicom_exporter.enums import LadderService, Outcome, QueryOutcome, SecureProfile, StoreOutcome, WebAnswer
from dicom_exporter.pages import runbooks
from dicom_exporter.results import (
    Attempt,
    EchoResult,
    QueryResult,
    SessionResult,
    StoreResult,
    StrangerResult,
    WebResult,
)
from dicom_exporter.verdict import findings
from tests import builders
from tests.testing.in_process import exporter
from tests.testing.pages import get, pages, target_path

TEXT = """\
# An archive is open

Look at the [page of the target](../targets/main), then at [the next](DicomTargetDown.md).

| step | who |
|---|---|
| close it | the firewall's owner |

```
curl -s localhost
```

<script>alert(1)</script>
"""
ALERTS = (
    "DicomCanaryFailing",
    "DicomExposed",
    "DicomExposedOpenPort",
    "DicomExposureUnknown",
    "DicomPatientDataListed",
    "DicomProbeCloseToTimeout",
    "DicomQueryFailing",
    "DicomStoreFailing",
    "DicomStoreOutOfResources",
    "DicomStoreRefused",
    "DicomStudiesOverdue",
    "DicomTLSBelowProfile",
    "DicomTargetBusy",
    "DicomTargetDown",
    "DicomTargetNotScraped",
    "DicomTargetRefusesUs",
    "DicomTargetUnknown",
    "DicomVantageBlind",
    "DicomWebDown",
    "DicomWebRefusesUs",
)


RULES = Path(__file__).parents[2] / "prometheus" / "rules"


def test_alerts_of_this_test_exist_in_the_rules() -> None:
    rules = "".join(file.read_text() for file in RULES.glob("*.yml"))
    assert set(ALERTS) - set(re.findall(r"alert: (\w+)", rules)) == set()


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ALERTS:
        (tmp_path / f"{name}.md").write_text(TEXT)
    (tmp_path / "secret.txt").write_text("tops3cr3t")
    monkeypatch.setattr(runbooks, "_DIRECTORIES", (tmp_path / "not-there", tmp_path))
    _forget()
    yield tmp_path
    _forget()


def _forget() -> None:
    for function in (runbooks._files, runbooks.names, runbooks.index, runbooks._rendered):
        function.cache_clear()


def echoed(outcome: Outcome, **more: object) -> SessionResult:
    return replace(builders.GOOD, echo=EchoResult(outcome), **more)  # type: ignore[arg-type]


def climbed(attempt: Attempt) -> SessionResult:
    return replace(builders.SHUT, stranger=StrangerResult((attempt,)))


@pytest.mark.parametrize(
    ("target", "session", "name"),
    [
        (builders.OK_TARGET, builders.GOOD, None),
        (builders.OK_TARGET, builders.DOWN, "DicomTargetDown"),
        (builders.OK_TARGET, builders.REJECTED, "DicomTargetRefusesUs"),
        (builders.OK_TARGET, echoed(Outcome.BUSY), "DicomTargetBusy"),
        (builders.OK_TARGET, echoed(Outcome.OVERLOAD), "DicomTargetUnknown"),
        (
            builders.OK_TARGET,
            replace(builders.GOOD, queries={"x": QueryResult(QueryOutcome.REFUSED)}),
            "DicomQueryFailing",
        ),
        (builders.OK_TARGET, replace(builders.GOOD, store=StoreResult(StoreOutcome.FAILED)), "DicomStoreFailing"),
        (
            builders.OK_TARGET,
            replace(builders.GOOD, store=StoreResult(StoreOutcome.OUT_OF_RESOURCES)),
            "DicomStoreOutOfResources",
        ),
        (builders.OK_TARGET, replace(builders.GOOD, store=StoreResult(StoreOutcome.SOP_CLASS)), "DicomStoreRefused"),
        (builders.OK_TARGET, replace(builders.GOOD, dicomweb=WebResult(WebAnswer.OTHER)), "DicomWebDown"),
        (builders.OK_TARGET, replace(builders.GOOD, dicomweb=WebResult(WebAnswer.DENIED)), "DicomWebRefusesUs"),
        (builders.SHUT_TARGET, builders.SHUT, None),
        (builders.SHUT_TARGET, climbed(Attempt(Outcome.REJECTED)), "DicomExposedOpenPort"),
        (builders.SHUT_TARGET, climbed(Attempt(Outcome.SUCCESS)), "DicomExposed"),
        (
            builders.SHUT_TARGET,
            climbed(Attempt(Outcome.SUCCESS, queries={"studies": QueryResult(QueryOutcome.ALLOWED, matches=1)})),
            "DicomPatientDataListed",
        ),
        (builders.SHUT_TARGET, climbed(Attempt(Outcome.SUCCESS, identity_seen=True)), "DicomPatientDataListed"),
        (builders.SHUT_TARGET, builders.UNRESOLVED, "DicomExposureUnknown"),
        (builders.BLIND_TARGET, builders.SHUT, "DicomVantageBlind"),
        (
            replace(builders.OK_TARGET, tls_profile=SecureProfile.BCP195),
            replace(builders.OPEN, tls_postures={LadderService.DIMSE: (builders.OLD_TLS,)}),
            "DicomTLSBelowProfile",
        ),
    ],
)
def test_runbook_for_finding_is_that_of_its_alert(target: Target, session: SessionResult, name: str | None) -> None:
    assert runbooks.runbook_for(builders.recent(target, session).findings) == name


def test_alerts_of_this_test_are_those_named_in_the_code() -> None:
    sources = Path(findings.__file__).read_text() + Path(runbooks.__file__).read_text()
    assert set(re.findall(r'"(Dicom[A-Za-z]+)"', sources)) == set(ALERTS)


def test_runbook_for_never_probed_target() -> None:
    assert runbooks.runbook_for((), probed=False) == "DicomTargetNotScraped"


def test_runbook_for_missing_file_is_none(directory: Path) -> None:
    (directory / "DicomTargetDown.md").unlink()
    assert runbooks.runbook_for(builders.recent(builders.OK_TARGET, builders.DOWN).findings) is None


def test_index_has_severity_and_meaning_the_most_severe_first(directory: Path) -> None:
    (directory / "DicomExposed.md").write_text("# X\n\n## What it means\n\nIt is `open`: to [all](x). More.\n")
    index = runbooks.index()
    assert list(index) == ["critical", "warning"]
    assert index["critical"]["DicomExposed"] == "It is open: to all."
    assert "DicomTargetBusy" in index["warning"]


@pytest.mark.loopback
async def test_get_runbooks_list_and_page() -> None:
    async with exporter() as client:
        listed = await get(client, "/runbooks/")
        assert set(ALERTS) <= set(listed.links)
        page = await get(client, "/runbooks/DicomExposed")
        assert "An archive is open" in page.text
        assert {"h1", "table", "pre"} <= set(page.elements)
        assert "<script>alert(1)</script>" in page.text
        await get(client, "/runbooks/DicomTargetDown.md")


@pytest.mark.loopback
@pytest.mark.parametrize("name", ["secret", "secret.txt", "..", "%2e%2e", "DicomExposed.md.md", "%00"])
async def test_get_runbook_other_name_is_not_found(name: str) -> None:
    async with exporter() as client, client.get(f"/runbooks/{name}") as response:
        assert "tops3cr3t" not in await response.text()
        assert response.status in (200, 404)
        assert response.status == 404 or str(response.url).endswith("/")


@pytest.mark.loopback
async def test_target_page_links_runbook() -> None:
    async with pages() as (client, _):
        page = await get(client, target_path(builders.EXPOSED_TARGET))
    assert "What to do: DicomPatientDataListed" in page.text
    assert f"../runbooks/DicomPatientDataListed?target={builders.EXPOSED_TARGET.name}" in page.links


def test_rendered_for_a_target_has_its_address_in_the_commands_only(directory: Path) -> None:
    target = replace(builders.OK_TARGET, name="a b;`x`", address=Address("10.0.0.9", 11112), called_ae_title="MY PACS")
    (directory / "DicomExposed.md").write_text(
        "pacs.hospital.example\n\n```sh\nechoscu -aec PACS pacs.hospital.example 104\n"
        "curl 'http://localhost/probe?target=main-pacs'\n```\n"
    )
    text = html.unescape(runbooks.rendered("DicomExposed", target) or "")
    assert "<p>pacs.hospital.example</p>" in text
    assert "echoscu -aec 'MY PACS' 10.0.0.9 11112\n" in text
    assert "probe?target=a%20b%3B%60x%60'" in text


def test_rendered_unknown_name_is_not_cached() -> None:
    before = runbooks._rendered.cache_info().currsize
    for number in range(100):
        assert runbooks.rendered(f"no-such-runbook-{number}") is None
    assert runbooks._rendered.cache_info().currsize == before
