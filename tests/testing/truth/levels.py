"""What a stranger who does everything can get of a server: read off its description alone.

That stranger has time, tries every address, offers every transfer syntax and SOP class, knows the public name, follows
every redirect, reads every format, and comes again after a moment such as a 503 or a congestion.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.testing.truth.model import (
    MODALITIES,
    PATIENT_FIND,
    STUDY_FIND,
    TLS,
    Dimse,
    End,
    Find,
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

CLOSED, OPEN_PORT, REFUSES, ASSOCIATES, QUERYABLE, LISTS, IDENTIFIES, HANDS_OUT = range(8)
"""The exposure ladder."""

_NO_CONNECTION = frozenset({Reach.REFUSES, Reach.DROPS, Reach.UNREACHABLE})
_ANSWERED = frozenset({0x0000, 0xB001})
_ENDS_AFTER_MATCHES = frozenset({End.ABORT_AFTER_MATCHES, End.FAILURE_AFTER_MATCHES})
_CLIENT_CERTIFICATE = frozenset({TLS.CLIENT_CERTIFICATE, TLS.CLIENT_CERTIFICATE_1_2})


@dataclass(frozen=True)
class Level:
    """The true level of a service."""

    levels: frozenset[int]
    """Mostly one. More if the ladder's definition leaves it open, or if the server was closed for a moment."""

    @property
    def highest(self) -> int:
        """What no claim may exceed."""
        return max(self.levels)


@dataclass(frozen=True)
class Count:
    """How many there are for a query that lists all."""

    number: int
    """Of the matches."""
    instances: int | None = None
    """The sum of the images of the studies that are sent."""


@dataclass(frozen=True)
class Truth:
    """What is true of a server, as far as the steps were asked for."""

    dimse: Level
    dicomweb: Level | None
    web: Level | None
    matches: dict[str, frozenset[Count]]
    """Query of a stranger -> what each address that serves it lists."""
    studies: frozenset[int]
    """What each address lists over DICOMweb."""
    page_studies: frozenset[int]
    """What each address lists over the REST interface beside its page."""


def truth(server: Server) -> Truth:
    """What is true of `server`."""
    steps = Steps(server.prove_identity, server.prove_download)
    dimse = [(each.reach, _dimse_levels(each.dimse, steps)) for each in server.endpoints]
    web = [(each.reach, _web_levels(each.web, steps)) for each in server.endpoints if server.has_web]
    pages = [(each.reach, _page_levels(each.page)) for each in server.endpoints if server.has_page]
    services = [each.dimse for each in server.endpoints if each.reach not in _NO_CONNECTION and each.dimse]
    return Truth(
        _of_all(dimse),
        _of_all(web) if web else None,
        _of_all(pages) if pages else None,
        {
            name: frozenset(_count(find) for dimse in services if (find := dimse.finds.get(uid)) is not None)
            for name, uid in _QUERIES.items()
        }
        | _of_monitor(services),
        frozenset(each.web.studies for each in server.endpoints if each.web and each.reach not in _NO_CONNECTION),
        frozenset(each.page.studies for each in server.endpoints if each.page and each.reach not in _NO_CONNECTION),
    )


_QUERIES = {
    "studies": STUDY_FIND,
    "patients": "1.2.840.10008.5.1.4.1.2.1.1",
    "worklist": "1.2.840.10008.5.1.4.31",
}


@dataclass(frozen=True)
class Steps:
    """The steps above `LISTS` that the configuration asks for."""

    identity: bool
    download: bool

    def above(self, named: bool, sent: bool) -> frozenset[int]:
        """The level if studies are listed, `named` or not, and images are `sent` or not."""
        if self.download and sent:
            return frozenset({HANDS_OUT})
        return frozenset({IDENTIFIES if self.identity and named else LISTS})


def _of_all(addresses: Iterable[tuple[Reach, frozenset[int]]]) -> Level:
    """The level over several addresses: each may be at any of its levels, and the highest counts."""
    found = {CLOSED}
    for reach, levels in addresses:
        each = {CLOSED} if reach in _NO_CONNECTION else levels
        if reach is Reach.REFUSES_ONCE:
            each = each | {CLOSED}
        found = {max(one, other) for one in found for other in each}
    return Level(frozenset(found))


def _dimse_levels(dimse: Dimse | None, steps: Steps) -> frozenset[int]:
    if dimse is None:
        return frozenset({CLOSED})
    if dimse.policy is Policy.HANGS_UP:
        return frozenset({OPEN_PORT})
    if dimse.tls in _CLIENT_CERTIFICATE:
        return frozenset({REFUSES})
    match dimse.policy:
        case Policy.CLOSES | Policy.NOT_DICOM:
            return frozenset({OPEN_PORT})
        case Policy.REJECTS_CALLING | Policy.REJECTS_CALLED | Policy.ABORTS:
            return frozenset({REFUSES})
        case (
            Policy.ACCEPTS_AND_ABORTS
            | Policy.ACCEPTS_THEN_ABORTS
            | Policy.ACCEPTS_AND_CLOSES
            | Policy.ACCEPTS_AND_RELEASES
        ):
            return frozenset({ASSOCIATES})
    finds = dimse.finds.values()
    if any(_lists(find) for find in finds):
        named = {find.end is End.ABORT_ON_OPTIONAL_KEYS for find in finds if _lists(find) and find.names}
        sent = _sends(dimse)
        # Where only the unique keys may be asked for, an ID may be among them or not.
        return steps.above(bool(named), sent) | (steps.above(False, sent) if False not in named else frozenset())
    level = frozenset({QUERYABLE if any(find.answers for find in finds) else ASSOCIATES})
    if any(map(_lists_narrowly, finds)):
        level |= {LISTS, IDENTIFIES, HANDS_OUT}
    return level


def _lists_narrowly(find: Find) -> bool:
    """Whether a question that does not ask for everything may bring matches, though the list of all is refused."""
    sends = find.answers or find.end in _ENDS_AFTER_MATCHES
    return find.too_much and sends and find.matches > 0 and find.status not in _ANSWERED


def _lists(find: Find) -> bool:
    refuses = find.status not in _ANSWERED  # then there is no match to abort after
    sends = (find.answers and not refuses) or (find.end in _ENDS_AFTER_MATCHES and not refuses)
    return sends and find.matches > 0


def _sends(dimse: Dimse) -> bool:
    """Whether images come by C-GET, of a study that was listed, or of a patient who was."""
    get = dimse.get
    listed = any(_lists(find) for uid, find in dimse.finds.items() if uid in (STUDY_FIND, PATIENT_FIND))
    if get is None or not listed:
        return False
    return get.refusal is None and get.end in (End.STATUS, End.HANG, End.ABORT_ONCE)


def _of_monitor(services: Iterable[Dimse]) -> dict[str, frozenset[Count]]:
    """What each service has of each modality: all studies are of the first one."""
    counts = frozenset(_count(find) for dimse in services if (find := dimse.finds.get(STUDY_FIND)) is not None)
    return {name: counts if name == MODALITIES[0] else frozenset({Count(0, 0)}) for name in MODALITIES}


_IMAGES = 7
"""Of each study, whatever its match says."""


def _count(find: Find) -> Count:
    return Count(find.matches + (find.more if find.status == 0xB001 else 0), _IMAGES * find.matches)


def _guarded(web: Web | Page) -> frozenset[int] | None:
    """The level of a web server that keeps strangers out; None if it does not."""
    if web.tls in _CLIENT_CERTIFICATE:
        return frozenset({REFUSES})
    if web.redirects and web.redirect is Redirect.LOGIN:
        return frozenset({REFUSES})
    match web.login:
        case Login.STATUS_401 | Login.STATUS_403:
            return frozenset({REFUSES})
        case Login.FORM:  # the ladder knows statuses and redirects to a login; a form with 200 is either
            return frozenset({OPEN_PORT, REFUSES})
    return None


def _page_levels(page: Page | None) -> frozenset[int]:
    if page is None:
        return frozenset({CLOSED})
    if (guarded := _guarded(page)) is not None:
        return guarded
    if not page.orthanc or page.rest_status == 404:
        return frozenset({OPEN_PORT})
    if page.rest_status in (401, 403):  # the page is open, and what it shows is not
        return frozenset({OPEN_PORT, REFUSES})
    # Above the list, the steps of a page are not asked for.
    return frozenset({LISTS, IDENTIFIES, HANDS_OUT}) if page.studies else frozenset({QUERYABLE})


def _web_levels(web: Web | None, steps: Steps) -> frozenset[int]:
    if web is None:
        return frozenset({CLOSED})
    if (guarded := _guarded(web)) is not None:
        return guarded
    if web.media is Media.HTML:
        return frozenset({OPEN_PORT})
    if web.studies > 0 and (web.list_status is None or web.ignores_filter):
        return steps.above(web.names, web.wado_status in (200, 503))
    # 404 to a query that is refused or that has no match: nothing shows what is behind.
    nothing = {OPEN_PORT, QUERYABLE} if web.nothing is Nothing.NOT_FOUND else {QUERYABLE}
    if web.list_status is not None:
        nothing |= {REFUSES} if web.nothing is Nothing.NOT_FOUND and web.list_status in (401, 403) else set()
        if web.studies > 0:
            nothing |= {LISTS, IDENTIFIES, HANDS_OUT}  # a narrower question may be answered
    return frozenset(nothing)
