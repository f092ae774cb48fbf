"""What `dicom_exporter report --prometheus` does: it reads what Prometheus recorded, and probes nothing."""

import math
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

from dicom_exporter import __version__
from dicom_exporter.cli import process
from dicom_exporter.cli.parser import PROGRAM, Exit
from dicom_exporter.cli.report import Options
from dicom_exporter.cli.reporting import Document, label_exists, may_write, progress_bar, write
from dicom_exporter.history.api import ApiError, connected
from dicom_exporter.history.read import MAX_POINTS, History, Period, read_history
from dicom_exporter.report.over_time import make_over_time
from dicom_exporter.report.over_time.formats import (
    over_time_as_csv,
    over_time_as_html,
    over_time_as_json,
    over_time_as_markdown,
    print_over_time,
)

_DAY = 86_400.0


def run(options: Options) -> int:
    """Read the history and write the report. Nothing is written if it could not be finished."""
    assert options.prometheus is not None
    step = options.step or 60.0
    end = math.floor((time.time() if options.until is None else options.until) / step) * step
    begin = math.ceil((end - 30 * _DAY if options.since is None else options.since) / step) * step
    period = Period(begin, end, step)
    if begin >= end:
        return _ended("the report would end before it begins", Exit.BAD_USAGE)
    if (end - begin) / step > MAX_POINTS:
        return _ended(f"more than {MAX_POINTS:,} steps: choose a longer --step, or a shorter time", Exit.BAD_USAGE)
    if not may_write(options):
        return Exit.COULD_NOT_RUN
    try:
        history = process.run(_read(options, period))
    except ApiError as error:
        return _ended(f"{error}", Exit.COULD_NOT_RUN)
    source = str(options.prometheus.with_user(None))
    if not history.labels:
        return _ended(f"{source} has no series of dicom_exporter in that time", Exit.COULD_NOT_RUN)
    if not label_exists(options.by, {name for labels in history.labels.values() for name in labels}):
        return Exit.BAD_USAGE
    report = make_over_time(
        history,
        period,
        by=options.by,
        source=source,
        alertmanager=None if options.alertmanager is None else str(options.alertmanager.with_user(None)),
        made=datetime.now(UTC),
        version=__version__,
    )
    texts = {
        "markdown": partial(over_time_as_markdown, report),
        "csv": partial(over_time_as_csv, report),
        "json": partial(over_time_as_json, report),
        "html": partial(over_time_as_html, report),
    }
    if not write(Document(partial(print_over_time, report=report), texts, report.summary), options):
        return Exit.COULD_NOT_RUN
    if report.not_as_expected:
        return Exit.NOT_AS_EXPECTED
    return Exit.COULD_NOT_RUN if report.could_not_tell else Exit.OK


async def _read(options: Options, period: Period) -> History:
    assert options.prometheus is not None
    async with AsyncExitStack() as stack:
        prometheus = await stack.enter_async_context(connected(options.prometheus))
        alertmanager = None
        if options.alertmanager is not None:
            alertmanager = await stack.enter_async_context(connected(options.alertmanager))
        with progress_bar() as progress:
            bar = progress.add_task("Reading", total=round((period.end - period.begin) / period.step) + 1)
            return await read_history(prometheus, period, partial(progress.advance, bar), alertmanager)


def _ended(message: str, code: Exit) -> Exit:
    sys.stderr.write(f"{PROGRAM} report: {message}\n")
    return code
