"""What `dicom_exporter probe` does: not in `probe`, so that `--help` and shell completion need not import it."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import structlog
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dicom_exporter.cli import process
from dicom_exporter.cli.parser import Exit
from dicom_exporter.cli.probe import Options
from dicom_exporter.cli.terminal import phases_shown, stdout_console
from dicom_exporter.config import (
    Config,
    Exposure,
    Identity,
    Module,
    Target,
    tls_settings,
)
from dicom_exporter.enums import LadderLevel, LadderService, Outcome, QueryOutcome, RejectReason
from dicom_exporter.net.timing import OnPhase
from dicom_exporter.prober.log import fields
from dicom_exporter.prober.prober import Prober
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.report.formats.terminal import trimmed
from dicom_exporter.results import QueryResult, SessionResult
from dicom_exporter.verdict.ladder import Verdict
from dicom_exporter.verdict.texts import (
    CHECKS,
    LEVELS,
    OUTCOMES,
    QUERY_OUTCOMES,
    QUERY_REFUSED,
    REJECTIONS,
    tried,
    why_unknown,
)

log = structlog.stdlib.get_logger(__name__)

_IDENTITY = "monitor"
"""The identity of the built-in module `availability`, which runs without `--exposure`."""
_EXPOSURE_TIMEOUT = 30.0
_JSON_FORMAT = 1
"""Of both documents; it changes when a member changes its meaning or goes."""
_SESSION_FIELDS = ("echo", "association", "rejection", "services", "phases", "duration", "peer", "tls")
_QUERY_FIELDS = ("outcome", "status", "matches", "complete", "instances", "instances_complete", "duration")
_FLAGS = {
    RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED: "--calling-ae",
    RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED: "--called-ae, --calling-ae",
    RejectReason.NO_REASON_GIVEN: "--called-ae, --calling-ae",
}


def run(options: Options) -> int:
    """Probe the archive and print the result."""
    return _probe_as_stranger(options) if options.exposure else _probe_as_ourselves(options)


def _run_probe(config: Config, title: str) -> ProbeRecord:
    """The record of a probe of the one target of `config`, whose phases are shown under `title` while they run."""
    with phases_shown(title) as on_phase:
        record = process.run(_probe(config, on_phase))
    for session in record.sessions:
        log.debug("probe", **fields(record, session))
    return record


async def _probe(config: Config, on_phase: OnPhase | None) -> ProbeRecord:
    prober = Prober(config, on_phase=on_phase)
    try:
        (record,) = await prober.probe_targets(config.targets, None)
    finally:
        await prober.close()
    return record


def _probe_as_ourselves(options: Options) -> int:
    """Send a C-ECHO and the query `studies`. With `--tls`, any certificate is accepted."""
    tls = tls_settings(insecure_skip_verify=True) if options.tls else None
    identity = Identity(_IDENTITY, options.calling_ae, tls=tls)
    target = Target("probe", options.address, options.called_ae)
    config = Config((target,), identities={_IDENTITY: identity})
    record = _run_probe(config, f"{target.address}, {options.calling_ae} to {options.called_ae}")
    (session,) = record.sessions
    if options.json:
        sys.stdout.write(_to_json(_as_json(target, identity, session)))
    else:
        with trimmed(console := stdout_console()):
            _print(console, target, identity, session)
    return Exit.NOT_AS_EXPECTED if record.findings else Exit.OK


def _outcome(session: SessionResult) -> Outcome:
    assert session.echo is not None  # `availability` asks for one
    return session.echo.outcome


def _print(console: Console, target: Target, identity: Identity, session: SessionResult) -> None:
    console.print(Text(f"{target.address}, {identity.calling_ae_title} to {target.called_ae_title}", style="bold"))
    facts = Table(box=None, show_header=False, pad_edge=False)
    for name, text in _facts(session):
        facts.add_row(name, Text(text))  # Text, and not str, in which rich would find markup
    console.print(facts)
    if session.phases:
        phases = Table(box=None, pad_edge=False)
        phases.add_column("Phase")
        phases.add_column("ms", justify="right")
        for phase, seconds in session.phases.items():
            phases.add_row(phase.value, _milliseconds(seconds))
        if session.duration is not None:
            phases.add_row("in all", _milliseconds(session.duration))
        console.print()
        console.print(phases)


def _facts(session: SessionResult) -> Iterator[tuple[str, str]]:
    outcome = _outcome(session)
    status = session.echo.status if session.echo is not None and outcome is Outcome.FAILURE_STATUS else None
    code = "" if status is None else f" (status {status:04X})"
    yield "C-ECHO", f"{outcome}: {OUTCOMES[outcome]}{code}"
    if (rejection := session.rejection) is not None:
        yield "Rejected", f"{rejection.result}, by {rejection.source}: {rejection.reason}"
        if rejection.reason in REJECTIONS:
            yield "", f"{REJECTIONS[rejection.reason]} ({_FLAGS[rejection.reason]})"
    if (studies := session.queries.get("studies")) is not None:
        yield "Studies", _studies(studies)
        if studies.outcome in (QueryOutcome.REFUSED, QueryOutcome.ABORTED):
            yield "", QUERY_REFUSED
    if session.services:
        yield "Services", ", ".join(f"{name} {'yes' if yes else 'no'}" for name, yes in session.services.items())
    if (peer := session.peer) is not None:
        who = f"{peer.implementation_version} ({peer.implementation_class_uid})"
        yield "Peer", f"{who}, PDUs up to {peer.max_pdu_bytes or 'any'} bytes"
    if (tls := session.tls) is not None:
        expiry = tls.certificate_expiry
        until = "" if expiry is None else f", certificate until {datetime.fromtimestamp(expiry, UTC):%Y-%m-%d}"
        if tls.version is not None:
            yield "TLS", f"{tls.version}, {tls.cipher}{until} (not verified)"


def _studies(query: QueryResult) -> str:
    code = "" if query.status is None or query.outcome.is_success else f" (status {query.status:04X})"
    count = "" if query.matches is None else f"{query.matches} studies, "
    at_least = "" if query.instances_complete else "at least "
    images = "" if query.instances is None else f"{at_least}{query.instances} images, "
    return f"{count}{images}{query.outcome}: {QUERY_OUTCOMES[query.outcome]}{code}"


def _to_json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, default=sorted) + "\n"  # sets as lists


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def _as_json(target: Target, identity: Identity, session: SessionResult) -> dict[str, Any]:
    """What was asked of it, under the names of `dicom_exporter.results`."""
    found = dataclasses.asdict(session)
    queries = {
        name: {key: value for key, value in query.items() if key in _QUERY_FIELDS}
        for name, query in found["queries"].items()
    }
    return {
        "format": _JSON_FORMAT,
        "address": str(target.address),
        "called_ae_title": target.called_ae_title,
        "calling_ae_title": identity.calling_ae_title,
        **{name: found[name] for name in _SESSION_FIELDS},
        "queries": queries,
    }


def _probe_as_stranger(options: Options) -> int:
    """Find the level that a stranger gets to. Nothing is written, and no name is asked for."""
    target = Target("probe", options.address, options.called_ae, modules=("exposure",))
    module = Module("exposure", identity="stranger", timeout=_EXPOSURE_TIMEOUT, echo=False, exposure=Exposure())
    config = Config((target,), modules={module.name: module})
    record = _run_probe(config, f"{target.address}, a stranger to {options.called_ae}")
    (session,), verdict = record.sessions, record.verdict
    assert verdict is not None  # `exposure` is a stranger's module
    if options.json:
        sys.stdout.write(_to_json(_exposure_as_json(target, session, verdict)))
    else:
        with trimmed(console := stdout_console()):
            _print_exposure(console, target, session, verdict)
    proved = verdict.at_least.get(LadderService.DIMSE)
    if proved is not None and proved >= LadderLevel.ASSOCIATES:
        return Exit.NOT_AS_EXPECTED
    return Exit.COULD_NOT_RUN if verdict.levels[LadderService.DIMSE] is None else Exit.OK


def _print_exposure(console: Console, target: Target, session: SessionResult, verdict: Verdict) -> None:
    level = verdict.levels[LadderService.DIMSE]
    console.print(Text(f"{target.address}, a stranger to {target.called_ae_title}", style="bold"))
    proved = verdict.at_least.get(LadderService.DIMSE)
    if proved is not None:
        name, meaning = LEVELS[proved]
        style = "red" if proved >= LadderLevel.ASSOCIATES else "green" if level is not None else ""
        bound = "Level" if level is not None else "At least level"
        exposed = "EXPOSED. " if proved >= LadderLevel.ASSOCIATES else ""
        untried = " Levels 6 and 7: not tried." if proved >= LadderLevel.LISTS_STUDIES else ""
        console.print(Text(f"{exposed}{bound} {proved} of 7, {name}. {meaning}{untried}", style=style))
    if level is None:
        why = why_unknown(verdict.reasons[LadderService.DIMSE])
        console.print(Text(f"Unknown: it could not be determined how far a stranger gets: {why}. Unknown is not safe."))
    table = Table(box=None, pad_edge=False)
    table.add_column("What was tried")
    table.add_column("What came back")
    for what, answer in tried(session.stranger.attempts if session.stranger is not None else ()):
        table.add_row(Text(what), Text(answer))
    console.print()
    console.print(table)
    if verdict.checks:
        console.print()
        for check, holds in verdict.checks.items():
            mark = Text("FAILED  ", style="red") if holds else Text("passed  ", style="green")
            console.print(mark.append(CHECKS[check][0 if holds else 1], style="default"))


def _exposure_as_json(target: Target, session: SessionResult, verdict: Verdict) -> dict[str, Any]:
    level = verdict.levels[LadderService.DIMSE]
    attempts = [dataclasses.asdict(attempt) for attempt in session.stranger.attempts] if session.stranger else []
    for attempt in attempts:
        for query in attempt["queries"].values():
            for internal in query.keys() - set(_QUERY_FIELDS):
                del query[internal]
    return {
        "format": _JSON_FORMAT,
        "address": str(target.address),
        "called_ae_title": target.called_ae_title,
        "level": level,
        "level_name": None if level is None else LEVELS[level][0],
        "level_at_least": verdict.at_least.get(LadderService.DIMSE),
        "level_unknown_reasons": verdict.reasons[LadderService.DIMSE],
        "checks": dict(verdict.checks),
        "attempts": attempts,
    }
