"""What a stranger gets of one DICOM port, in plain words."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dicom_exporter.commands.exits import Exit
from dicom_exporter.commands.live import probe_alone
from dicom_exporter.commands.terminal import stdout_console
from dicom_exporter.config import Address, Config, Exposure, Module, Target
from dicom_exporter.exposure import ASSOCIATES, Verdict, judge
from dicom_exporter.meanings import CHECKS, LEVELS, tried
from dicom_exporter.results import SessionResult


def ladder(address: Address, *, called_ae_title: str, as_json: bool = False) -> int:
    """Go as far as a stranger gets at `address`, and print it. Nothing is written, and no name is asked for."""
    target = Target("probe", address, called_ae_title, modules=("exposure",))
    module = Module("exposure", "stranger", 30.0, echo=False, exposure=Exposure())
    session = probe_alone(
        Config((target,), modules={module.name: module}), target, f"{address}, a stranger to {called_ae_title}"
    )
    verdict = judge([session]) if session is not None else None
    if session is None or verdict is None:
        return Exit.COULD_NOT_RUN
    level = verdict.levels["dimse"]
    if as_json:
        sys.stdout.write(json.dumps(_as_json(target, session, verdict), indent=2) + "\n")
    else:
        _print(stdout_console(), target, session, verdict)
    if level is None:
        return Exit.COULD_NOT_RUN
    return Exit.NOT_AS_EXPECTED if level >= ASSOCIATES else Exit.OK


def _print(console: Console, target: Target, session: SessionResult, verdict: Verdict) -> None:
    level = verdict.levels["dimse"]
    console.print(Text(f"{target.address}, a stranger to {target.called_ae_title}", style="bold"))
    if level is None:
        console.print(Text("Unknown: it could not be told how far a stranger gets. Unknown is not safe."))
    else:
        name, meaning = LEVELS[level]
        console.print(Text(f"Level {level} of 7, {name}. {meaning}", style="red" if level >= ASSOCIATES else "green"))
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


def _as_json(target: Target, session: SessionResult, verdict: Verdict) -> dict[str, Any]:
    level = verdict.levels["dimse"]
    return {
        "address": str(target.address),
        "called_ae_title": target.called_ae_title,
        "level": level,
        "level_name": None if level is None else LEVELS[level][0],
        "checks": dict(verdict.checks),
        "attempts": [dataclasses.asdict(attempt) for attempt in session.stranger.attempts] if session.stranger else [],
    }
