"""To whom the store probe does not write. What it writes is tested with recorded sessions and real servers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dicom_exporter.config import Address, Expect, Module, Store, Target
from dicom_exporter.net.errors import NotPermitted
from dicom_exporter.probes import store
from dicom_exporter.probes.store import probe_store
from tests.testing.context import lookup_threads, probe_context

TARGET = Target("archive", Address("192.0.2.1", 104))
MODULE = Module("bandwidth", store=Store(1, 1024))


@pytest.fixture(autouse=True)
def _no_association(monkeypatch: pytest.MonkeyPatch) -> None:
    def associate(*_: Any) -> None:
        raise AssertionError("an association is begun")

    monkeypatch.setattr(store, "associate", associate)


@pytest.mark.parametrize("expect", [Expect.CLOSED, Expect.CONTROL])
async def test_store_to_target_tested_for_exposure_makes_no_association(expect: Expect) -> None:
    with lookup_threads() as lookups, pytest.raises(NotPermitted, match=f"expect: {expect}"):
        await probe_store(replace(TARGET, expect=expect), MODULE, probe_context(lookups, may_store=True))


async def test_store_without_permission_makes_no_association() -> None:
    with lookup_threads() as lookups, pytest.raises(NotPermitted, match="targets of the configuration only"):
        await probe_store(TARGET, MODULE, probe_context(lookups))
