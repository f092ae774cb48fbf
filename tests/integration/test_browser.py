"""The pages in a real browser, with and without JavaScript: layout, keyboard and accessibility."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import quote

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Dialog, Page, Route, async_playwright, expect

from dicom_exporter.config import Address, Config, Target
from dicom_exporter.pages.history import History
from dicom_exporter.prober.prober import Prober
from tests import builders
from tests.testing import hostile
from tests.testing.hostile import wire
from tests.testing.in_process import FakeProber, exporter, state
from tests.testing.peers.requirements import program

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

ARGUMENTS = (
    "--no-sandbox",  # root has no other way in a container; it opens our own pages only
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
DESKTOP, LAPTOP, PHONE = (1280, 900), (1000, 800), (390, 844)
PROBE = "/probe?target=main-pacs&debug=true"
MARKUP = "<script>alert(document.domain)</script><img src=x onerror=alert(1)>"
"""An implementation version name that a peer could send: it should have at most 16 characters."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = program("chromium", "chromium")
    expect.set_options(timeout=30_000)  # a machine may be busy with other tests
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


@dataclass
class Site:
    """An exporter that is open in a browser."""

    page: Page
    url: str
    history: History
    complaints: list[str] = field(default_factory=list)
    """Errors in the console, dialogs, and requests that leave the exporter."""
    requests: list[str] = field(default_factory=list)

    async def open(self, path: str = "/") -> Page:
        await self.page.goto(self.url + path)
        return self.page

    async def later(self, seconds: int) -> None:
        """Let time pass in the page, whose clock is stopped."""
        await self.page.clock.fast_forward(seconds * 1000)

    async def shown_anew(self) -> None:
        """Let time pass until the page has refreshed."""
        await self.page.evaluate(
            "() => { window.shown ="
            " new Promise((done) => document.addEventListener('refreshed', () => done(true), {once: true})) }"
        )
        await self.later(16)
        await self.page.evaluate("window.shown")


@asynccontextmanager
async def site(
    browser: Browser,
    history: History | None = None,
    config: Config = builders.CONFIG,
    *,
    size: tuple[int, int] = DESKTOP,
    dark: bool = False,
    scripts: bool = True,
) -> AsyncIterator[Site]:
    """Serve `history` and open a window of `size`. No error may occur until the block ends."""
    history = history or builders.history()
    async with exporter(replace(state(FakeProber(config)), history=history)) as client:
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            timezone_id="Asia/Tokyo",
            locale="en-GB",
        )
        page = await context.new_page()
        if scripts:
            await page.clock.install()
        async with client.get("/-/healthy") as response:
            url = str(response.url.origin())
        open_site = Site(page, url, history)

        async def on_dialog(dialog: Dialog) -> None:
            open_site.complaints.append(f"dialog {dialog.message}")
            await dialog.dismiss()

        page.on("dialog", on_dialog)
        page.on("pageerror", lambda error: open_site.complaints.append(f"error {error}"))
        page.on(
            "console",
            lambda message: open_site.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.on("request", lambda request: open_site.requests.append(request.url))
        try:
            yield open_site
        finally:
            await context.close()
        assert open_site.complaints == []
        assert [url for url in open_site.requests if not url.startswith(f"{open_site.url}/")] == []


def target_path(target: Target) -> str:
    return f"/targets/{quote(target.name, safe='')}"


async def test_overview_worst_targets_come_first(browser: Browser) -> None:
    async with site(browser, size=PHONE) as opened:
        page = await opened.open()
        assert await page.title() == "1 exposed of 8 · dicom_exporter"
        first = page.locator(".targets > li").first
        await expect(first).to_be_in_viewport(ratio=1)
        await expect(first).to_contain_text("Exposed")
        await expect(first).to_contain_text("main-pacs-public")
        await expect(first).to_contain_text("2 h 2 min")
        await expect(first.locator("time")).to_contain_text("here)")  # local time, beside UTC
        await page.get_by_role("link", name="main-pacs-public").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("main-pacs-public")
        await expect(page.get_by_role("table", name="How far a stranger gets")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, LAPTOP])
async def test_overview_has_one_line_for_each_target(browser: Browser, size: tuple[int, int]) -> None:
    async with site(browser, size=size) as opened:
        page = await opened.open()
        for item in await page.locator(".targets > li").all():
            box = await item.bounding_box()
            assert box is not None
            assert box["height"] <= 40
        for badge in await page.locator(".targets .badge").all():  # no word leaves its badge
            assert await badge.evaluate("badge => badge.scrollWidth <= badge.clientWidth")


@pytest.mark.parametrize("scripts", [True, False])
async def test_probe_now_stays_in_the_pages(browser: Browser, scripts: bool) -> None:
    async with site(browser, size=PHONE, scripts=scripts) as opened:
        page = await opened.open(target_path(builders.DOWN_TARGET))
        await page.get_by_role("link", name="Probe it now").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("main-pacs")
        await expect(page.locator(".verdict")).to_contain_text("Probed now")
        await expect(page.locator(".verdict")).to_be_in_viewport(ratio=1)
        await page.get_by_role("link", name="All its probes").click()
        await expect(page.get_by_role("heading", name="Last probes")).to_be_visible()


async def test_page_leaves_a_log_open_when_it_updates(browser: Browser) -> None:
    async with site(browser) as opened:
        page = await opened.open(target_path(builders.DOWN_TARGET))
        await page.get_by_text("Log", exact=True).first.click()
        await opened.shown_anew()
        await expect(page.locator(".log").first).to_be_visible()
        await expect(page.locator(".log").last).to_be_hidden()


@pytest.mark.parametrize("scripts", [True, False])
async def test_overview_filter_narrows_the_list(browser: Browser, scripts: bool) -> None:
    async with site(browser, scripts=scripts) as opened:
        page = await opened.open()
        names = page.locator(".targets .name")
        await expect(names).to_have_count(8)
        await page.get_by_role("combobox").select_option("site=north")
        await page.get_by_role("button", name="Filter").click()
        await expect(names).to_have_count(6)
        await page.get_by_role("searchbox").fill("pacs.hospital")
        await page.keyboard.press("Enter")
        await expect(names).to_have_text(["main-pacs"])
        await page.get_by_role("list", name="Filters").get_by_role("link").first.click()
        await expect(names).to_have_text(["main-pacs"])
        await page.get_by_role("link", name="Show all").click()
        await expect(names).to_have_count(8)
        await page.get_by_role("link", name="2 OK").click()
        await expect(names).to_have_text(["archive south", "shut"])


async def test_page_updates_itself_and_keeps_focus(browser: Browser) -> None:
    config = Config((builders.OK_TARGET, builders.SHUT_TARGET))
    history = builders.history(config, {builders.OK_TARGET: (builders.GOOD,), builders.SHUT_TARGET: (builders.SHUT,)})
    async with site(browser, history, config) as opened:
        page = await opened.open()
        await page.get_by_role("searchbox").fill("half a wor")
        link = page.get_by_role("link", name="shut", exact=True)
        await link.focus()
        history.add(builders.recent(builders.OK_TARGET, builders.DOWN))
        await opened.shown_anew()
        first = page.locator(".targets > li").first
        await expect(first).to_contain_text("Down")
        await expect(first).to_contain_text("nothing listens on the port")
        assert await page.title() == "1 down of 2 · dicom_exporter"
        await expect(link).to_be_focused()
        await expect(page.get_by_role("searchbox")).to_have_value("half a wor")


async def test_page_hidden_fetches_nothing(browser: Browser) -> None:
    async with site(browser) as opened:
        page = await opened.open()
        await page.evaluate(
            "Object.defineProperty(document, 'hidden', {get: () => window.away ?? true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        await opened.later(300)
        async with page.expect_response(f"{opened.url}/"):
            await page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
        # Of the page: the browser gets its icon when it likes.
        assert opened.requests.count(f"{opened.url}/") == 2


async def test_page_outdated_says_so(browser: Browser) -> None:
    async with site(browser) as opened:
        page = await opened.open()

        async def fail(route: Route) -> None:
            await route.abort()

        await page.route(f"{opened.url}/", fail)
        await opened.shown_anew()
        await expect(page.get_by_role("status")).to_contain_text("what you see is old")
        await expect(page.get_by_role("status")).to_be_in_viewport(ratio=1)
        await page.unroute(f"{opened.url}/")
        await opened.shown_anew()
        await expect(page.get_by_role("status")).to_have_text("Kept up to date.")
        opened.complaints[:] = [text for text in opened.complaints if "ERR_FAILED" not in text]  # that was us


async def test_page_is_usable_by_keyboard(browser: Browser) -> None:
    async with site(browser, size=PHONE) as opened:
        page = await opened.open()
        await page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        await expect(skip).to_be_focused()
        await expect(skip).to_be_in_viewport(ratio=1)
        reached: list[list[str]] = []
        for _ in range(100):
            element = await page.evaluate(
                "(({textContent, name, offsetParent}) => [(name || textContent).trim().replace(/\\s+/g, ' '),"
                " getComputedStyle(document.activeElement).outlineStyle])(document.activeElement)"
            )
            if reached and element == reached[0]:
                break
            reached.append(element)
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement === document.body"):
                break
        names = [name for name, _ in reached]
        assert names[:3] == ["Skip to the content", "dicom_exporter", "Runbooks"]
        assert names.index("1 Exposed") < names.index("q") < names.index("Filter") < names.index("main-pacs-public")
        assert names.index("main-pacs-public") < names.index("main-pacs") < names.index("shut")
        assert {style for _, style in reached} <= {"solid", "auto"}
        await skip.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [DESKTOP, LAPTOP, PHONE])
async def test_page_passes_accessibility_checks(browser: Browser, size: tuple[int, int], dark: bool) -> None:
    """Contrast, names, roles and order, as axe-core checks them; and nothing is wider than the window."""
    async with site(browser, size=size, dark=dark) as opened:
        targets = map(target_path, (builders.EXPOSED_TARGET, builders.OK_TARGET))
        for path in ("/?q=a&label=site%3Dnorth", "/?by=site", *targets, "/runbooks/", PROBE):
            page = await opened.open(path)
            results = await Axe().run(page)
            assert results.violations_count == 0, f"{path}\n{results.generate_report()}"
            assert len(results.response["passes"]) > 10
            assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


async def test_page_script_in_peer_text_does_not_run(browser: Browser) -> None:
    async def behaviour(peer: hostile.Peer) -> None:
        proposal = await peer.proposal()
        contexts = dict.fromkeys(proposal.contexts, wire.ACCEPTED)
        user = wire.user_information(implementation_version=MARKUP)
        await peer.send(wire.associate_ac(contexts, user=user, called=proposal.called))
        await hostile.honest.serve(peer)

    async with hostile.server(behaviour) as server:
        target = Target("markup", Address("127.0.0.1", server.port))
        config = Config((target,))
        history = History(config)
        prober = Prober(config, history.add)
        await prober.probe_targets(config.targets, None)
        await prober.close()
    async with site(browser, history, config) as opened:
        page = await opened.open(target_path(target))
        await expect(page.get_by_text("<script>alert(document.domain)</script>")).to_be_visible()
        await opened.shown_anew()
        await expect(page.get_by_text("<script>alert(document.domain)</script>")).to_be_visible()
        assert await page.locator("main img, main script").count() == 0
