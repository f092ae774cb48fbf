"""Which services are proposed. What servers answer is tested with real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from dicom_exporter.config import Address, Module, Target
from dicom_exporter.dicom.requests import AssociateRequest
from dicom_exporter.net.errors import ConnectionRefused
from dicom_exporter.probes import services
from dicom_exporter.probes.services import probe_services
from tests.testing.context import lookup_threads, probe_context


async def test_services_are_proposed_once_each_after_verification(monkeypatch: pytest.MonkeyPatch) -> None:
    offers: list[Sequence[Any]] = []

    def associate(_: Address, offer: AssociateRequest, __: object) -> None:
        offers.append(list(offer.context_ids.items()))
        raise ConnectionRefused("refused")

    monkeypatch.setattr(services, "associate", associate)
    module = Module("services", services=("CTImageStorage", "StorageCommitmentPushModel"))
    with lookup_threads() as lookups:
        found = await probe_services(Target("archive", Address("192.0.2.1", 104)), module, probe_context(lookups))
    assert found is None
    assert offers == [[("1.2.840.10008.1.1", 1), ("1.2.840.10008.5.1.4.1.1.2", 3), ("1.2.840.10008.1.20.1", 5)]]
