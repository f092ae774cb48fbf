"""`dicom_exporter probe HOST:PORT`: one archive, now; as ourselves, or as a stranger (`--exposure`)."""

from typing import TYPE_CHECKING

from dicom_exporter.cli.parser import PROGRAM, BaseOptions, Parser, add_log_flags, checked

if TYPE_CHECKING:
    from dicom_exporter.config import Address


class Options(BaseOptions):
    """The parsed options."""

    address: "Address"
    called_ae: str
    calling_ae: str
    tls: bool
    exposure: bool
    json: bool


def make_parser() -> Parser:
    """The parser of the command."""
    parser = Parser(
        f"{PROGRAM} probe",
        description="Probes one DICOM archive now: does it answer us, and what does a stranger get there?\n"
        "Sends a C-ECHO, and counts the studies that it lists to us. With --exposure it tries how far a stranger "
        "gets, and explains the result. Probe only your own archives.",
        epilog=f"""\
examples:
  {PROGRAM} probe pacs.example:104 --called-ae PACS             does it answer us?
  {PROGRAM} probe pacs.example:104 --called-ae PACS --exposure  what does a stranger get?
  {PROGRAM} probe pacs.example:2762 --tls --json                for a script

exit codes:
  0 it answered the C-ECHO and the query; with --exposure, it lets no stranger in
  1 it did not; with --exposure, it lets strangers in
  2 bad usage
  3 could not run, or the result is unknown

If it answers, add it to `targets` in config.yml, and run: {PROGRAM} --config.check
""",
    )
    parser.add_argument("address", metavar="HOST:PORT", type=checked(_address), help="like pacs.example:104")
    parser.add_flag(
        "--called-ae",
        type=checked(_ae_title),
        default="ANY-SCP",
        metavar="TITLE",
        help="the archive's AE title (default: ANY-SCP)",
    )
    parser.add_flag(
        "--calling-ae",
        type=checked(_ae_title),
        default="PROMETHEUS",
        metavar="TITLE",
        help="our AE title, which the archive may need to know (default: PROMETHEUS)",
    )
    parser.add_flag("--tls", action="store_true", help="use DICOM TLS; the certificate is shown, not verified")
    parser.add_flag(
        "--exposure", action="store_true", help="as a stranger: random titles, plain and TLS; nothing is written"
    )
    parser.add_flag("--json", action="store_true", help="print JSON instead of a table")
    add_log_flags(parser, "warning")
    return parser


def run(options: Options) -> int:
    """Probe the archive and print the result."""
    from dicom_exporter.cli import probing

    return probing.run(options)


def _address(text: str) -> "Address":
    from dicom_exporter.config import parse_address

    return parse_address(text)


def _ae_title(text: str) -> str:
    from dicom_exporter.config import parse_ae_title

    return parse_ae_title(text)
