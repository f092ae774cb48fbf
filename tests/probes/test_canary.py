"""To whom the canary does not write. The steps are tested with real servers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dicom_exporter.config import Address, Canary, Expect, Module, Target
from dicom_exporter.dicom.instances import canary_instance, synthetic_instances
from dicom_exporter.net.errors import NotPermitted
from dicom_exporter.probes import canary
from dicom_exporter.probes.canary import probe_canary
from tests.testing.context import lookup_threads, probe_context

TARGET = Target("archive", Address("192.0.2.1", 104))
MODULE = Module("canary", canary=Canary())


@pytest.fixture(autouse=True)
def _no_association(monkeypatch: pytest.MonkeyPatch) -> None:
    def associate(*_: Any) -> None:
        raise AssertionError("an association is begun")

    monkeypatch.setattr(canary, "associate", associate)


@pytest.mark.parametrize("expect", [Expect.CLOSED, Expect.CONTROL])
async def test_canary_to_target_tested_for_exposure_makes_no_association(expect: Expect) -> None:
    with lookup_threads() as lookups, pytest.raises(NotPermitted, match=f"expect: {expect}"):
        await probe_canary(replace(TARGET, expect=expect), MODULE, probe_context(lookups, may_store=True))


async def test_canary_without_permission_makes_no_association() -> None:
    with lookup_threads() as lookups, pytest.raises(NotPermitted, match="targets of the configuration only"):
        await probe_canary(TARGET, MODULE, probe_context(lookups))


def test_canary_image_is_the_same_in_each_run_and_no_other_one() -> None:
    first, again = canary_instance("a", 1, 2048), canary_instance("a", 1, 2048)
    assert [bytes(part) for part in first.parts] == [bytes(part) for part in again.parts]
    (other,) = synthetic_instances("a", 1, 2048)
    third = canary_instance("a", 2, 2048)
    uids = [(each.study_instance_uid, each.sop_instance_uid) for each in (first, other, third)]
    assert len(set(uids)) == 3
    assert uids[0][0] == uids[2][0]
    assert first.parts[-1] != third.parts[-1]
