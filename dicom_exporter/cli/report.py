"""`dicom_exporter report`: every target is probed once, now, and the results are one document."""

from pathlib import Path

from dicom_exporter.cli.parser import PROGRAM, ConfigOptions, Parser, add_config_file, add_log_flags

FORMATS = ("table", "markdown", "csv", "json", "html")


class Options(ConfigOptions):
    """The parsed options."""

    format: str
    by: str | None
    """Name of the label to group by."""
    output: Path | None
    """None: stdout."""


def make_parser() -> Parser:
    """The parser of the command."""
    parser = Parser(
        f"{PROGRAM} report",
        description="Probes every target of the configuration once, and reports which are down and which are exposed.\n"
        "In one document: which are up for us, how far strangers get, and what they are shown. No running exporter\n"
        "is needed.",
        epilog=f"""\
examples:
  {PROGRAM} report                                     a table
  {PROGRAM} report --by country                        with sums for each value of a label
  {PROGRAM} report --format html --output report.html  one page, for the security officer's file

exit codes:
  0 all as expected
  1 something is down, or exposed
  2 bad usage or bad configuration
  3 could not run, or something is unknown
""",
    )
    add_config_file(parser)
    parser.add_flag("--format", choices=FORMATS, default="table", help="what to write (default: table)")
    parser.add_flag("--by", metavar="LABEL", help="sums for each value of this label, for example country")
    parser.add_flag("--output", type=Path, metavar="FILE", help="write to this file, and the summary to stderr")
    add_log_flags(parser, "warning")
    return parser


def run(options: Options) -> int:
    """Probe every target once and write the report."""
    from dicom_exporter.cli import reporting

    return reporting.run(options)
