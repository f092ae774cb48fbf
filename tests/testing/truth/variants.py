"""Variants of a server: slower, or without all that may leave a level unknown."""

from __future__ import annotations

from dataclasses import replace

from tests.testing.truth.model import (
    STUDY_FIND,
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

_SECONDS = 15.0
_MOST_ADDRESSES = 2
_MOST_REDIRECTS = 5
_UNCLEAR = frozenset(
    {
        Policy.CLOSES,
        Policy.NOT_DICOM,
        Policy.ABORTS_ON_MANY,
        Policy.ACCEPTS_AND_ABORTS,
        Policy.ACCEPTS_THEN_ABORTS,
        Policy.ACCEPTS_AND_CLOSES,
        Policy.ACCEPTS_AND_RELEASES,
        Policy.REJECTS_EVERY_OTHER,
        Policy.ABORTS_ONCE,
    }
)
_PLAIN_STATUSES = frozenset({0x0000, 0x0122, 0x0124, 0xA900, 0xC000, 0xC001})
_UNUSUAL_REDIRECTS = frozenset({Redirect.META, Redirect.COOKIE})
_PLAIN_REACH = {Reach.UNREACHABLE: Reach.REFUSES, Reach.NO_ROUTE: Reach.REFUSES, Reach.REFUSES_ONCE: Reach.ANSWERS}


def slowed(server: Server, delay: float) -> Server:
    """`server` with `delay` seconds before each answer."""
    endpoints = (
        replace(
            each,
            dimse=None if each.dimse is None else replace(each.dimse, delay=delay),
            web=None if each.web is None else replace(each.web, delay=delay),
            page=None if each.page is None else replace(each.page, delay=delay),
        )
        for each in server.endpoints
    )
    return replace(server, endpoints=tuple(endpoints))


def plain(server: Server) -> Server:
    """`server` without moments, hostile answers, and forms that a client need not be able to read.

    The level of what is left must be known: a client that calls all levels unknown claims nothing that is untrue.
    """
    endpoints = tuple(_plain_endpoint(each) for each in server.endpoints[:_MOST_ADDRESSES])
    return replace(server, endpoints=endpoints, by_name=True, seconds=_SECONDS)


def _plain_endpoint(endpoint: Endpoint) -> Endpoint:
    dimse, web, page = endpoint.dimse, endpoint.web, endpoint.page
    return replace(
        endpoint,
        reach=_PLAIN_REACH.get(endpoint.reach, endpoint.reach),
        dimse=None if dimse is None else _plain_dimse(dimse),
        web=None if web is None else _plain_web(web),
        page=None if page is None else _plain_page(page),
    )


def _plain_dimse(dimse: Dimse) -> Dimse:
    finds = {uid: _plain_find(find) for uid, find in dimse.finds.items()}
    studies = finds.get(STUDY_FIND)
    lists = studies is not None and studies.status == 0x0000 and studies.matches > 0
    return replace(
        dimse,
        tls=_plain_tls(dimse.tls),
        policy=Policy.ACCEPTS if dimse.policy in _UNCLEAR else dimse.policy,
        busy=0,
        echo=None if dimse.echo is None else End.STATUS,
        finds=finds,
        # By patient alone, we do not get to a study.
        get=_plain_get(dimse.get) if dimse.get is not None and lists else None,
        delay=0.0,
    )


def _plain_find(find: Find) -> Find:
    # What B001 holds back may name somebody.
    status = find.status if find.status in _PLAIN_STATUSES else 0x0000 if find.status == 0xB001 else 0x0124
    return replace(find, status=status, too_much=False, more=0, end=End.STATUS, huge=False, implicit=True)


def _plain_get(get: Get) -> Get:
    # The others do not say that nobody gets an image: the identifier was not liked, or something failed.
    return replace(get, end=End.STATUS, refusal=get.refusal if get.refusal in (None, 0xC000) else 0x0124)


def _plain_tls(tls: TLS) -> TLS:
    return TLS.ANY if tls is TLS.NO_COMMON_CIPHER else tls


def _plain_web(web: Web) -> Web:
    return replace(
        web,
        tls=_plain_tls(web.tls),
        gateway=None,
        redirects=0 if web.redirect in _UNUSUAL_REDIRECTS else min(web.redirects, _MOST_REDIRECTS),
        login=Login.STATUS_401 if web.login is Login.FORM else web.login,
        nothing=Nothing.NO_CONTENT if web.nothing is Nothing.NO_CONTENT else Nothing.ARRAY,
        media=Media.DICOM_JSON if web.media in (Media.XML, Media.HTML) else web.media,
        list_status=None,
        wado_status=200 if web.wado_status == 503 else web.wado_status,
        delay=0.0,
    )


def _plain_page(page: Page) -> Page:
    return replace(
        page,
        tls=_plain_tls(page.tls),
        gateway=None,
        redirects=0 if page.redirect in _UNUSUAL_REDIRECTS else min(page.redirects, _MOST_REDIRECTS),
        login=Login.STATUS_401 if page.login is Login.FORM else page.login,
        rest_status=None if page.rest_status == 503 else page.rest_status,
        delay=0.0,
    )
