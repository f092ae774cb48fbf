"""To whom the store probe does not write. What it writes is tested with recorded sessions and real servers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dicom_exporter.config import Address, Expect, Module, Store, Target
from dicom_exporter.enums import StoreOutcome
from dicom_exporter.net.errors import NotPermitted
from dicom_exporter.probes import store
from dicom_exporter.probes.store import outcome_of, probe_store
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


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0x0000, StoreOutcome.SUCCESS),
        (0xB000, StoreOutcome.WARNING),
        (0xB007, StoreOutcome.WARNING),
        (0x0107, StoreOutcome.WARNING),
        (0xA700, StoreOutcome.OUT_OF_RESOURCES),
        (0xA7FF, StoreOutcome.OUT_OF_RESOURCES),
        (0xA800, StoreOutcome.FAILED),
        (0xA900, StoreOutcome.MISMATCH),
        (0xC000, StoreOutcome.CANNOT_UNDERSTAND),
        (0xCFFF, StoreOutcome.CANNOT_UNDERSTAND),
        (0x0122, StoreOutcome.SOP_CLASS),
        (0x0124, StoreOutcome.REFUSED),
        (0x0110, StoreOutcome.FAILED),
        (0xFE00, StoreOutcome.FAILED),
    ],
)
def test_store_status_by_the_tables_of_the_standard(status: int, outcome: StoreOutcome) -> None:
    assert outcome_of(status) is outcome
