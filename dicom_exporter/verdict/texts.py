"""What outcomes, levels and checks mean, in words for a person. Terminal, pages and reports take them from here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dicom_exporter.results import (
    Attempt,
    Called,
    Check,
    LadderLevel,
    LadderService,
    Outcome,
    QueryOutcome,
    QueryResult,
    RejectReason,
)

OUTCOMES: Mapping[Outcome, str] = {
    Outcome.SUCCESS: "the archive answered the C-ECHO",
    Outcome.DNS_FAILURE: "the name does not resolve: check the host, and the DNS server",
    Outcome.UNREACHABLE: "there is no route to the address: check the network and the IP version",
    Outcome.REFUSED: "the machine is there, and nothing listens on the port: check the port, and that the archive runs",
    Outcome.CONNECT_TIMEOUT: "nothing answered: a firewall drops the connection, or the machine is off",
    Outcome.TLS_FAILURE: "no TLS: the port may speak plain DICOM, or want a certificate of ours",
    Outcome.NO_ANSWER: "connected, then silence: something listens that does not answer DICOM, or the archive hangs",
    Outcome.NOT_DICOM: "what answers is not DICOM: check the port",
    Outcome.PROTOCOL_ERROR: "the archive's answer breaks the DICOM standard",
    Outcome.REJECTED: "the archive refuses the association: check both AE titles, and that it knows us",
    Outcome.BUSY: "the archive has no room for another association now",
    Outcome.ABORTED: "the archive aborted the association",
    Outcome.CLOSED: "the connection was closed without an answer: the port may want TLS, or an address it knows",
    Outcome.NOT_OFFERED: "the archive accepts the association, and offers no C-ECHO on it",
    Outcome.FAILURE_STATUS: "the archive answered the C-ECHO with a failure",
    Outcome.OVERLOAD: "this machine did not get to it in time; that says nothing about the archive",
}

QUERY_OUTCOMES: Mapping[QueryOutcome, str] = {
    QueryOutcome.ALLOWED: "all that it lists",
    QueryOutcome.EMPTY: "it answers, and lists none",
    QueryOutcome.TRUNCATED: "there may be more",
    QueryOutcome.REFUSED: "it refuses the query",
    QueryOutcome.UNSUPPORTED: "it does not offer this query",
    QueryOutcome.FAILED: "the query failed",
    QueryOutcome.ABORTED: "it aborted the association in place of an answer, as some do to refuse",
    QueryOutcome.PROTOCOL_ERROR: "its answer breaks the DICOM standard",
    QueryOutcome.TIMEOUT: "no end of the answer in time",
    QueryOutcome.NO_ASSOCIATION: "not asked, as there was no association",
    QueryOutcome.OVERLOAD: "this machine did not get to it in time",
}

REJECTIONS: Mapping[RejectReason, str] = {
    RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED: "it does not let our AE title in: have its administrator add it",
    RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED: "it goes by another AE title than the one we called it by",
}
"""What to do about an A-ASSOCIATE-RJ, by its reason (PS3.8 Table 9-21)."""

SERVICES: Mapping[LadderService, str] = {
    LadderService.DIMSE: "DICOM",
    LadderService.DICOMWEB: "DICOMweb",
    LadderService.WEB: "web pages",
}
"""Services of the exposure ladder, as they are named in a sentence."""

LEVELS: Mapping[LadderLevel, tuple[str, str]] = {
    LadderLevel.CLOSED: ("closed", "Nobody gets a connection here."),
    LadderLevel.OPEN_PORT: (
        "open port",
        "Something listens and takes connections, and nothing that is DICOM came back.",
    ),
    LadderLevel.REFUSES_STRANGERS: ("refuses strangers", "DICOM is spoken, and whoever is not known is turned away."),
    LadderLevel.ASSOCIATES: (
        "associates",
        "Anybody can open an association. What it serves could not be proved; storing may be open, too.",
    ),
    LadderLevel.QUERYABLE: (
        "queryable",
        "Anybody can search. Nothing was listed: the archive is empty, or hides its studies.",
    ),
    LadderLevel.LISTS_STUDIES: ("lists studies", "Anybody can list the studies in here."),
    LadderLevel.IDENTIFIES_PATIENTS: ("identifies patients", "Anybody can read who the patients are."),
    LadderLevel.HANDS_OUT_IMAGES: ("hands out images", "Anybody can fetch images."),
}
"""Level of the exposure ladder -> its name, and what it means."""

CHECKS: Mapping[Check, tuple[str, str]] = {
    Check.CALLING_AE_TITLE_UNCHECKED: ("Any calling AE title is accepted", "Unknown calling AE titles are refused"),
    Check.CALLED_AE_TITLE_UNCHECKED: ("Any called AE title is accepted", "Wrong called AE titles are refused"),
    Check.PLAINTEXT_ACCEPTED: ("DICOM without TLS is accepted", "DICOM without TLS is not accepted"),
    Check.TLS_BELOW_PROFILE: ("TLS is weaker than DICOM's profile allows", "TLS meets DICOM's profile (PS3.15 B.12)"),
    Check.WORKLIST_QUERYABLE: ("The worklist can be queried", "The worklist cannot be queried"),
    Check.RETRIEVE_NEGOTIABLE: ("Fetching images is on offer (not tried)", "Fetching images is not on offer"),
    Check.STORE_NEGOTIABLE: ("Storing images is on offer (never tried)", "Storing images is not on offer"),
    Check.HTTP_WITHOUT_TLS: ("HTTP without TLS is served", "HTTP is served over TLS alone"),
}
"""Check -> what it says where it holds (which is bad), and where it does not."""

_CALLED = {
    Called.CONFIGURED: "the called AE title given",
    Called.RANDOM: "a random called AE title",
    Called.WELL_KNOWN: "a well-known called AE title",
}
_NOBODY_THERE = {
    Outcome.REFUSED: "nothing listens here",
    Outcome.CONNECT_TIMEOUT: "nothing answered, as behind a firewall",
}
_QUESTIONS = {
    "random_uid": "C-FIND for a study that does not exist",
    "worklist": "C-FIND for worklist items",
    "studies": "C-FIND for studies",
    "patients": "C-FIND for patients",
}


def tried(attempts: Iterable[Attempt]) -> Iterator[tuple[str, str]]:
    """What a stranger tried, and what came back, step by step; those of an association are indented by two spaces."""
    for attempt in attempts:
        over = "over TLS, " if attempt.over_tls else ""
        yield f"Association, {over}{_CALLED[attempt.called]}", _association(attempt)
        if attempt.outcome is not Outcome.SUCCESS:
            continue
        if attempt.echo is not None:
            yield "  C-ECHO", attempt.echo.outcome.value
        for name, query in attempt.queries.items():
            yield f"  {_QUESTIONS[name]}", answer(query)
        if attempt.identity_seen is not None:
            yield "  Names, IDs or birth dates in a match", "some" if attempt.identity_seen else "none"
        if attempt.image_received is not None:
            yield "  C-GET of an image", "its first bytes came" if attempt.image_received else "nothing of it came"


def answer(query: QueryResult) -> str:
    """How a query ended, with its count."""
    count = "" if query.matches is None else f"{query.matches}{'' if query.complete else ' or more'}, "
    return f"{count}{query.outcome}: {QUERY_OUTCOMES[query.outcome]}"


def _association(attempt: Attempt) -> str:
    if attempt.outcome is Outcome.SUCCESS:
        return "accepted"
    if attempt.outcome in _NOBODY_THERE:
        return f"{attempt.outcome}: {_NOBODY_THERE[attempt.outcome]}"
    why = f" ({attempt.rejection.reason})" if attempt.rejection is not None else ""
    return f"{attempt.outcome}: {OUTCOMES[attempt.outcome]}{why}"
