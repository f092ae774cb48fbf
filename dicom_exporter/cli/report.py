"""`dicom_exporter report`: every target is probed once, now; or what Prometheus recorded of them. One document."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_exporter.cli.parser import PROGRAM, ConfigOptions, Parser, add_config_file, add_log_flags, checked
from dicom_exporter.text import shown

if TYPE_CHECKING:
    from yarl import URL

FORMATS = ("table", "markdown", "csv", "json", "html")


class Options(ConfigOptions):
    """The parsed options."""

    format: str
    by: str | None
    """Name of the label to group by."""
    output: Path | None
    """None: stdout."""
    prometheus: "URL | None"
    """None: the targets are probed, and the flags below are not used."""
    since: float | None
    """Unix time."""
    until: float | None
    step: float | None
    """Seconds."""
    alertmanager: "URL | None"


def make_parser() -> Parser:
    """The parser of the command."""
    parser = Parser(
        f"{PROGRAM} report",
        description="Probes every target of the configuration once, and reports which are down and which are exposed.\n"
        "In one document: which are up for us, how far strangers get, and what they are shown. No running exporter "
        "is needed. With --prometheus it probes nothing: it reports when each was exposed or down, as recorded there.",
        epilog=f"""\
examples:
  {PROGRAM} report                                     a table
  {PROGRAM} report --by country                        with sums for each value of a label
  {PROGRAM} report --format html --output report.html  one page, for the security officer's file
  {PROGRAM} report --prometheus http://localhost:9090 --since 30d  what was exposed or down in the last 30 days

exit codes:
  0 all as expected
  1 something is (with --prometheus: was) down, or exposed
  2 bad usage or bad configuration
  3 could not run, or something is unknown
""",
    )
    add_config_file(parser)
    parser.add_flag("--format", choices=FORMATS, default="table", help="what to write (default: table)")
    parser.add_flag("--by", metavar="LABEL", help="sums for each value of this label, for example country")
    parser.add_flag("--output", type=Path, metavar="FILE", help="write to this file, and the summary to stderr")
    parser.add_flag(
        "--prometheus", type=checked(_url), metavar="URL", help="report what this Prometheus recorded; probe nothing"
    )
    parser.add_flag(
        "--since",
        type=checked(_moment),
        metavar="TIME",
        help="with --prometheus: from when on, 30d ago or 2026-01-31T12:00Z (default: 30d)",
    )
    parser.add_flag(
        "--until", type=checked(_moment), metavar="TIME", help="with --prometheus: until when (default: now)"
    )
    parser.add_flag(
        "--step",
        type=checked(_step),
        metavar="DURATION",
        help="with --prometheus: how exact times are; at least the scrape interval (default: 1m)",
    )
    parser.add_flag(
        "--alertmanager", type=checked(_url), metavar="URL", help="with --prometheus: whom it tells now of what lasts"
    )
    add_log_flags(parser, "warning")
    return parser


def _url(text: str) -> "URL":
    from yarl import URL  # only where one is given

    url = URL(text)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"{shown(text)} is not a URL like http://localhost:9090")
    return url


def _moment(text: str) -> float:
    """Unix time of ``30d`` ago, or of an ISO 8601 time, in UTC if it has no offset."""
    from dicom_exporter.config.values.time import parse_duration

    now = datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        if not text[-1:].isalpha():
            raise ValueError(f"{shown(text)} is not a time like 2026-01-31T12:00Z, or a duration like 30d") from None
        moment = now - timedelta(seconds=parse_duration(text))
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    if not 0 <= moment.timestamp() <= now.timestamp():
        raise ValueError(f"{shown(text)} is not in the past")
    return moment.timestamp()


def _step(text: str) -> float:
    from dicom_exporter.config.values.time import parse_duration

    seconds = parse_duration(text)
    if seconds < 1 or seconds != int(seconds):
        raise ValueError(f"{shown(text)} is not whole seconds")
    return seconds


def run(options: Options) -> int:
    """Write the report."""
    if options.prometheus is not None:
        from dicom_exporter.cli import reporting_over_time

        return reporting_over_time.run(options)
    given = [name for name in ("since", "until", "step", "alertmanager") if getattr(options, name) is not None]
    if given:
        make_parser().error(f"--{given[0]} needs --prometheus")
    from dicom_exporter.cli import reporting

    return reporting.run(options)
