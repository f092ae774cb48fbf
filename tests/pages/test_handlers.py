"""The pages as text: their contents and links; they start no probe, and foreign text on them is harmless."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

import pytest

from dicom_exporter.config import Address, Config, Expect, Target
from dicom_exporter.enums import LadderService, Outcome, QueryOutcome, SecureProfile, StoreOutcome
from dicom_exporter.pages.history import History
from dicom_exporter.results import QueryResult, SessionResult, StoreResult
from dicom_exporter.server.external_url import parse_external_url
from tests import builders
from tests.testing.in_process import FakeProber, exporter, state
from tests.testing.pages import get, pages, target_path

HOSTILE_NAME = "<script>alert(1)</script>&\"'?a=b#c"


pytestmark = pytest.mark.loopback


async def test_overview_page_worst_first_with_reason_and_since() -> None:
    async with pages() as (client, _):
        page = await get(client, "/")
    names = [link.removeprefix("targets/") for link in page.links if link.startswith("targets/")]
    assert names == [
        "main-pacs-public",
        "main-pacs",
        "outside-control",
        "no-name",
        "does-not-know-us",
        "never-asked",
        "archive%20south",
        "shut",
    ]
    assert "Exposed main-pacs-public for 2 h 2 min , since" in page.text
    assert "Anybody can list the studies in here. DICOM: allowed 0 (closed), got 5 (lists studies)." in page.text
    assert "nothing listens on the port" in page.text
    assert "It answers us, and lists 231 studies." in page.text
    assert "closed proves nothing" in page.text


async def test_page_target_off_without_echo_is_down() -> None:
    session = SessionResult(
        "monitor", None, {"today": QueryResult(QueryOutcome.NO_ASSOCIATION)}, association=Outcome.REFUSED
    )
    history = History(builders.CONFIG)
    history.add(builders.recent(builders.OK_TARGET, session))
    async with pages(history=history) as (client, _):
        listed = await get(client, "/?state=down")
        page = await get(client, target_path(builders.OK_TARGET))
    assert "Down archive south" in listed.text
    assert "Association refused: the machine is there, and nothing listens on the port" in listed.text
    assert "What to do: DicomTargetDown" in page.text
    assert "refused : The machine is there, and nothing listens" in page.text


async def test_page_target_lists_all_findings() -> None:
    """The overview has the worst one."""
    session = replace(
        builders.GOOD, queries={"today": QueryResult(QueryOutcome.FAILED)}, store=StoreResult(StoreOutcome.FAILED)
    )
    history = History(builders.CONFIG)
    history.add(builders.recent(builders.OK_TARGET, session))
    async with pages(history=history) as (client, _):
        page = await get(client, target_path(builders.OK_TARGET))
    assert "Query today failed: the query failed." in page.text
    assert "Bandwidth test failed: it answered with a failure." in page.text


async def test_pages_probe_nothing() -> None:
    async with pages() as (client, prober):
        for path in ("/", *map(target_path, builders.SESSIONS), "/config", "/runbooks/", "/targets/nobody"):
            async with client.get(path) as response:
                await response.read()
        assert prober.asked == []


async def test_pages_every_link_resolves() -> None:
    async with pages() as (client, _):
        for path in ("/", "/?label=site%3Dnorth", "/?by=site", *map(target_path, builders.SESSIONS), "/runbooks/"):
            for link in set((await get(client, path)).links):
                where = urljoin(f"http://x{path}", link).removeprefix("http://x")
                async with client.get(where) as response:
                    assert response.status == 200, (path, link)


async def test_pages_every_link_stays_under_the_prefix() -> None:
    prefix = "/monitoring/dicom"
    external = parse_external_url(f"http://exporter.example{prefix}/")
    of = replace(state(FakeProber(builders.CONFIG)), history=builders.history(), external_url=external)
    async with exporter(of) as client:
        for path in ("/", target_path(builders.DOWN_TARGET), "/runbooks/"):
            for link in (await get(client, prefix + path)).links:
                assert urljoin(f"http://x{prefix}{path}", link).startswith(f"http://x{prefix}/")
        for path in ("/nothing", "/no/such/thing"):
            page = await get(client, prefix + path, 404)
            assert urljoin(f"http://x{prefix}{path}", page.links[0]) == f"http://x{prefix}/static/icon.svg"


async def test_target_page_shows_ladder_and_attempts() -> None:
    async with pages() as (client, _):
        page = await get(client, target_path(builders.EXPOSED_TARGET))
    assert "Exposed for 2 h 2 min" in page.text
    assert "5 lists studies proved" in page.text
    assert "0 closed allowed up to here" in page.text
    assert "Any calling AE title is accepted" in page.text
    assert "C-FIND for studies 1000 or more, truncated: there may be more" in page.text
    assert "C-GET of an image nothing of it came" in page.text
    assert "associate 4.00 ms" in page.text
    assert "in all of 14.5 s allowed 90 ms" in page.text
    assert "HTTP status 401" in page.text
    assert "outcome=success level_dimse=5 level_dicomweb=2" in page.text


async def test_target_page_shows_what_tls_is_accepted() -> None:
    target = replace(builders.EXPOSED_TARGET, tls_profile=SecureProfile.BCP195)
    history = History(Config((target,)))
    old = replace(builders.OPEN, tls_postures={LadderService.DIMSE: (builders.OLD_TLS,)})
    history.add(builders.recent(target, old, ago=10.0))
    async with pages(history=history, config=Config((target,))) as (client, _):
        page = await get(client, target_path(target))
    assert "Accepts, DICOM TLSv1, suites rc4" in page.text
    assert "Refuses, DICOM SSLv3" in page.text
    assert "TLS of DICOM is below the profile bcp195 (PS3.15 B.12): it accepts TLSv1" in page.text


async def test_target_page_unknown_level_has_reasons_and_last_proof_with_its_age() -> None:
    slow = {"studies": QueryResult(QueryOutcome.TIMEOUT)}
    target = replace(builders.EXPOSED_TARGET, web=(), dicomweb=None)
    history = History(Config((target,)))
    history.add(builders.recent(target, builders.stranger(Outcome.SUCCESS, builders.listing(8)), ago=720.0))
    history.add(builders.recent(target, builders.stranger(Outcome.SUCCESS, slow), ago=10.0))
    async with pages(history=history, config=Config((target,))) as (client, _):
        page = await get(client, target_path(target))
    assert "Exposed for 12 min" in page.text
    assert "DICOM: allowed 0 (closed), got at least 3 (associates). It is not known if one gets further" in page.text
    assert "4 queryable unknown" in page.text
    assert "3 associates proved" in page.text
    assert "but at least to level 3, associates: an answer did not come, or did not end, in time." in page.text
    assert "Last proved: 5 lists studies , 12 min ago." in page.text


@pytest.mark.parametrize(
    ("address", "keys", "hint"),
    [
        ("8.8.8.8", {"expect": Expect.CLOSED}, True),
        ("8.8.8.8", {"expect": Expect.AVAILABLE}, False),
        ("8.8.8.8", {"expect": Expect.CLOSED, "vantage": ("internet",)}, False),
        ("::ffff:10.0.0.1", {"expect": Expect.CLOSED}, False),
        ("10.0.0.1", {"expect": Expect.CLOSED}, False),
        ("pacs.example", {"expect": Expect.CLOSED}, False),
    ],
)
async def test_target_page_hints_at_a_router_that_answers_inside(
    address: str, keys: dict[str, Any], hint: bool
) -> None:
    target = Target("t", Address(address, 104), **keys)
    async with pages(config=Config((target,))) as (client, _):
        page = await get(client, target_path(target))
    assert ("Check it from a vantage outside" in page.text) is hint
    assert ("Seen from the vantage internet" in page.text) is bool(target.vantage)


async def test_pages_one_row_for_each_vantage_with_findings_that_name_it() -> None:
    seen = [
        Target(f"t@{name}", Address("192.0.2.1", 104), expect=Expect.CLOSED, vantage=(name,)) for name in ("a", "b")
    ]
    config = Config(tuple(seen))
    history = History(config)
    history.add(builders.recent(seen[0], builders.stranger(Outcome.SUCCESS, builders.listing(8)), ago=10.0))
    history.add(builders.recent(seen[1], builders.stranger(Outcome.REFUSED), ago=10.0))
    async with pages(history=history, config=config) as (client, _):
        page = await get(client, "/")
    assert "From a: Anybody can list the studies in here." in page.text
    assert "expect closed from a" in page.text
    assert "expect closed from b" in page.text


async def test_target_page_escapes_text_of_a_peer() -> None:
    async with pages() as (client, _):
        page = await get(client, target_path(builders.EXPOSED_TARGET))
    assert page.text.count("<script>alert(1)</script>?[2J?") == 2  # the text of an element, and no element
    assert page.elements.count("script") == 1


async def test_target_page_lists_probes_and_shows_each() -> None:
    async with pages() as (client, _):
        path = target_path(builders.DOWN_TARGET)
        page = await get(client, path)
        keys = [link for link in page.links if link.startswith("?probe=")]
        assert len(keys) == 3
        assert "lists 231 studies" in page.text
        assert "Found last" in page.text
        oldest = await get(client, path + keys[-1].partition("#")[0])
    assert "Probe of" in oldest.text
    assert "OFFIS_DCMTK_367" in oldest.text
    assert "TLSv1.3" in oldest.text
    assert "Found last" not in oldest.text


async def test_pages_nothing_probed_yet() -> None:
    config = Config((builders.NEVER_TARGET,))
    async with pages(config, History(config)) as (client, prober):
        page = await get(client, "/")
        assert "Nothing has been probed since the exporter started" in page.text
        (link,) = [link for link in page.links if link.startswith("probe?")]
        assert prober.asked == []
        async with client.get(f"/{link}") as response:
            assert response.content_type == "text/plain"
        assert len(prober.asked) == 1


async def test_overview_page_by_label() -> None:
    async with pages() as (client, _):
        page = await get(client, "/?by=site")
        assert re.search(r"north 1 Exposed .* of \d", page.text)
        assert "no site" in page.text
        assert any(link.startswith("?label=site%3D") for link in page.links)
        assert "As of 2" in page.text


async def test_target_page_links_the_dashboard() -> None:
    target = replace(builders.OK_TARGET, name="a b/ü&c")
    of = state(FakeProber(Config((target,))))
    async with exporter(replace(of, dashboard_url="https://grafana.example/d/x?var-target={target}")) as client:
        page = await get(client, target_path(target))
    assert "https://grafana.example/d/x?var-target=a%20b%2F%C3%BC%26c" in page.links


async def test_overview_page_without_targets() -> None:
    async with pages(Config(()), History(Config(()))) as (client, _):
        assert "no targets" in (await get(client, "/")).text


async def test_overview_page_old_results_have_a_notice() -> None:
    config = Config((builders.OK_TARGET,))
    history = History(config)
    history.add(builders.recent(builders.OK_TARGET, builders.GOOD, ago=3700))
    async with pages(config, history) as (client, _):
        assert "No scrape for 1 h 1 min" in (await get(client, "/")).text


async def test_overview_page_ten_thousand_targets_are_paged() -> None:
    targets = {replace(builders.OK_TARGET, name=f"t{number:05}"): (builders.GOOD,) for number in range(10_000)}
    targets[builders.DOWN_TARGET] = (builders.DOWN,)
    config = Config(tuple(targets))
    async with pages(config, builders.history(config, targets)) as (client, _):
        page = await get(client, "/")
        assert "10000 OK" in page.text
        assert "1 to 100 of 10001" in page.text
        assert [link for link in page.links if link.startswith("targets/")][:2] == [
            "targets/main-pacs",
            "targets/t00000",
        ]
        last = await get(client, "/?page=101")
        assert "10001 to 10001 of 10001" in last.text
        assert "10001 to 10001 of 10001" in (await get(client, "/?page=999999")).text
        assert "t01234" in (await get(client, "/?q=t01234")).text


async def test_pages_escape_text_of_the_configuration() -> None:
    target = Target(HOSTILE_NAME, Address("127.0.0.1", 104), "<b>&'\"", labels={"note": '"><img src=x onerror=1>'})
    config = Config((target,))
    async with pages(config, builders.history(config, {target: (builders.GOOD,)})) as (client, _):
        for path in (
            "/",
            "/?by=note",
            "/?by=%3Cimg%20src%3Dx%3E",
            target_path(target),
            "/?q=%3Cscript%3Ealert(1)%3C/script%3E&label=%3Cb%3E%3D%22%3E",
        ):
            page = await get(client, path)
            assert "img" not in page.elements
        assert HOSTILE_NAME in (await get(client, target_path(target))).text


@pytest.mark.parametrize(
    "path", ["/targets/nobody", "/targets/", "/runbooks/nothing", "/runbooks/..%2f..%2fREADME", "/x"]
)
async def test_not_found_is_html_for_browsers(path: str) -> None:
    async with pages() as (client, _):
        page = await get(client, path, 404)
        assert "nobody" not in page.text
        assert "All targets" in page.text


async def test_not_found_is_plain_text_for_others() -> None:
    async with pages() as (client, _), client.get("/x") as response:
        assert (response.status, response.content_type) == (404, "text/plain")


async def test_config_page_shows_running_configuration() -> None:
    async with pages() as (client, _), client.get("/config") as response:
        text = await response.text()
        assert response.content_type == "text/plain"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "- name: main-pacs\n  address: pacs.hospital.example:11112\n" in text


async def test_debug_shows_log_metrics_and_configuration() -> None:
    async with pages() as (client, prober):
        async with client.get("/probe?target=main-pacs&debug=true&module=availability") as response:
            text = await response.text()
            assert response.content_type == "text/plain"
        assert [modules for _, _, modules in prober.asked] == [("availability",)]
    log, metrics, configuration = (text.index(title) for title in ("Log of", "Metrics that", "Configuration of"))
    assert 0 == log < metrics < configuration
    assert re.search(
        r"^ts=\S+ level=debug msg=probe target=main-pacs identity=monitor status=ok outcome=success$", text, re.M
    )
    assert '\ndicom_echo_success{identity="monitor"} 1.0\n' in text
    assert "  address: pacs.hospital.example:11112\n" in text[configuration:]


async def test_debug_is_true_or_false() -> None:
    async with pages() as (client, prober):
        async with client.get("/probe?target=main-pacs&debug=yes") as response:
            assert response.status == 400
        assert prober.asked == []
        async with client.get("/probe?target=main-pacs&debug=false") as response:
            assert (await response.text()).startswith("# HELP")
