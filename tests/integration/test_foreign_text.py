"""Text of a peer is shown the same everywhere: cleaned once, printable and short."""

from __future__ import annotations

import html
import json
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests import hostile
from tests.hostile import Peer, honest, http, wire
from tests.integration.exporting import parsed
from tests.integration.test_phi import client, output_of, start_exporter

pytestmark = pytest.mark.integration

FORBIDDEN = ("\x1b", "\u202e", "\x00", "\x07", '<b>"', "<b>Server", "V" * 65)
VERSIONS = {
    "control characters": ("A\x07\r\nB\x00C", "A???B?C"),
    "terminal": ("\x1b[31mred\x1b[2J", "?[31mred?[2J"),
    "bidirectional": ("abc\u202edef", "abc???def"),
    "markup": ('<b>"&\\', '<b>"&\\'),
    "endless": ("V" * 10_240, "V" * 64),
}
"""Implementation version name as sent, and as it is shown."""


def _behaviour(version: str) -> hostile.Behaviour:
    async def behaviour(peer: Peer) -> None:
        proposal = await peer.proposal()
        user = wire.user_information(implementation_version=version)
        await peer.send(wire.associate_ac(dict.fromkeys(proposal.contexts, wire.ACCEPTED), user=user))
        await honest.serve(peer)

    return behaviour


async def test_version_name_and_server_header_are_shown_the_same_everywhere(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        servers = {
            name: await stack.enter_async_context(hostile.server(_behaviour(version)))
            for name, (version, _) in VERSIONS.items()
        }
        header = "<b>Server\u202e</b>" + "V" * 5_000
        shown_header = ("<b>Server?</b>" + "V" * 64)[:64]
        web_server = await stack.enter_async_context(http.server(http.answers(200, b"[]", {"Server": header})))
        targets = [
            {"name": name, "address": server.address, "dicomweb": web_server.url} for name, server in servers.items()
        ]
        running, url = start_exporter(stack, tmp_path, {"targets": targets})
        async with client(url) as web:
            async with web.get("/metrics") as response:
                metrics = parsed(await response.text())
            said = {}
            for name in VERSIONS:
                async with web.get(f"/targets/{name}") as response:
                    said[name] = await response.text()
        report = await output_of(tmp_path, "report", "--format=json")
        printed = await output_of(tmp_path, "probe", servers["terminal"].address)
        running.stop()
    for name, (_, shown) in VERSIONS.items():
        assert metrics.value("dicom_peer_info", target=name, implementation_version=shown) == 1, name
        assert metrics.value("dicomweb_server_info", target=name, server=shown_header) == 1
        assert f"<code>{html.escape(shown).replace('&quot;', '&#34;')}</code>" in said[name], name
        assert f"Server: <code>{html.escape(shown_header)}</code>" in said[name]
    versions = {target["name"]: target["peer"]["version"] for target in json.loads(report)["targets"]}
    assert versions == {name: shown for name, (_, shown) in VERSIONS.items()}
    assert VERSIONS["terminal"][1] in printed
    for text in (*said.values(), printed, running.log):
        assert not [word for word in FORBIDDEN if word in text]
