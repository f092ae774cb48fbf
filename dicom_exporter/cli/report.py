"""Every target once, now, in one document."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dicom_exporter import __version__
from dicom_exporter.cli.parser import Exit
from dicom_exporter.cli.process import raise_file_limit, run
from dicom_exporter.cli.serve import DEFAULT_CONFIG_FILE, ServeOptions, load_or_complain
from dicom_exporter.cli.terminal import FILE_WIDTH, stdout_console
from dicom_exporter.config import Address, Config, Target
from dicom_exporter.prober.prober import Prober
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.report import Report, make_report
from dicom_exporter.report.formats.csv import as_csv
from dicom_exporter.report.formats.json import as_json
from dicom_exporter.report.formats.markdown import as_markdown
from dicom_exporter.report.formats.terminal import print_report
from dicom_exporter.text import did_you_mean

FORMATS = ("table", "markdown", "csv", "json", "html")


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What the command line says about the report."""

    config_files: Sequence[str] | None = None
    expand_env: bool = False
    format: str = "table"
    by: str | None = None
    """Name of the label to group by."""
    output: Path | None = None
    """None: stdout."""


def report(options: ReportOptions) -> int:
    """Probe every target once and write what was found. Nothing is written where it could not be finished."""
    serving = ServeOptions(options.config_files, options.expand_env)
    config = load_or_complain(serving)
    if config is None:
        return Exit.BAD_USAGE
    labels = {name for target in config.targets for name in target.labels}
    if options.by is not None and options.by not in labels:
        there = f"; there is {', '.join(sorted(labels))}" if labels else "; none has labels"
        hint = did_you_mean(options.by, labels) or there
        sys.stderr.write(f"dicom_exporter report: no target has the label {options.by}{hint}\n")
        return Exit.BAD_USAGE
    if options.output is not None and not os.access(options.output.parent, os.W_OK):
        sys.stderr.write(f"dicom_exporter report: cannot write {options.output}: no such directory, or not ours\n")
        return Exit.COULD_NOT_RUN
    raise_file_limit()
    begun = datetime.now().astimezone()
    records = run(_probe_all(config))
    made = make_report(
        records,
        by=options.by,
        begun=begun,
        host=platform.node() or "this machine",
        configuration=options.config_files or [DEFAULT_CONFIG_FILE],
        version=__version__,
    )
    try:
        _write(made, options)
    except OSError as error:
        sys.stderr.write(f"dicom_exporter report: cannot write: {error.strerror}\n")
        return Exit.COULD_NOT_RUN
    if made.not_as_expected:
        return Exit.NOT_AS_EXPECTED
    return Exit.COULD_NOT_RUN if made.could_not_tell else Exit.OK


async def _probe_all(config: Config) -> list[ProbeRecord]:
    """Each target once, in the order of the configuration, with a progress bar where somebody is looking.

    Those of one address wait for each other before they begin, so that none spends its own time on that; and no more
    are begun at once than may have associations, as a report is in no hurry.
    """
    found: dict[str, ProbeRecord] = {}
    places: dict[Address, list[Target]] = {}
    for target in config.targets:
        places.setdefault(target.address, []).append(target)
    prober = Prober(config)
    turn = asyncio.Semaphore(config.global_.max_concurrent_probes)
    with _progress() as progress:
        bar = progress.add_task("Probing", total=len(config.targets))

        async def probe(targets: Iterable[Target]) -> None:
            for target in targets:
                async with turn:
                    (found[target.name],) = await prober.probe_targets([target], None)
                progress.advance(bar)

        try:
            async with asyncio.TaskGroup() as group:
                for targets in places.values():
                    group.create_task(probe(targets))
        finally:
            await prober.close()
    return [found[target.name] for target in config.targets]


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _write(made: Report, options: ReportOptions) -> None:
    if options.output is None:
        console = stdout_console()
        if options.format == "table":
            print_report(console, made)
        else:
            sys.stdout.write(_text(made, options.format))
        sys.stdout.flush()
        return
    partial = options.output.with_name(f".{options.output.name}.part")
    if options.format == "table":
        with partial.open("w", encoding="utf-8") as file:
            print_report(Console(file=file, width=FILE_WIDTH), made)
    else:
        partial.write_text(_text(made, options.format), encoding="utf-8", newline="")
    partial.replace(options.output)  # whoever reads the last report meanwhile reads a whole one
    sys.stderr.write(f"{options.output}: {made.summary}\n")


def _text(made: Report, name: str) -> str:
    forms: dict[str, Callable[[Report], str]] = {"markdown": as_markdown, "csv": as_csv, "json": as_json}
    if name == "html":
        from dicom_exporter.report.formats.html import as_html  # the only one that needs a template engine

        return as_html(made)
    return forms[name](made)
