"""`probe` and `demo`, as a user at a terminal sees them."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.testing import hostile
from tests.testing.hostile import Behaviour, Peer, find, honest, negotiation, wire
from tests.testing.running import started

pytestmark = pytest.mark.integration


async def probe(behaviour: Behaviour, directory: Path, *arguments: str) -> tuple[int | None, str]:
    """The exit code and what is printed, with runs of spaces and line ends as one space."""
    async with hostile.server(behaviour) as server:
        async with started("probe", server.address, *arguments, directory=directory) as running:
            out, err = await running.process.communicate()
        assert err == b""
        if "--exposure" not in arguments:  # which makes several connections
            (peer,) = await server.ended()
            assert peer.ended_cleanly
    return running.process.returncode, re.sub(r"\s+", " ", out.decode())


async def test_probe_of_archive_that_answers_prints_result(tmp_path: Path) -> None:
    code, said = await probe(honest.honest(matches=3, instances=5), tmp_path, "--called-ae=PACS")
    assert code == 0
    assert ", PROMETHEUS to PACS " in said
    assert "C-ECHO success: the archive answered the C-ECHO" in said
    assert "Studies 3 studies, 15 images, allowed: all that it lists" in said
    assert "verification yes, study_find yes" in said
    assert re.search(r"Phase ms .*connect [0-9.]+ associate [0-9.]+ echo [0-9.]+ query [0-9.]+ .*in all [0-9.]+", said)


async def test_probe_of_archive_that_rejects_prints_reason(tmp_path: Path) -> None:
    code, said = await probe(negotiation.rejects(1, 1, 7), tmp_path, "--calling-ae", "US")
    assert code == 1
    assert ", US to ANY-SCP " in said
    assert "C-ECHO rejected: the archive rejects the association" in said
    assert "called-ae-title-not-recognized it has another AE title" in said
    assert "Studies no_association: not asked" in said


async def test_probe_of_archive_that_refuses_the_query_is_not_as_expected_and_says_the_cure(tmp_path: Path) -> None:
    code, said = await probe(find.finds(0, 0x0124), tmp_path)
    assert code == 1
    assert "C-ECHO success" in said
    assert "refused: it refuses the query (status 0124) Allow C-FIND for our AE title at the archive" in said


async def test_probe_exposure_tells_good_facts_from_bad_ones(tmp_path: Path) -> None:
    code, said = await probe(negotiation.rejects(1, 1, 7), tmp_path, "--exposure")
    assert code == 0
    assert "Level 2 of 7, refuses strangers. It speaks DICOM, and rejects unknown clients. " in said
    assert "rejected: a stranger is turned away (called-ae-title-not-recognized) " in said
    assert "passed The worklist cannot be queried" in said
    code, said = await probe(honest.honest(matches=3), tmp_path, "--exposure")
    assert code == 1
    assert "FAILED Any calling AE title is accepted" in said


async def test_probe_has_no_blanks_at_the_end_of_a_line(tmp_path: Path) -> None:
    async with (
        hostile.server(honest.honest(matches=3)) as server,
        started("probe", server.address, directory=tmp_path) as running,
    ):
        out, _ = await running.process.communicate()
    assert "Phase" in out.decode()
    assert all(line == line.rstrip() for line in out.decode().splitlines())


async def test_probe_json_has_the_whole_result(tmp_path: Path) -> None:
    code, said = await probe(honest.honest(matches=3), tmp_path, "--json")
    found = json.loads(said)
    assert code == 0
    assert found["format"] == 1
    assert found["calling_ae_title"] == "PROMETHEUS"
    assert not found.keys() & {"stranger", "prove", "identity"}
    assert "digests" not in found["queries"]["studies"]
    assert found["echo"] == {"outcome": "success", "status": 0}
    assert found["queries"]["studies"]["matches"] == 3
    assert found["services"] == {"verification": True, "study_find": True}
    assert found["phases"].keys() >= {"connect", "associate", "echo", "query", "release"}
    assert found["rejection"] is None


async def test_probe_logs_more_at_level_debug(tmp_path: Path) -> None:
    arguments = ("probe", "127.0.0.1:1", "--log.level=debug", "--log.format=json")
    async with started(*arguments, directory=tmp_path) as running:
        _, err = await running.process.communicate()
    logged = [line for line in map(json.loads, err.splitlines()) if line["msg"] == "probe"]
    assert [(line["identity"], line["outcome"]) for line in logged] == [("monitor", "refused")]


@pytest.mark.parametrize("arguments", [[], ["--json"]])
async def test_probe_output_escapes_control_characters_of_peer(arguments: list[str], tmp_path: Path) -> None:
    evil = "\x1b[31m[bold]\r\x07"

    async def behaviour(peer: Peer) -> None:
        proposal = await peer.proposal()
        user = wire.user_information(implementation_version=evil)
        await peer.send(wire.associate_ac(dict.fromkeys(proposal.contexts, wire.ACCEPTED), user=user))
        await honest.serve(peer)

    code, said = await probe(behaviour, tmp_path, *arguments)
    assert code == 0
    assert "?[31m[bold]??" in said
    assert said.isprintable()


async def test_demo_serves_metrics_of_its_archives_until_interrupted(tmp_path: Path) -> None:
    async with started("demo", "--web.listen-address=127.0.0.1:0", directory=tmp_path) as demo:
        said = ""
        while "Ctrl-C" not in said:
            line = await demo.said()
            assert line
            said += line
        url = re.search(r"The exporter: (http://127\.0\.0\.1:\d+)", said)
        assert url is not None
        for query in ("dicom_studies_visible", "demo-open", "demo-guarded", "demo-closed", f"{url[1]}/metrics"):
            assert query in said
        async with ClientSession() as client, client.get(f"{url[1]}/metrics") as response:
            text = await response.text()
        assert 'dicom_studies_visible{target="demo-open",identity="monitor"} 300.0' in text
        assert 'dicom_echo_success{target="demo-guarded",identity="monitor"} 1.0' in text
        demo.process.send_signal(signal.SIGINT)
        assert await demo.ended() == 0
        assert demo.process.stderr is not None
        async with asyncio.timeout(10):
            assert await demo.process.stderr.read() == b""
