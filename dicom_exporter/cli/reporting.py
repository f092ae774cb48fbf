"""What `dicom_exporter report` does: not in `report`, so that `--help` and shell completion need not import it."""

import asyncio
import os
import platform
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dicom_exporter import __version__
from dicom_exporter.cli import process
from dicom_exporter.cli.parser import PROGRAM, Exit
from dicom_exporter.cli.report import Options
from dicom_exporter.cli.serve import DEFAULT_CONFIG_FILE, load_or_report
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


def run(options: Options) -> int:
    """Probe every target once and write the report. Nothing is written if it could not be finished."""
    config = load_or_report(options)
    if config is None:
        return Exit.BAD_USAGE
    if not label_exists(options.by, {name for target in config.targets for name in target.labels}):
        return Exit.BAD_USAGE
    if not may_write(options):
        return Exit.COULD_NOT_RUN
    process.raise_file_limit()
    process.collect_garbage_less_often()
    started = datetime.now().astimezone()
    found = process.run(_probe_all(config))
    report = make_report(
        found,
        by=options.by,
        started=started,
        host=platform.node() or "this machine",
        configuration=options.config_file or [DEFAULT_CONFIG_FILE],
        version=__version__,
    )
    if not write(_document(report), options):
        return Exit.COULD_NOT_RUN
    if report.not_as_expected:
        return Exit.NOT_AS_EXPECTED
    return Exit.COULD_NOT_RUN if report.could_not_tell else Exit.OK


def label_exists(by: str | None, labels: Collection[str]) -> bool:
    """Whether `by` is one of the `labels` of targets, or not asked for. Says so if not."""
    if by is None or by in labels:
        return True
    hint = did_you_mean(by, labels) or (f"; there is {', '.join(sorted(labels))}" if labels else "; none has labels")
    sys.stderr.write(f"{PROGRAM} report: no target has the label {by}{hint}\n")
    return False


async def _probe_all(config: Config) -> list[ProbeRecord]:
    """Probe each target once, with a progress bar on a terminal. Results are in the order of the configuration.

    Targets of one address are probed one after the other, so that none spends its timeout on waiting for another. No
    more are probed at once than can have associations: a report has no deadline.
    """
    found: dict[str, ProbeRecord] = {}
    by_address: dict[Address, list[Target]] = {}
    for target in config.targets:
        by_address.setdefault(target.address, []).append(target)
    prober = Prober(config)
    slots = asyncio.Semaphore(config.global_.max_concurrent_probes)
    with progress_bar() as progress:
        bar = progress.add_task("Probing", total=len(config.targets))

        async def probe(targets: Iterable[Target]) -> None:
            for target in targets:
                async with slots:
                    (found[target.name],) = await prober.probe_targets([target], None)
                progress.advance(bar)

        try:
            async with asyncio.TaskGroup() as group:
                for targets in by_address.values():
                    group.create_task(probe(targets))
        finally:
            await prober.close()
    return [found[target.name] for target in config.targets]


def progress_bar() -> Progress:
    """On stderr, if that is a terminal."""
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


@dataclass(frozen=True, slots=True)
class Document:
    """A report in each of the formats."""

    print: Callable[[Console], None]
    texts: Mapping[str, Callable[[], str]]
    summary: str


def _document(report: Report) -> Document:
    def as_page() -> str:
        from dicom_exporter.report.formats.html import as_html  # the only format that needs a template engine

        return as_html(report)

    texts: dict[str, Callable[[], str]] = {
        "markdown": partial(as_markdown, report),
        "csv": partial(as_csv, report),
        "json": partial(as_json, report),
        "html": as_page,
    }
    return Document(partial(print_report, report=report), texts, report.summary)


def may_write(options: Options) -> bool:
    """Whether `options.output` can be written, before any work is done for it. Says so if not."""
    if options.output is None or os.access(options.output.parent, os.W_OK):
        return True
    sys.stderr.write(f"{PROGRAM} report: cannot write {options.output}: no such directory, or no permission\n")
    return False


def write(document: Document, options: Options) -> bool:
    """Write it to stdout, or to the whole file or none. Returns whether it could; says so if not."""
    try:
        _write(document, options)
    except OSError as error:
        sys.stderr.write(f"{PROGRAM} report: cannot write: {error.strerror}\n")
        return False
    return True


def _write(document: Document, options: Options) -> None:
    if options.output is None:
        console = stdout_console()
        if options.format == "table":
            document.print(console)
        else:
            sys.stdout.write(document.texts[options.format]())
        sys.stdout.flush()
        return
    partial_file = options.output.with_name(f".{options.output.name}.part")
    partial_file.unlink(missing_ok=True)
    # It says which archives are open: for its owner alone, and not where a link leads that somebody has put there.
    descriptor = os.open(partial_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        if options.format == "table":
            document.print(Console(file=file, width=FILE_WIDTH))
        else:
            file.write(document.texts[options.format]())
    partial_file.replace(options.output)  # atomic: a reader gets the whole old report, or the whole new one
    sys.stderr.write(f"{options.output}: {document.summary}\n")
