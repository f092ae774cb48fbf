"""The pages and the log of a running exporter, over an archive that comes and goes."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests import hostile
from tests.integration.exporting import Exporter, configure, exporter

pytestmark = pytest.mark.integration


async def text(running: Exporter, path: str, status: int = 200) -> str:
    async with running.client.get(path) as response:
        assert response.status == status
        return await response.text()


async def test_a_change_is_logged_once_and_the_pages_show_it(tmp_path: Path) -> None:
    async with AsyncExitStack() as until_closed:
        archive = await until_closed.enter_async_context(hostile.server(hostile.honest.honest(matches=3)))
        main = {"name": "main", "address": f"127.0.0.1:{archive.port}"}
        public = {**main, "name": "public", "expect": "closed"}
        async with exporter(tmp_path, [main, public]) as running:
            assert "Nothing has been probed" in await text(running, "/")
            for _ in range(3):
                await running.get()
            exposed = await running.running.logged("msg=.(outcome changed|not as expected)")
            assert 'msg="not as expected" target=public identity=stranger' in exposed.string
            assert "level_dimse=5" in exposed.string
            page = await text(running, "/")
            assert page.index(">Exposed<") < page.index("targets/public") < page.index("targets/main")
            assert "It answers us, and lists 3 studies." in page

            await until_closed.aclose()
            for _ in range(3):
                await running.get()
            changes = [(await running.running.logged('msg="outcome changed"')).string for _ in range(2)]
            down, shut = sorted(changes, key=lambda line: "target=public" in line)
            assert "target=main identity=monitor status=down outcome=refused" in down
            assert "was_outcome=success" in down
            assert "level_dimse=0" in shut
            assert "was_level_dimse=5" in shut
            page = await text(running, "/")
            assert page.index(">Down<") < page.index("targets/main") < page.index("targets/public")
            assert "nothing listens on the port" in page
            history = await text(running, "/targets/main")
            assert history.count("msg=probe target=main") == 6

            configure(tmp_path, [main])
            assert (await running.reload())[0] == 200
            next_line = await running.running.logged("target=|configuration reloaded")
            assert "configuration reloaded" in next_line.string  # of six scrapes, three lines
            await text(running, "/targets/public", 404)
            assert (await text(running, "/targets/main")).count("msg=probe target=main") == 6
