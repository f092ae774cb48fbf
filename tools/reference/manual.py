"""docs/dicom_exporter.1, the manual page, from the same parsers."""

from __future__ import annotations

from argparse_manpage.manpage import Manpage  # type: ignore[import-untyped]

from dicom_exporter.cli.main import whole_parser
from dicom_exporter.cli.parser import PROGRAM


def page() -> str:
    """The text of the page, in roff; without a date, so that it does not change every day."""
    parser = whole_parser()
    epilog, parser.epilog = parser.epilog or "", None  # argparse-manpage would fill it into one paragraph
    manual = Manpage(parser, _data={"project_name": PROGRAM, "manual_title": "DICOM exporter", "date": " "})
    manual.description = "is each DICOM archive up for us, and closed to strangers?"
    manual.add_section("commands, examples, exit codes", ">", f".nf\n{_roff(epilog.strip())}\n.fi")
    manual.add_section("see also", ">", "The documentation of the project: configuration, metrics, deployment.")
    synopsis = f"[flags] {PROGRAM} COMMAND [flags]"
    return str(manual).rstrip().replace(synopsis, f"[flags]\n.br\n.B {PROGRAM}\nCOMMAND [flags]") + "\n"


def _roff(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")
