"""The bandwidth test: it stores what it says, and a second run leaves nothing more behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dicom_exporter.config import Address, Config, Module, Store, Target
from dicom_exporter.results import StoreResult
from dicom_exporter.scrape import Scraper
from tests import hostile
from tests.hostile import Peer
from tests.peers import Orthanc, dcmtk

pytestmark = pytest.mark.integration

COUNT = 10
SIZE = 512 * 1024


async def store(host: str, port: int) -> StoreResult:
    target = Target("own", Address(host, port), modules=("bandwidth",))
    module = Module("bandwidth", store=Store(COUNT, SIZE))
    scraper = Scraper(Config((target,), modules={"bandwidth": module}))
    try:
        (result,) = await scraper.scrape([target], 10.0)
    finally:
        await scraper.close()
    found = result.sessions[0].store
    assert found is not None
    return found


async def test_orthanc_has_what_was_stored_and_no_more_after_a_second_run(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc()
    for _ in range(2):
        found = await store(archive.dicom.host, archive.dicom.port)
        assert found.success
        assert found.bytes is not None
        assert found.bytes >= COUNT * SIZE
        assert found.duration is not None
        assert archive.statistics()["CountInstances"] == COUNT
        assert archive.statistics()["CountStudies"] == 1


async def test_storescp_takes_it(storescp: Callable[..., dcmtk.Server]) -> None:
    server = storescp()
    found = await store(server.dicom.host, server.dicom.port)
    assert (found.success, found.status) == (True, 0)


async def test_an_archive_that_takes_no_images() -> None:
    async def behaviour(peer: Peer) -> None:
        await hostile.negotiation.refuses_contexts()(peer)

    async with hostile.server(behaviour) as server:
        assert await store(server.host, server.port) == StoreResult(success=False)
