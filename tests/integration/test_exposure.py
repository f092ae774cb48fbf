"""The exposure ladder on real archives: what is proved, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientSession

from dicom_exporter.config import Address, Config, Expect, Exposure, Module, Target
from dicom_exporter.config.model import WebEntry
from dicom_exporter.enums import Check, LadderService, Outcome, QueryOutcome, UnknownReason
from dicom_exporter.prober.prober import Prober
from dicom_exporter.results import SessionResult
from dicom_exporter.verdict.ladder import Verdict
from tests.testing import hostile
from tests.testing.exporting import exporter
from tests.testing.hostile import Event, wire
from tests.testing.peers import Certificates, Orthanc, dcmtk, synthetic
from tests.testing.peers.orthanc import EVERYTHING_OPEN, ONLY_KNOWN
from tests.testing.readme import blocks
from tests.testing.web_config import basic

pytestmark = pytest.mark.integration

COUNTS = Exposure()


async def look(
    host: str,
    port: int,
    *,
    exposure: Exposure = COUNTS,
    called: str = "ORTHANC",
    seconds: float = 10.0,
    **more: object,
) -> tuple[Verdict, SessionResult]:
    """What a stranger finds at `host`, and the session that it was."""
    target = replace(Target("t", Address(host, port), called, ("exposure",), Expect.CLOSED), **more)  # type: ignore[arg-type]
    module = Module("exposure", identity="stranger", timeout=seconds, echo=False, exposure=exposure)
    prober = Prober(Config((target,), modules={"exposure": module}))
    try:
        (record,) = await prober.probe_targets([target], seconds)
    finally:
        await prober.close()
    assert record.verdict is not None
    return record.verdict, record.sessions[0]


async def look_at(archive: Orthanc, **more: object) -> tuple[Verdict, SessionResult]:
    return await look(archive.dicom.host, archive.dicom.port, **more)  # type: ignore[arg-type]


async def test_exposure_open_orthanc_hands_out_images(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(**EVERYTHING_OPEN)
    archive.upload(synthetic.studies(20, instances=2))
    before, changes = archive.statistics(), archive.changes()
    verdict, session = await look_at(archive)
    assert verdict.levels == {"dimse": 5}
    assert session.queries["studies"].matches == before["CountStudies"]
    assert session.queries["studies"].instances == before["CountInstances"]
    assert session.queries["patients"].matches == before["CountPatients"]
    assert verdict.checks[Check.CALLING_AE_TITLE_UNCHECKED] is True
    assert verdict.checks[Check.CALLED_AE_TITLE_UNCHECKED] is True
    assert verdict.checks[Check.PLAINTEXT_ACCEPTED] is True
    assert verdict.checks[Check.STORE_NEGOTIABLE] is True
    assert verdict.checks[Check.RETRIEVE_NEGOTIABLE] is True
    for exposure, level in ((Exposure(prove=("identity",)), 6), (Exposure(prove=("download",)), 7)):
        verdict, _ = await look_at(archive, exposure=exposure)
        assert verdict.levels == {"dimse": level}
    assert (archive.statistics(), archive.changes()) == (before, changes)  # nothing was written


async def test_exposure_orthanc_defaults(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc()
    archive.upload(synthetic.studies(3))
    verdict, session = await look_at(archive)
    assert verdict.levels == {"dimse": 3}
    assert verdict.checks[Check.STORE_NEGOTIABLE] is True
    assert session.echo is not None
    assert session.echo.outcome is Outcome.SUCCESS
    assert "studies" not in session.queries or session.queries["studies"].matches is None


async def test_exposure_orthanc_with_known_callers_refuses_strangers(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(known={"m": "PROMETHEUS"}, **ONLY_KNOWN)
    verdict, _ = await look_at(archive)
    assert verdict.levels == {"dimse": 2}
    assert verdict.checks[Check.CALLING_AE_TITLE_UNCHECKED] is False
    assert verdict.checks[Check.STORE_NEGOTIABLE] is False


async def test_exposure_change_of_calling_title_check_is_seen(orthanc: Callable[..., Orthanc]) -> None:
    closed = orthanc(known={"m": "PROMETHEUS"}, **ONLY_KNOWN)
    opened = orthanc(**EVERYTHING_OPEN)
    verdicts = [(await look_at(archive))[0] for archive in (closed, opened, closed)]
    seen = [verdict.checks[Check.CALLING_AE_TITLE_UNCHECKED] for verdict in verdicts]
    assert seen == [False, True, False]


async def test_exposure_storescp_associates(storescp: Callable[..., dcmtk.Server]) -> None:
    server = storescp()
    verdict, _ = await look(server.dicom.host, server.dicom.port)
    assert verdict.levels == {"dimse": 3}


async def test_exposure_orthanc_over_tls(orthanc: Callable[..., Orthanc], certificates: Certificates) -> None:
    archive = orthanc(tls=certificates, **EVERYTHING_OPEN)
    verdict, session = await look_at(archive)
    level = verdict.levels[LadderService.DIMSE]
    assert level is not None
    assert level >= 3
    assert verdict.checks[Check.PLAINTEXT_ACCEPTED] is False
    assert session.tls is not None
    assert session.tls.certificate_expiry is not None
    assert session.tls.client_certificate_required is not True


async def test_exposure_tls_with_client_certificate_required(
    orthanc: Callable[..., Orthanc], certificates: Certificates
) -> None:
    archive = orthanc(tls=certificates, DicomTlsRemoteCertificateRequired=True, **EVERYTHING_OPEN)
    verdict, session = await look_at(archive)
    assert verdict.levels == {"dimse": 2}
    assert session.tls is not None
    assert session.tls.client_certificate_required is True


async def test_exposure_dicomweb_of_open_orthanc(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(dicomweb=True, **EVERYTHING_OPEN)
    archive.upload(synthetic.studies(4))
    verdict, session = await look_at(
        archive,
        dicomweb=f"http://{archive.http}/dicom-web",
        web=(WebEntry(f"http://{archive.http}/app/explorer.html"),),
    )
    assert verdict.levels == {"dimse": 5, "dicomweb": 5, "web": 5}
    assert verdict.checks[Check.HTTP_WITHOUT_TLS] is True
    assert session.dicomweb is not None
    assert session.dicomweb.studies == 4
    assert [page.version for page in session.web] == [archive.request("GET", "/system")["Version"]]


async def test_exposure_docs_name_the_version_of_orthanc(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    """The configuration of docs/software.md."""
    archive = orthanc(AuthenticationEnabled=True, RegisteredUsers={"monitor": "made-up"})
    (text,) = blocks("yaml", Path(__file__).parents[2] / "docs" / "software.md")
    whole = yaml.safe_load(text)
    (target,) = whole.pop("targets")
    whole["identities"]["rest"]["http"] = {
        "basic_auth": {"username": "monitor", "password_file": "orthanc-password"},
    }
    target |= {"address": str(archive.dicom), "web": [{"url": f"http://{archive.http}/app/explorer.html"}]}
    (tmp_path / "orthanc-password").write_text("made-up\n")
    (tmp_path / "orthanc-password").chmod(0o600)
    async with exporter(tmp_path, [target], **whole) as exporting:
        shown = await exporting.get()
        (tmp_path / "orthanc-password").write_text("another\n")
        status, said = await exporting.reload()
        assert status == 200, said
        refused = await exporting.get()
    async with (
        ClientSession(headers=basic("monitor", "made-up")) as client,
        client.get(f"http://{archive.http}/system") as answer,
    ):
        version = (await answer.json())["Version"]
    labels = {"product": "Orthanc", "implementation_version": version, "identity": "rest"}
    assert shown.value("dicom_peer_info", **labels) == 1
    assert shown.values("dicom_peer_release_year", **labels)
    assert not refused.values("dicom_peer_info", product="Orthanc")


async def test_exposure_dicomweb_with_password_is_denied(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(dicomweb=True, AuthenticationEnabled=True, RegisteredUsers={"alice": "synthetic"})
    url = f"http://{archive.http}"
    verdict, _ = await look_at(archive, dicomweb=f"{url}/dicom-web", web=(WebEntry(url),))
    assert verdict.levels == {"dimse": 3, "dicomweb": 2, "web": 2}


async def test_exposure_refused_connection_is_closed() -> None:
    verdict, _ = await look("127.0.0.1", 1)
    assert verdict.levels == {"dimse": 0}


async def test_exposure_web_server_on_the_port_is_open_port(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc()
    verdict, _ = await look(archive.http.host, archive.http.port)
    assert verdict.levels == {"dimse": 1}


async def test_exposure_unresolved_name_is_unknown() -> None:
    verdict, _ = await look("no-such-host.invalid", 104)
    assert verdict.levels == {"dimse": None}


async def test_exposure_unreachable_address_is_unknown() -> None:
    """In a network namespace without routes: no packet leaves it."""
    process = await asyncio.create_subprocess_exec(
        "unshare",
        "--map-root-user",
        "--net",
        sys.executable,
        *("-m", "dicom_exporter", "probe", "203.0.113.7:104", "--exposure", "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 3
    found = json.loads(out)
    assert found["level"] is None
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["unreachable"]


@pytest.mark.parametrize(
    ("behaviour", "level"),
    [
        (hostile.plain.silent, None),  # nor does silence
        (hostile.negotiation.rejects(1, 1, 3), 2),
        (hostile.negotiation.rejects(1, 1, 7), 2),
        (hostile.negotiation.aborts(0, 0), 2),
        (hostile.negotiation.rejects(2, 3, 2), None),  # busy says nothing about who gets in
        (hostile.negotiation.refuses_contexts(), 3),
        (hostile.honest.honest(), 4),
        (hostile.find.finds(3), 5),
        (hostile.find.ends_after(3, data=hostile.wire.abort()), 5),  # a match is a match
        (hostile.find.endless_matches(), 5),
        (hostile.partial.at_echo(hostile.partial.hang), 5),
        (hostile.partial.at_echo(hostile.partial.abort), 5),
        (hostile.partial.once(lambda request: True, hostile.partial.abort), 5),
        (hostile.partial.once(hostile.partial.is_worklist, hostile.partial.hang), 5),
        (hostile.partial.huge_match(), 5),
    ],
)
async def test_exposure_levels_follow_what_the_peer_allowed(behaviour: hostile.Behaviour, level: int | None) -> None:
    async with hostile.server(behaviour) as server, asyncio.timeout(30):
        verdict, _ = await look(server.host, server.port, exposure=Exposure(max_matches=100), seconds=4.0)
        assert verdict.levels == {"dimse": level}
        for peer in await server.ended(len(server.connections)):
            assert peer.ended_cleanly


async def test_exposure_accept_and_abort_in_one_segment_is_an_association() -> None:
    async with hostile.server(hostile.partial.accepts_and_aborts()) as server, asyncio.timeout(30):
        verdict, session = await look(server.host, server.port)
        assert verdict.levels == {"dimse": 3}
        assert {query.outcome for query in session.queries.values()} == {QueryOutcome.UNSUPPORTED}
        assert len(server.connections) == 2  # one for all questions, one with a random called title


async def test_exposure_worklist_aborted_once_is_queryable() -> None:
    behaviour = hostile.partial.once(hostile.partial.is_worklist, hostile.partial.abort, matches=2)
    async with hostile.server(behaviour) as server, asyncio.timeout(30):
        verdict, session = await look(server.host, server.port)
        assert verdict.checks[Check.WORKLIST_QUERYABLE] is True
        assert session.queries["worklist"].matches == 2


async def test_exposure_query_that_hangs_is_a_doubt() -> None:
    def is_find(request: hostile.Message) -> bool:
        return request.kind == hostile.messages.C_FIND_RQ

    async with (
        hostile.server(hostile.partial.faulty_at(is_find, hostile.partial.hang)) as server,
        asyncio.timeout(30),
    ):
        _, session = await look(server.host, server.port, seconds=3.0)
        assert session.stranger is not None
        assert UnknownReason.TIMEOUT in session.stranger.attempts[0].doubts  # and overload, if we are busy
        for peer in await server.ended(len(server.connections)):
            assert peer.ended_cleanly


async def test_exposure_dcmqrscp_hands_out_images(dcmqrscp: Callable[..., dcmtk.Server], tmp_path: Path) -> None:
    """It does not say which SOP classes its studies have."""
    server = dcmqrscp()
    synthetic.write_files(synthetic.studies(3, instances=2), tmp_path / "files")
    assert dcmtk.storescu(server.dicom, tmp_path / "files", called="DCMQRSCP").ok
    exposure = Exposure(prove=("identity", "download"))
    verdict, _ = await look(server.dicom.host, server.dicom.port, called="DCMQRSCP", exposure=exposure)
    assert verdict.levels == {"dimse": 7}


async def test_exposure_surface_of_dcmqrscp_may_be_retrieved(dcmqrscp: Callable[..., dcmtk.Server]) -> None:
    server = dcmqrscp()
    plain, _ = await look(server.dicom.host, server.dicom.port, called="DCMQRSCP")
    verdict, _ = await look(server.dicom.host, server.dicom.port, called="DCMQRSCP", exposure=Exposure(surface=True))
    assert verdict.levels == plain.levels
    assert verdict.checks == {**plain.checks, Check.RETRIEVE_AUTHORISED: True}


@pytest.mark.parametrize(
    ("settings", "authorised"),
    [
        (EVERYTHING_OPEN, None),  # C000: it has no such study, or refuses
        ({**ONLY_KNOWN, "DicomCheckCalledAet": False, "DicomAlwaysAllowFind": True}, False),  # it aborts
        (ONLY_KNOWN, False),
    ],
)
async def test_exposure_surface_of_orthanc_is_left_unchanged(
    orthanc: Callable[..., Orthanc], settings: dict[str, bool], authorised: bool | None
) -> None:
    archive = orthanc(dicomweb=True, known={"us": "PROMETHEUS"}, **settings)
    archive.upload(synthetic.studies(3))
    before, changes = archive.statistics(), archive.changes()
    root = f"http://{archive.http}/dicom-web"
    plain, _ = await look_at(archive, dicomweb=root)
    verdict, _ = await look_at(archive, dicomweb=root, exposure=Exposure(surface=True))
    assert (verdict.levels, verdict.at_least) == (plain.levels, plain.at_least)
    assert verdict.checks.get(Check.RETRIEVE_AUTHORISED) is authorised
    assert verdict.checks.get(Check.STOW_OFFERED) is None  # it does not answer OPTIONS
    assert verdict.checks.get(Check.CORS_WITH_CREDENTIALS) is False
    assert (archive.statistics(), archive.changes()) == (before, changes)


async def test_exposure_wlmscpfs_identifies_patients(wlmscpfs: Callable[..., dcmtk.Server]) -> None:
    server = wlmscpfs(items=[synthetic.worklist_item(number) for number in range(2)])
    exposure = Exposure(prove=("identity",))
    verdict, _ = await look(server.dicom.host, server.dicom.port, called="WORKLIST", exposure=exposure)
    assert verdict.levels == {"dimse": 6}


async def test_exposure_associations_are_one_at_a_time() -> None:
    now = most = 0

    async def behaviour(peer: hostile.Peer) -> None:
        nonlocal now, most
        await hostile.honest.associate(peer)
        now += 1
        most = max(most, now)
        try:
            await hostile.honest.serve(peer, matches=3)
            await peer.gone.wait()
        finally:
            now -= 1

    async with hostile.server(behaviour) as server, asyncio.timeout(30):
        targets = [
            Target(
                f"t{n}", Address(server.host, server.port), expect=Expect.GUARDED, modules=("availability", "exposure")
            )
            for n in range(3)
        ]
        prober = Prober(Config(tuple(targets)))
        try:
            await prober.probe_targets(targets, 20.0)
        finally:
            await prober.close()
        titles = {peer.requests[0].calling for peer in server.connections}  # type: ignore[union-attr]
        assert len(titles - {"PROMETHEUS"}) >= 6  # a new one each time
        for peer in await server.ended(len(server.connections)):
            assert Event.RELEASED in peer.events or Event.ABORTED in peer.events
    assert most == 1


async def test_exposure_well_known_titles_only_if_configured() -> None:
    async def behaviour(peer: hostile.Peer) -> None:
        proposal = await peer.proposal()
        if proposal.called == "DCM4CHEE":
            await peer.send(hostile.wire.associate_ac(dict.fromkeys(proposal.contexts, hostile.wire.ACCEPTED)))
        else:
            await peer.send(hostile.wire.associate_rj(1, 1, 7))

    async with hostile.server(behaviour) as server, asyncio.timeout(30):
        verdict, _ = await look(server.host, server.port, called="MAIN", seconds=4.0)
        assert verdict.levels == {"dimse": 2}
        verdict, _ = await look(server.host, server.port, called="MAIN", seconds=8.0, well_known_titles=True)
        assert verdict.at_least == {"dimse": 3}


async def test_exposure_archive_that_hangs_up_on_a_large_proposal_lists_studies() -> None:
    """Some abort on what they do not like, and some close the connection: both are asked for less."""

    async def behaviour(peer: hostile.Peer) -> None:
        proposal = await peer.proposal()
        if len(proposal.contexts) > 3:
            peer.close()
            return
        await peer.send(wire.associate_ac(dict.fromkeys(proposal.contexts, wire.ACCEPTED), called=proposal.called))
        await hostile.honest.serve(peer, matches=2)

    async with hostile.server(behaviour) as server, asyncio.timeout(30):
        verdict, _ = await look(server.host, server.port, seconds=10.0)
    assert verdict.levels == {"dimse": 5}
