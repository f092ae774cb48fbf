"""Addresses that are not in the configuration, probed by HTTP requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing import hostile
from tests.testing.exporting import exporter
from tests.testing.hostile import messages
from tests.testing.hostile.parsing import Message, Proposal

pytestmark = pytest.mark.integration


async def test_adhoc_allowed_address_is_probed_and_not_kept(tmp_path: Path) -> None:
    async with hostile.server(hostile.honest.honest(3)) as server:
        configured = [{"name": "configured", "address": "127.0.0.1:1"}]
        async with exporter(tmp_path, configured, probe={"allow": ["127.0.0.0/8"]}) as exporting:
            asked = f"127.0.0.1:{server.port}"
            for written in (asked, f"[::ffff:127.0.0.1]:{server.port}", f"localhost:{server.port}", asked):
                page = await exporting.get(f"/probe?target={written}&called_ae_title=SOMEBODY")
                assert page.value("dicom_echo_success", identity="monitor") == 1
                assert page.value("dicom_studies_visible", identity="monitor") == 3
            for peer in await server.ended(4):
                (proposal, *requests) = peer.requests
                assert isinstance(proposal, Proposal)
                assert proposal.called == "SOMEBODY"
                kinds = [request.kind for request in requests if isinstance(request, Message)]
                assert messages.C_FIND_RQ in kinds  # the query has `every: 5m`, and yet is asked each time
            page = await exporting.get("/metrics?probe=false")
            assert page.value("dicom_exporter_denied_target_requests_total") == 0
            for elsewhere in (f"[::1]:{server.port}", "192.0.2.1:104", "nowhere.invalid:104", f"0.0.0.0:{server.port}"):
                async with exporting.client.get(f"/probe?target={elsewhere}") as response:
                    assert response.status == 403
            page = await exporting.get("/metrics?probe=false")
            assert page.value("dicom_exporter_denied_target_requests_total") == 4
            async with exporting.client.get("/") as response:
                assert str(server.port) not in await response.text()
