"""The part of the soak that watches the archives: what it makes, and what it calls growth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dicom_exporter.config import Address, Target
from tests.soak.harm import Resources, Result, Server, kinds, run
from tests.testing.peers import Certificates, dcmtk

pytestmark = pytest.mark.integration

FLAT = Result("server", "accepted", 1000, Resources(50.0, 4, 10), Resources(51.5, 4, 11))


@pytest.mark.parametrize(
    ("after", "flat"),
    [
        (Resources(51.5, 4, 11), True),
        (Resources(55.0, 4, 10), False),
        (Resources(50.0, 7, 10), False),
        (Resources(50.0, 4, 13), False),
    ],
)
def test_harm_is_memory_threads_or_files_that_grow(after: Resources, flat: bool) -> None:
    assert replace(FLAT, after=after).flat is flat


async def test_harm_of_each_kind_is_none_to_storescp(
    storescp: Callable[..., dcmtk.Server], certificates: Certificates
) -> None:
    peer = storescp(tls=certificates)
    target = Target("harm", Address("localhost", peer.dicom.port), called_ae_title="STORESCP")
    server = Server("storescp", peer.process.pid, target, certificates, rejects=False)
    results = [await run(server, kind, 40) for kind in kinds(server)]
    assert [result.kind for result in results] == ["accepted", "aborted", "stranger", "hellos"]
    assert all(result.flat and result.associations >= 40 for result in results)
    assert all(result.before.memory > 1 for result in results)
