"""Servers at random: every part by itself, each mostly in its open form, so that faults are seen alone and together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.testing.truth.model import (
    ALWAYS,
    CT,
    ENHANCED_MR,
    FINDS,
    PRIVATE,
    STUDY_FIND,
    SYNTAXES,
    TLS,
    Dimse,
    End,
    Endpoint,
    Find,
    Get,
    Login,
    Media,
    Nothing,
    Page,
    Policy,
    Reach,
    Redirect,
    Server,
    Web,
)

T = TypeVar("T")

_IPS = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")
_REFUSALS = (0x0110, 0x0122, 0x0124, 0x0213, 0xA700, 0xA900, 0xC000, 0xC001)
_UNAVAILABLE = (408, 425, 429, 500, 502, 503, 504)
_INSTANCES = ("7", " 7", "+7", "07", "7 ", "7.0", "0.7E1", "", "many", "7\\8", None)
_DELAYS = (0.5, 4.0, 40.0)
_WADO_ACCEPT = ("transfer-syntax=*", 'type="application/dicom"')


def mostly(usual: T, *others: T, weight: int = 4) -> SearchStrategy[T]:
    """`usual` in `weight` of `weight` + 1 cases, else one of `others`."""
    return st.sampled_from((usual,) * (weight * len(others)) + others)


def others_of(usual: T, kinds: Any, weight: int = 4) -> SearchStrategy[T]:
    """`mostly`, with every other member of an enum."""
    return mostly(usual, *(kind for kind in kinds if kind is not usual), weight=weight)


@st.composite
def finds(draw: DrawFn) -> Find:
    """The answer to a C-FIND."""
    matches = draw(st.sampled_from((3, 0, 1, 2, 19, 20, 21, 30)))
    status = draw(mostly(0x0000, 0xB001, *_REFUSALS, weight=3))
    return Find(
        matches=matches,
        status=status,
        too_much=draw(mostly(False, True)),
        end=draw(others_of(End.STATUS, End, weight=3)),
        more=draw(st.sampled_from((5, 0, 1000))) if status == 0xB001 else 0,
        names=draw(mostly(True, False)),
        instances=draw(mostly(*_INSTANCES)),
        instances_of_first=draw(mostly(True, False)),
        out_of_order=draw(mostly(False, True)),
        huge=draw(mostly(False, True, weight=15)),
        ignores_keys=draw(mostly(False, True, weight=8)),
        shows_modality=draw(mostly(True, False, weight=8)),
        implicit=draw(mostly(True, False, weight=8)),
        pending=draw(mostly(0xFF00, 0xFF01)),
    )


@st.composite
def gets(draw: DrawFn) -> Get:
    """The answer to a C-GET."""
    return Get(
        sop_class=draw(st.sampled_from((CT, ENHANCED_MR, PRIVATE))),
        syntax=draw(st.sampled_from(SYNTAXES)),
        converts=draw(st.booleans()),
        end=draw(mostly(End.STATUS, End.ABORT, End.HANG)),
        refusal=draw(mostly(None, 0x0122, 0x0124, 0xA701, 0xA702, 0xA900, 0xB000, 0xC000)),
    )


@st.composite
def dimses(draw: DrawFn) -> Dimse:
    """A DICOM port."""
    answers = draw(st.dictionaries(st.sampled_from(FINDS), finds(), max_size=3))
    if draw(mostly(True, False)):
        answers.setdefault(STUDY_FIND, draw(finds()))
    # Narrower questions are only asked for studies.
    answers = {uid: find if uid == STUDY_FIND else replace(find, too_much=False) for uid, find in answers.items()}
    return Dimse(
        tls=draw(others_of(TLS.NONE, TLS, weight=3)),
        policy=draw(others_of(Policy.ACCEPTS, Policy, weight=3)),
        busy=draw(mostly(0, 1, 2, ALWAYS, weight=6)),
        busy_reason=draw(st.sampled_from(((2, 3, 1), (2, 3, 2), (2, 2, 1), (2, 1, 1), (1, 3, 2)))),
        echo=draw(mostly(End.STATUS, None, End.ABORT, End.CLOSE, End.HANG, End.MALFORMED)),
        echo_status=draw(mostly(0x0000, 0x0122, 0x0210, weight=8)),
        finds=answers,
        get=draw(st.one_of(st.none(), gets())),
        storage=draw(mostly(True, False)),
        delay=draw(mostly(0.0, *_DELAYS, weight=7)),
    )


@st.composite
def webs(draw: DrawFn, *, over_tls: bool) -> Web:
    """A DICOMweb root."""
    return Web(
        tls=draw(others_of(TLS.ANY, [kind for kind in TLS if kind is not TLS.NONE])) if over_tls else TLS.NONE,
        gateway=draw(mostly(None, *_UNAVAILABLE, weight=6)),
        gateway_times=draw(st.sampled_from((ALWAYS, 1, 2))),
        redirects=draw(mostly(0, *range(1, 8))),
        redirect=draw(others_of(Redirect.RELATIVE, Redirect, weight=1)),
        login=draw(others_of(Login.NONE, Login, weight=6)),
        studies=draw(st.sampled_from((3, 0, 1, 12, 19, 20, 21, 30, 120))),
        nothing=draw(others_of(Nothing.ARRAY, Nothing, weight=2)),
        media=draw(others_of(Media.DICOM_JSON, Media)),
        page=draw(mostly(None, 10, 12, 20, 25, 50, 100, weight=2)),
        says_more=draw(st.booleans()),
        partial=draw(st.booleans()),
        max_limit=draw(mostly(None, 10, 20, 100)),
        refusal=draw(st.sampled_from((400, 413, 422))),
        list_status=draw(mostly(None, 400, 403, 413, weight=8)),
        ignores_offset=draw(mostly(False, True)),
        ignores_limit=draw(mostly(False, True, weight=8)),
        repeats=draw(mostly(False, True, weight=8)),
        ignores_filter=draw(mostly(False, True, weight=8)),
        names=draw(mostly(True, False)),
        wado_status=draw(mostly(200, 401, 403, 404, 503)),
        wado_accept=draw(mostly(None, *_WADO_ACCEPT)),
        delay=draw(mostly(0.0, *_DELAYS, weight=8)),
    )


@st.composite
def pages(draw: DrawFn, *, over_tls: bool) -> Page:
    """A page, perhaps of an Orthanc with its REST interface."""
    return Page(
        tls=draw(others_of(TLS.ANY, [kind for kind in TLS if kind is not TLS.NONE])) if over_tls else TLS.NONE,
        gateway=draw(mostly(None, *_UNAVAILABLE, weight=6)),
        gateway_times=draw(st.sampled_from((ALWAYS, 1, 2))),
        redirects=draw(mostly(0, *range(1, 8))),
        redirect=draw(others_of(Redirect.RELATIVE, Redirect, weight=1)),
        login=draw(others_of(Login.NONE, Login, weight=6)),
        orthanc=draw(mostly(True, False, weight=2)),
        studies=draw(st.sampled_from((3, 0, 1, 120))),
        rest_status=draw(mostly(None, 401, 403, 404, 503)),
        statistics=draw(mostly(True, False)),
        delay=draw(mostly(0.0, *_DELAYS, weight=8)),
    )


@st.composite
def servers(draw: DrawFn, *, web: bool | None = None) -> Server:
    """A server with 1 to 4 addresses; with `web` or without, by default either."""
    ips = draw(st.lists(st.sampled_from(_IPS), min_size=1, max_size=draw(mostly(1, 2, 3, 4, weight=2)), unique=True))
    has_web = draw(st.booleans()) if web is None else web
    over_tls = has_web and draw(st.booleans())
    has_page = has_web and draw(mostly(False, True, weight=2))
    endpoints = []
    for ip in ips:
        reach = draw(others_of(Reach.ANSWERS, Reach, weight=6 if len(ips) == 1 else 2))
        endpoints.append(
            Endpoint(
                ip,
                reach,
                None if web is True else draw(st.one_of(dimses(), dimses(), st.none())),
                draw(webs(over_tls=over_tls)) if has_web else None,
                draw(pages(over_tls=over_tls)) if has_page else None,
            )
        )
    return Server(
        tuple(endpoints),
        by_name=len(ips) > 1 or draw(mostly(True, False)),
        prove_identity=draw(st.booleans()),
        prove_download=draw(st.booleans()),
        max_matches=draw(mostly(20, 5, 100)),
        seconds=draw(mostly(15.0, 2.0, 4.5, 7.0, 10.0, weight=2)),
    )
