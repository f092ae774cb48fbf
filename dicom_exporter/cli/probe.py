"""What a stranger gets of one DICOM port, in plain words.

One target, now, for a person.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dicom_exporter.cli.parser import Exit
from dicom_exporter.cli.terminal import probe_alone, stdout_console
from dicom_exporter.config import Address, Config, Exposure, Identity, Module, Target, tls_settings
from dicom_exporter.results import LadderLevel, LadderService, Outcome, QueryResult, RejectReason, SessionResult
from dicom_exporter.verdict.ladder import Verdict
from dicom_exporter.verdict.texts import CHECKS, LEVELS, OUTCOMES, QUERY_OUTCOMES, REJECTIONS, tried


def ladder(address: Address, *, called_ae_title: str, as_json: bool = False) -> int:
    """Go as far as a stranger gets at `address`, and print it. Nothing is written, and no name is asked for."""
    target = Target("probe", address, called_ae_title, modules=("exposure",))
    module = Module("exposure", "stranger", 30.0, echo=False, exposure=Exposure())
    record = probe_alone(
        Config((target,), modules={module.name: module}), target, f"{address}, a stranger to {called_ae_title}"
    )
    (session,), verdict = record.sessions, record.verdict
    assert verdict is not None  # `exposure` is a stranger's module
    level = verdict.levels[LadderService.DIMSE]
    if as_json:
        sys.stdout.write(json.dumps(_ladder_as_json(target, session, verdict), indent=2) + "\n")
    else:
        _print_ladder(stdout_console(), target, session, verdict)
    if level is None:
        return Exit.COULD_NOT_RUN
    return Exit.NOT_AS_EXPECTED if level >= LadderLevel.ASSOCIATES else Exit.OK


def _print_ladder(console: Console, target: Target, session: SessionResult, verdict: Verdict) -> None:
    level = verdict.levels[LadderService.DIMSE]
    console.print(Text(f"{target.address}, a stranger to {target.called_ae_title}", style="bold"))
    if level is None:
        console.print(Text("Unknown: it could not be told how far a stranger gets. Unknown is not safe."))
    else:
        name, meaning = LEVELS[level]
        style = "red" if level >= LadderLevel.ASSOCIATES else "green"
        console.print(Text(f"Level {level} of 7, {name}. {meaning}", style=style))
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
            console.print(Text(f"- {CHECKS[check][0] if holds else CHECKS[check][1]}"))


def _ladder_as_json(target: Target, session: SessionResult, verdict: Verdict) -> dict[str, Any]:
    level = verdict.levels[LadderService.DIMSE]
    return {
        "address": str(target.address),
        "called_ae_title": target.called_ae_title,
        "level": level,
        "level_name": None if level is None else LEVELS[level][0],
        "checks": dict(verdict.checks),
        "attempts": [dataclasses.asdict(attempt) for attempt in session.stranger.attempts] if session.stranger else [],
    }


_IDENTITY = "monitor"
"""The identity of the built-in module `availability`, which is what is run here."""
_FLAGS = {
    RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED: "--calling-ae",
    RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED: "--called-ae",
}


def probe(
    address: Address, *, called_ae_title: str, calling_ae_title: str, tls: bool = False, as_json: bool = False
) -> int:
    """Send a C-ECHO and the query `studies`, and print what came of it. With `tls`, any certificate is accepted."""
    identity = Identity(_IDENTITY, calling_ae_title, tls=tls_settings(insecure_skip_verify=True) if tls else None)
    target = Target("probe", address, called_ae_title)
    config = Config((target,), identities={_IDENTITY: identity})
    record = probe_alone(config, target, f"{target.address}, {calling_ae_title} to {called_ae_title}")
    (session,) = record.sessions
    if as_json:
        sys.stdout.write(json.dumps(_as_json(target, identity, session), indent=2) + "\n")
    else:
        _print(stdout_console(), target, identity, session)
    return Exit.OK if _outcome(session) is Outcome.SUCCESS else Exit.NOT_AS_EXPECTED


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
    images = "" if query.instances is None else f"{query.instances} images, "
    return f"{count}{images}{query.outcome}: {QUERY_OUTCOMES[query.outcome]}{code}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def _as_json(target: Target, identity: Identity, session: SessionResult) -> dict[str, Any]:
    """Everything that was found, under the names it has in `results`."""
    found = dataclasses.asdict(session)
    del found["identity"]
    return {
        "address": str(target.address),
        "called_ae_title": target.called_ae_title,
        "calling_ae_title": identity.calling_ae_title,
        **found,
    }
