"""The report's page in a real browser: it reads well by eye and screen reader, on paper, and lets nothing in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, async_playwright

from dicom_exporter.config import Expect
from dicom_exporter.enums import Outcome
from dicom_exporter.report.formats.html import as_html
from tests import builders
from tests.testing.peers.requirements import program

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

PAPER = {"width": 1039, "height": 710}
"""CSS pixels of A4, landscape, within its margins."""
SCRIPT = builders.record(
    builders.target(builders.MARKUP, Expect.CLOSED, country="<img src=x onerror=alert(1)>"),
    builders.stranger(Outcome.SUCCESS, builders.listing(1), version=builders.MARKUP),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = program("chromium", "chromium")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        await chromium.close()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The file of a report with every kind of result, and with a target whose name is a script."""
    file = tmp_path / "report.html"
    file.write_text(as_html(builders.report(*builders.ALL_FOUND, SCRIPT, by="country")), encoding="utf-8")
    return file.as_uri()


async def test_report_page_loads_and_runs_nothing(browser: Browser, url: str) -> None:
    complaints: list[str] = []
    requests: list[str] = []
    page = await browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: requests.append(request.url))
    await page.goto(url)
    assert await page.locator("script, img").count() == 0
    assert await page.evaluate("getComputedStyle(document.querySelector('.summary')).borderTopWidth") == "2px"
    assert (complaints, requests) == ([], [url])
    await page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_report_page_passes_accessibility_checks(
    browser: Browser, url: str, scheme: Literal["light", "dark"]
) -> None:
    context = await browser.new_context(bypass_csp=True, color_scheme=scheme, viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    await page.goto(url)
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    await context.close()


async def test_report_page_fits_phone_and_paper(browser: Browser, url: str) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = await context.new_page()
    await page.goto(url)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.emulate_media(media="print", color_scheme="dark")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert await page.locator("text=Signature").is_visible()
    assert (await page.pdf()).startswith(b"%PDF")
    await context.close()


@pytest.mark.parametrize("sites", [3, 40])
async def test_report_page_has_verdict_sums_and_the_ten_worst_on_one_sheet(
    browser: Browser, tmp_path: Path, sites: int
) -> None:
    found = [
        builders.record(
            builders.target(f"archive-of-a-hospital-{number:04d}", Expect.CLOSED, site=f"harbour-{number % sites}"),
            builders.stranger(Outcome.SUCCESS, builders.listing(1)),
        )
        for number in range(60)
    ]
    file = tmp_path / "report.html"
    file.write_text(as_html(builders.report(*found, by="site")), encoding="utf-8")
    context = await browser.new_context(viewport=PAPER)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(file.as_uri())
    await page.emulate_media(media="print")
    rows = page.get_by_role("region", name="The worst").locator("tbody tr")
    assert await rows.count() == 10
    box = await rows.last.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= PAPER["height"]
    assert await page.get_by_role("rowheader", name="harbour-1", exact=True).count() == 1
    await context.close()
