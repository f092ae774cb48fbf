"""The reference itself: what is true of servers that are simple enough to say it by hand."""

from __future__ import annotations

import pytest

from tests.testing.truth.levels import truth
from tests.testing.truth.model import (
    STUDY_FIND,
    TLS,
    WORKLIST_FIND,
    Dimse,
    End,
    Endpoint,
    Find,
    Get,
    Login,
    Media,
    Policy,
    Reach,
    Redirect,
    Server,
    Web,
)
from tests.testing.truth.reducing import smallest


@pytest.mark.parametrize(
    ("dimse", "level"),
    [
        (None, 0),
        (Dimse(policy=Policy.CLOSES), 1),
        (Dimse(policy=Policy.REJECTS_CALLING), 2),
        (Dimse(tls=TLS.CLIENT_CERTIFICATE), 2),
        (Dimse(finds={}), 3),
        (Dimse(policy=Policy.ACCEPTS_AND_ABORTS), 3),
        (Dimse(finds={STUDY_FIND: Find(status=0x0124)}), 3),
        (Dimse(finds={STUDY_FIND: Find(matches=0)}), 4),
        (Dimse(finds={WORKLIST_FIND: Find(names=False)}), 5),
        (Dimse(finds={STUDY_FIND: Find(names=False)}, get=Get(refusal=0x0124)), 5),
        (Dimse(), 6),
        (Dimse(echo=End.ABORT, busy=2, delay=40.0), 6),
        (Dimse(get=Get(), tls=TLS.NO_COMMON_CIPHER), 7),
    ],
)
def test_levels_of_a_dicom_port(dimse: Dimse | None, level: int) -> None:
    server = Server((Endpoint(dimse=dimse),), prove_identity=True, prove_download=True)
    assert truth(server).dimse.levels == {level}


@pytest.mark.parametrize(
    ("web", "level"),
    [
        (Web(media=Media.HTML), 1),
        (Web(login=Login.STATUS_401), 2),
        (Web(redirects=2, redirect=Redirect.LOGIN), 2),
        (Web(studies=0), 4),
        (Web(names=False, wado_status=403), 5),
        (Web(wado_status=403, gateway=503, redirects=7), 6),
        (Web(media=Media.XML), 7),
    ],
)
def test_levels_of_a_dicomweb_root(web: Web, level: int) -> None:
    server = Server((Endpoint(web=web),), prove_identity=True, prove_download=True)
    found = truth(server).dicomweb
    assert found is not None
    assert found.levels == {level}


def test_levels_stop_at_the_steps_that_were_asked_for() -> None:
    open_to_all = (Endpoint(dimse=Dimse(get=Get())),)
    assert truth(Server(open_to_all)).dimse.levels == {5}
    assert truth(Server(open_to_all, prove_download=True)).dimse.levels == {7}


def test_levels_of_the_most_open_address_count() -> None:
    addresses = (Endpoint("192.0.2.1", Reach.DROPS), Endpoint("192.0.2.2", dimse=Dimse()))
    assert truth(Server(addresses)).dimse.levels == {5}


def test_reducing_keeps_only_what_the_fault_needs() -> None:
    server = Server(
        (
            Endpoint("192.0.2.1", dimse=Dimse(policy=Policy.ABORTS, delay=4.0), web=Web(page=10)),
            Endpoint("192.0.2.2", Reach.DROPS),
        ),
        max_matches=5,
    )
    reduced = smallest(server, lambda other: any(each.reach is Reach.DROPS for each in other.endpoints))
    assert repr(reduced) == "Server(endpoints=(Endpoint(reach=Reach.DROPS),))"
