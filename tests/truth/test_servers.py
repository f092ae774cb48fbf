"""Servers about which the exporter once claimed what is untrue, or knew less than could be known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.testing.truth.asking import MONITOR, Simulation
from tests.testing.truth.judging import untrue
from tests.testing.truth.levels import truth
from tests.testing.truth.model import (
    ALWAYS,
    PATIENT_FIND,
    STUDY_FIND,
    WORKLIST_FIND,
    Dimse,
    End,
    Endpoint,
    Find,
    Get,
    Login,
    Page,
    Policy,
    Reach,
    Redirect,
    Server,
    Web,
)


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    made = Simulation()
    yield made
    made.close()


def dimse(*services: Dimse, prove: bool = False) -> Server:
    """A DICOM port at each address of a name."""
    endpoints = tuple(Endpoint(f"192.0.2.{number}", dimse=each) for number, each in enumerate(services, 1))
    return Server(endpoints, prove_identity=prove, prove_download=prove)


def web(service: Web, *, prove: bool = False) -> Server:
    return Server((Endpoint(web=service),), prove_identity=prove, prove_download=prove)


def studies(**answer: object) -> Dimse:
    return Dimse(finds={STUDY_FIND: Find(**answer)}, get=Get())  # type: ignore[arg-type]


PATIENTS_ONLY = Dimse(finds={PATIENT_FIND: Find(), STUDY_FIND: Find(status=0x0124)}, get=Get())
PATIENTS_EXPLICIT = Dimse(finds={PATIENT_FIND: Find(implicit=False), WORKLIST_FIND: Find()}, get=Get())
FEW_CONTEXTS = replace(studies(end=End.ABORT_AFTER_MATCHES), policy=Policy.ABORTS_ON_MANY)
NAMELESS = Dimse(finds={STUDY_FIND: Find(names=False)})
NO_IPV6 = (
    Endpoint(dimse=Dimse(policy=Policy.REJECTS_CALLING), web=Web(login=Login.STATUS_401)),
    Endpoint("2001:db8::1", Reach.NO_ROUTE, dimse=Dimse(), web=Web()),
)
DARK = tuple(Endpoint(f"192.0.2.{number}", Reach.DROPS, web=Web(), page=Page()) for number in (1, 2, 3))
FOUR_DARK = tuple(Endpoint(f"192.0.2.{number}", Reach.DROPS, web=Web()) for number in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("server", "service", "expected"),
    [
        pytest.param(dimse(Dimse(), Dimse(busy=2, get=Get()), prove=True), "dimse", {"busy", "not_asked"}, id="busy"),
        pytest.param(dimse(NAMELESS, Dimse(busy=ALWAYS), prove=True), "dimse", {"busy"}, id="always busy"),
        pytest.param(dimse(NAMELESS, studies(end=End.HANG), prove=True), "dimse", {"timeout"}, id="hangs elsewhere"),
        pytest.param(dimse(studies(matches=0, end=End.HANG_ON_UNKNOWN)), "dimse", 4, id="hangs on an unknown UID"),
        pytest.param(dimse(studies(status=0xA700)), "dimse", {"unavailable"}, id="out of resources"),
        pytest.param(dimse(studies(status=0x0110)), "dimse", {"unavailable"}, id="processing failure"),
        pytest.param(dimse(studies(status=0x0124)), "dimse", 3, id="not authorised"),
        pytest.param(dimse(studies(status=0xC001)), "dimse", 3, id="unable to process"),
        pytest.param(dimse(studies(status=0xC001, too_much=True)), "dimse", {"not_offered"}, id="too much"),
        pytest.param(dimse(studies(status=0x0124, too_much=True)), "dimse", 4, id="list not authorised"),
        pytest.param(dimse(Dimse(policy=Policy.HANGS_UP)), "dimse", 1, id="hangs up"),
        pytest.param(dimse(Dimse(policy=Policy.CLOSES)), "dimse", {"tls_handshake"}, id="closes when asked"),
        pytest.param(dimse(PATIENTS_ONLY, prove=True), "dimse", {"not_asked"}, id="images of a patient"),
        pytest.param(dimse(PATIENTS_EXPLICIT, prove=True), "dimse", {"not_offered"}, id="patients in explicit VR"),
        pytest.param(dimse(replace(PATIENTS_ONLY, get=None), prove=True), "dimse", 6, id="no C-GET"),
        pytest.param(dimse(FEW_CONTEXTS, prove=True), "dimse", {"not_offered"}, id="aborts on many contexts"),
        pytest.param(Server(NO_IPV6), "dimse", {"ip_version"}, id="no route for IPv6"),
        pytest.param(Server(NO_IPV6), "dicomweb", {"ip_version"}, id="no route for IPv6 over HTTP"),
        pytest.param(Server(DARK), "dicomweb", 0, id="three dark addresses over HTTP"),
        pytest.param(Server(DARK), "web", 0, id="three dark addresses of a page"),
        pytest.param(Server(DARK), "dimse", 0, id="three dark addresses over DICOM"),
        pytest.param(Server(FOUR_DARK), "dicomweb", 0, id="four dark addresses over HTTP"),
        pytest.param(Server(FOUR_DARK), "dimse", 0, id="four dark addresses over DICOM"),
        pytest.param(web(Web(max_limit=10, ignores_filter=True), prove=True), "dicomweb", 7, id="filter ignored"),
        pytest.param(web(Web(login=Login.FORM)), "dicomweb", 2, id="form in place of a list"),
        pytest.param(web(Web(redirects=1, redirect=Redirect.META)), "dicomweb", {"redirect"}, id="refresh"),
        pytest.param(web(Web(redirects=1, redirect=Redirect.COOKIE)), "dicomweb", {"redirect"}, id="cookie"),
    ],
)
def test_server_is_known_or_unknown_with_its_reason(
    simulation: Simulation, server: Server, service: str, expected: int | set[str]
) -> None:
    claims = simulation.ask(server)
    claim = claims.levels[service]
    assert (claim.level if claim.known else claim.reasons) == expected
    assert untrue(claims, truth(server)) == []


@pytest.mark.parametrize("login", [Login.NONE, Login.STATUS_401])
def test_server_whose_list_there_was_no_time_to_ask_for_is_unknown(simulation: Simulation, login: Login) -> None:
    claims = simulation.ask(replace(web(Web(delay=2.01, login=login)), seconds=2.0))
    assert claims.levels["dicomweb"].reasons == {"not_asked"}
    assert claims.studies.number is None


@pytest.mark.parametrize(
    ("server", "number", "complete"),
    [
        (web(Web(studies=30, page=10, repeats=True)), 30, True),
        (web(Web(studies=19, ignores_limit=True)), 19, True),
        (web(Web(studies=30, max_limit=10)), 30, True),
        (web(Web(studies=30, page=10, ignores_offset=True)), 10, False),
        (web(Web(studies=12, page=12)), 12, True),
        (web(Web(studies=30, page=12, says_more=True, ignores_offset=True)), 12, False),
    ],
)
def test_server_list_over_dicomweb_is_complete_only_if_proved(
    simulation: Simulation, server: Server, number: int, complete: bool
) -> None:
    claims = simulation.ask(Server(server.endpoints, max_matches=100))
    assert (claims.studies.number, claims.studies.complete) == (number, complete)


@pytest.mark.parametrize(
    ("answer", "images", "complete"),
    [
        ({"instances": "+7"}, 21, True),
        ({"instances": "0.7E1"}, 21, True),
        ({"instances": " 7", "out_of_order": True}, 21, True),
        ({"instances": "7", "instances_of_first": False}, 14, False),
        ({"instances": "7\\8"}, None, False),
        ({"instances": None, "matches": 0}, 0, True),
    ],
)
def test_server_sum_of_images_is_complete_only_if_every_match_has_it(
    simulation: Simulation, answer: dict[str, object], images: int | None, complete: bool
) -> None:
    count = simulation.ask(dimse(studies(**answer))).matches["studies"]
    assert (count.instances, count.instances_complete) == (images, complete)


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        ({}, {"CT": 3, "MR": 0}),
        ({"ignores_keys": True}, {"CT": 3}),
        ({"shows_modality": False}, {"MR": 0}),
        ({"ignores_keys": True, "huge": True}, {}),
    ],
    ids=["honest", "ignores the key", "does not show the key", "sends a match that is too large to be checked"],
)
def test_server_that_ignores_a_key_gets_no_count_for_it(
    simulation: Simulation, answer: dict[str, object], counts: dict[str, int]
) -> None:
    claims = simulation.ask(dimse(studies(**answer)), MONITOR)
    assert {name: count.number for name, count in claims.matches.items()} == counts
