"""What outcomes, levels, checks and findings mean, in words for a person.

One wording for all: terminal, pages, report and findings take it from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dicom_exporter.enums import (
    Called,
    Check,
    LadderLevel,
    LadderService,
    Outcome,
    QueryOutcome,
    RejectReason,
    SecureProfile,
    StoreOutcome,
    UnknownReason,
    WebAnswer,
)
from dicom_exporter.results import (
    Attempt,
    CanaryStepResult,
    QueryResult,
    SessionResult,
    StoreResult,
    TLSPosture,
    WebResult,
)

OUTCOMES: Mapping[Outcome, str] = {
    Outcome.SUCCESS: "the archive answered the C-ECHO",
    Outcome.DNS_FAILURE: "the name does not resolve: check the host, and the DNS server",
    Outcome.UNREACHABLE: "there is no route to the address: check the network and the IP version",
    Outcome.REFUSED: "the machine is there, and nothing listens on the port: check the port, and that the archive runs",
    Outcome.CONNECT_TIMEOUT: "nothing answered: a firewall drops the connection, or the machine is off",
    Outcome.TLS_FAILURE: "the TLS handshake failed: the port may speak plain DICOM, or require a client certificate",
    Outcome.NO_ANSWER: "connected, then silence: something listens that does not answer DICOM, or the archive hangs",
    Outcome.NOT_DICOM: "what answers is not DICOM: check the port",
    Outcome.PROTOCOL_ERROR: "the archive's answer breaks the DICOM standard",
    Outcome.REJECTED: "the archive rejects the association",
    Outcome.BUSY: "the archive has no room for another association now",
    Outcome.ABORTED: "the archive aborted the association",
    Outcome.CLOSED: "the connection was closed without an answer: the port may require TLS, or know our address",
    Outcome.NOT_OFFERED: "the archive accepts the association, and offers no C-ECHO on it",
    Outcome.FAILURE_STATUS: "the archive answered the C-ECHO with a failure",
    Outcome.OVERLOAD: "this machine did not get to it in time; that says nothing about the archive",
    Outcome.PROXY_FAILURE: "the proxy of the vantage made no connection; that says nothing about the archive",
}

QUERY_OUTCOMES: Mapping[QueryOutcome, str] = {
    QueryOutcome.ALLOWED: "all that it lists",
    QueryOutcome.EMPTY: "it answers, and lists none",
    QueryOutcome.TRUNCATED: "there may be more",
    QueryOutcome.REFUSED: "it refuses the query",
    QueryOutcome.UNSUPPORTED: "it does not offer this query, or ignores what the query matches by",
    QueryOutcome.FAILED: "the query failed",
    QueryOutcome.ABORTED: "it aborted the association in place of an answer, as some do to refuse",
    QueryOutcome.PROTOCOL_ERROR: "its answer breaks the DICOM standard",
    QueryOutcome.TIMEOUT: "no end of the answer in time",
    QueryOutcome.NO_ASSOCIATION: "not asked, as there was no association",
    QueryOutcome.OVERLOAD: "this machine did not get to it in time",
}

QUERY_REFUSED = "Allow C-FIND for our AE title at the archive, or send it a C-ECHO only"
"""What to do if it refuses, or aborts, a query of ours."""

STORE_OUTCOMES: Mapping[StoreOutcome, str] = {
    StoreOutcome.SUCCESS: "every image was taken",
    StoreOutcome.WARNING: "every image was taken, and something in it was changed or discarded",
    StoreOutcome.OUT_OF_RESOURCES: "the archive is out of resources: check its disk",
    StoreOutcome.SOP_CLASS: "it does not accept Secondary Capture images from us",
    StoreOutcome.REFUSED: "it does not authorise us to store",
    StoreOutcome.MISMATCH: "it says that the image does not match its SOP class",
    StoreOutcome.CANNOT_UNDERSTAND: "it says that it cannot understand the image",
    StoreOutcome.FAILED: "it answered with a failure",
    StoreOutcome.ABORTED: "it aborted the association in place of an answer, as some do to refuse",
    StoreOutcome.PROTOCOL_ERROR: "its answer breaks the DICOM standard",
    StoreOutcome.TIMEOUT: "no answer in time",
    StoreOutcome.NO_ASSOCIATION: "nothing was sent, as there was no association",
    StoreOutcome.OVERLOAD: "this machine did not get to it in time",
}

REJECTIONS: Mapping[RejectReason, str] = {
    RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED: "it does not accept our AE title: have its administrator add it",
    RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED: "it has another AE title than the one we called; or it does "
    "not know ours, as some archives say this then, too",
    RejectReason.NO_REASON_GIVEN: "check both AE titles, and that it knows ours",
}
"""What to do about an A-ASSOCIATE-RJ, by its reason (PS3.8 Table 9-21)."""

SERVICES: Mapping[LadderService, str] = {
    LadderService.DIMSE: "DICOM",
    LadderService.DICOMWEB: "DICOMweb",
    LadderService.WEB: "web pages",
}
"""Service of the exposure ladder -> what a person calls it, within a sentence."""

WEB_ANSWERS: Mapping[WebAnswer, str] = {
    WebAnswer.CLOSED: "there is no connection",
    WebAnswer.UNKNOWN: "it is not known what answers",
    WebAnswer.NOT_HTTP: "what answers is not HTTP",
    WebAnswer.OTHER: "what answers is HTTP, and not DICOMweb",
    WebAnswer.DENIED: "it demands credentials, or other ones",
    WebAnswer.EMPTY: "it answers, and lists none",
    WebAnswer.ENTRIES: "it lists studies",
}

LEVELS: Mapping[LadderLevel, tuple[str, str]] = {
    LadderLevel.CLOSED: ("closed", "Nobody gets a connection here."),
    LadderLevel.OPEN_PORT: (
        "open port",
        "Something listens and takes connections, and nothing that is DICOM came back.",
    ),
    LadderLevel.REFUSES_STRANGERS: ("refuses strangers", "It speaks DICOM, and rejects unknown clients."),
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
    Check.TLS_BELOW_MODIFIED_PROFILE: (
        "TLS is weaker than DICOM's modified profile allows",
        "TLS meets DICOM's modified profile (PS3.15 B.13)",
    ),
    Check.WORKLIST_QUERYABLE: ("The worklist can be queried", "The worklist cannot be queried"),
    Check.RETRIEVE_NEGOTIABLE: ("Fetching images is on offer (not tried)", "Fetching images is not on offer"),
    Check.STORE_NEGOTIABLE: ("Storing images is on offer (never tried)", "Storing images is not on offer"),
    Check.HTTP_WITHOUT_TLS: ("HTTP without TLS is served", "HTTP is served over TLS alone"),
    Check.RETRIEVE_AUTHORISED: ("Fetching images is permitted (none was fetched)", "Fetching images is refused"),
    Check.STOW_OFFERED: ("Storing over DICOMweb is on offer (never tried)", "Storing over DICOMweb is not on offer"),
    Check.CORS_WITH_CREDENTIALS: (
        "Web pages of any origin can use the login of a user",
        "Web pages of other origins cannot use the login of a user",
    ),
}
"""Check -> what it says where it holds (which is bad), and where it does not."""

PROFILES: Mapping[SecureProfile, str] = {
    SecureProfile.BCP195: "PS3.15 B.12",
    SecureProfile.MODIFIED: "PS3.15 B.13",
}
"""Profile -> where it is defined."""

_WEB_MEANINGS: Mapping[LadderLevel, str] = {
    LadderLevel.OPEN_PORT: "Something listens, and asks for no login.",
    LadderLevel.REFUSES_STRANGERS: "It speaks HTTP, and rejects unknown clients.",
}
"""Meanings of levels that differ for HTTP."""

UNKNOWN_REASONS: Mapping[UnknownReason, str] = {
    UnknownReason.DNS_FAILURE: "the name does not resolve",
    UnknownReason.UNREACHABLE: "there is no route to the address",
    UnknownReason.IP_VERSION: "the machine of this exporter has no route for the IP version of one of its addresses",
    UnknownReason.OVERLOAD: "this exporter had too little time for it, or did not get to it",
    UnknownReason.TIMEOUT: "an answer did not come, or did not end, in time",
    UnknownReason.BUSY: "it had no room for another association",
    UnknownReason.UNAVAILABLE: "it said that it cannot answer now",
    UnknownReason.TLS_HANDSHAKE: "the TLS handshake failed, and another client might succeed",
    UnknownReason.REDIRECT: "it redirects further, or in another way, than this exporter follows",
    UnknownReason.UNREADABLE: "this exporter could not read an answer",
    UnknownReason.NOT_OFFERED: "it needs something that this exporter does not offer, such as a transfer syntax",
    UnknownReason.LIMIT: "an answer was larger than this exporter reads",
    UnknownReason.ADDRESS_NOT_TRIED: "not every address of the name was tried",
    UnknownReason.NOT_ASKED: "a question was not asked: the association ended before it, or no time was left",
    UnknownReason.VANTAGE: "the proxy of the vantage failed, or does not say what became of the connection",
    UnknownReason.VANTAGE_REFUSED: "the proxy of the vantage refuses the connection, or the credentials for it",
    UnknownReason.VANTAGE_UNREACHABLE: "the proxy of the vantage says that it has no way to the address",
}
"""Why a level is not known, within a sentence."""

NOTHING_FOUND = "The probe found nothing out; the log may say more"
NO_STRANGER = "No stranger was sent to it, so it is not known how far one gets"

_CALLED = {
    Called.CONFIGURED: "the called AE title given",
    Called.RANDOM: "a random called AE title",
    Called.WELL_KNOWN: "a well-known called AE title",
}
_TO_A_STRANGER = {
    Outcome.REFUSED: "nothing listens here",
    Outcome.CONNECT_TIMEOUT: "nothing answered, as behind a firewall",
    Outcome.REJECTED: "a stranger is turned away",
}
"""Outcomes that are no fault here, so the advice of `OUTCOMES` does not fit."""
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


def tls_accepted(postures: Mapping[LadderService, Sequence[TLSPosture]]) -> Iterator[tuple[str, str]]:
    """What TLS each service accepts and refuses, of what was offered."""
    for service, servers in postures.items():
        for posture in servers:
            for word, wanted in (("Accepts", True), ("Refuses", False)):
                found = [
                    *posture.versions.items(),
                    *((f"suites {each}", held) for each, held in posture.suites.items()),
                ]
                names = [str(name) for name, held in found if held is wanted]
                yield f"{word}, {SERVICES[service]}", ", ".join(names) or "nothing that was offered"


def answer(query: QueryResult) -> str:
    """How a query ended, with its count."""
    count = "" if query.matches is None else f"{query.matches}{'' if query.complete else ' or more'}, "
    return f"{count}{query.outcome}: {QUERY_OUTCOMES[query.outcome]}"


def _association(attempt: Attempt) -> str:
    if attempt.outcome is Outcome.SUCCESS:
        return "accepted"
    why = f" ({attempt.rejection.reason})" if attempt.rejection is not None else ""
    return f"{attempt.outcome}: {_TO_A_STRANGER.get(attempt.outcome, OUTCOMES[attempt.outcome])}{why}"


def level_words(level: LadderLevel | None, at_least: LadderLevel | None = None) -> str:
    """``5 lists studies``; if it is not known, ``unknown``, or what was proved: ``at least 3 associates``."""
    if level is not None:
        return f"{level} {LEVELS[level][0]}"
    return "unknown" if at_least is None else f"at least {at_least} {LEVELS[at_least][0]}"


def exposed(
    service: LadderService, level: LadderLevel, allowed: LadderLevel, reasons: Sequence[UnknownReason] = ()
) -> str:
    """A stranger gets to `level` with `service`, and `allowed` is lower.

    With `reasons`, it is not known whether a stranger gets further.
    """
    meaning = LEVELS[level][1] if service is LadderService.DIMSE else _WEB_MEANINGS.get(level, LEVELS[level][1])
    name, allowed_name = LEVELS[level][0], LEVELS[allowed][0]
    bound, further = (
        ("at least ", f". It is not known if one gets further: {why_unknown(reasons)}") if reasons else ("", "")
    )
    return f"{meaning} {SERVICES[service]}: allowed {allowed} ({allowed_name}), got {bound}{level} ({name}){further}"


def exposure_unknown(service: LadderService, reasons: Sequence[UnknownReason], at_least: LadderLevel | None) -> str:
    """The level of `service` could not be determined."""
    name = SERVICES[service]
    proved = "" if at_least is None else f", but at least to level {at_least}, {LEVELS[at_least][0]}"
    return f"{name[:1].upper()}{name[1:]}: it is not known how far a stranger gets{proved}: {why_unknown(reasons)}"


def control_unknown(reasons: Sequence[UnknownReason]) -> str:
    """Nothing shows whether a control target is open."""
    return f"It is not known whether this control target is open: {why_unknown(reasons)}"


def why_unknown(reasons: Iterable[UnknownReason]) -> str:
    """Why a level is not known, within a sentence."""
    return "; ".join(UNKNOWN_REASONS[reason] for reason in reasons)


def seen_from(vantage: str, text: str) -> str:
    """The `text` of a finding about a target that is seen from a vantage."""
    return f"From {vantage}: {text}"


def blind(level: LadderLevel) -> str:
    """A control target reads closed."""
    name = LEVELS[level][0]
    return f"This control target is known to be open, and reads {level}, {name}: from here, closed proves nothing"


def unreached(session: SessionResult) -> str:
    """Our own C-ECHO did not succeed; or the association, if no C-ECHO was asked for."""
    if session.echo is not None:
        return f"C-ECHO {session.echo.outcome}: {ending(session)}"
    return f"Association {session.association}: {ending(session)}"


def ending(session: SessionResult) -> str:
    """How the C-ECHO of a session ended, or its association if no C-ECHO was asked for, and what to do about it."""
    if session.echo is not None:
        status = session.echo.status if session.echo.outcome is Outcome.FAILURE_STATUS else None
        text = OUTCOMES[session.echo.outcome] + ("" if status is None else f" (status {status:04X})")
    elif session.association is None:
        text = "no association was due"
    else:
        accepted = session.association is Outcome.SUCCESS
        text = "the archive accepted the association" if accepted else OUTCOMES[session.association]
    advice = REJECTIONS.get(session.rejection.reason) if session.rejection is not None else None
    return text if advice is None else f"{text}. {advice[:1].upper()}{advice[1:]}"


def query_failed(name: str, query: QueryResult) -> str:
    """One of our own queries was not answered, and what to do about it."""
    code = "" if query.status is None else f" (status {query.status:04X})"
    advice = f". {QUERY_REFUSED}" if query.outcome in (QueryOutcome.REFUSED, QueryOutcome.ABORTED) else ""
    return f"Query {name} {query.outcome}: {QUERY_OUTCOMES[query.outcome]}{code}{advice}"


def overdue(name: str, values: Sequence[str]) -> str:
    """No new study came within the time that is expected, of those `values` of what the query counts by."""
    of = ", ".join(value for value in values if value)
    return f"Query {name}: no new study{f' of {of}' if of else ''} within the time that is expected"


def store_failed(store: StoreResult) -> str:
    """Not every image of the bandwidth test was taken."""
    code = "" if store.status in (None, 0) else f" (status {store.status:04X})"
    return f"Bandwidth test {store.outcome}: {STORE_OUTCOMES[store.outcome]}{code}"


def canary_failed(result: CanaryStepResult) -> str:
    """A step of the canary failed."""
    return f"Canary over {SERVICES[result.service]}, step {result.step}: {result.failure}"


def below_profile(service: LadderService, profile: SecureProfile, broken: Sequence[str]) -> str:
    """The TLS of `service` is below the `profile` that it has to keep."""
    return f"TLS of {SERVICES[service]} is below the profile {profile} ({PROFILES[profile]}): {'; '.join(broken)}"


def dicomweb_failed(web: WebResult) -> str:
    """Our own query over DICOMweb was not answered."""
    if web.answer is WebAnswer.UNKNOWN:
        why = f": {why_unknown(sorted(web.doubts))}" if web.doubts else ""
        return f"It is not known whether DICOMweb serves us{why}"
    untrusted = web.tls is not None and web.tls.certificate_trusted is False
    return f"DICOMweb does not serve us: {'we do not trust its certificate' if untrusted else WEB_ANSWERS[web.answer]}"


def sentence(text: str) -> str:
    """`text` with a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")
