"""`dicom_exporter print WHAT`: the files that come with the exporter, for Prometheus, Grafana, editors and systemd."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from dicom_exporter.cli.parser import PROGRAM, BaseOptions, Exit, Parser, add_log_flags

_PACKAGE = Path(__file__).parents[1]
_ROOTS = (_PACKAGE / "share", _PACKAGE.parent)
"""In the wheel; in a source tree."""
FILES: Mapping[str, str] = {
    "rules": "prometheus/rules/*.yml",
    "dashboards": "grafana/dashboards/*.json",
    "schema": "dicom_exporter/config/config.schema.json",
    "example": "config.example.yml",
    "unit": "deploy/systemd/dicom_exporter.service",
}
"""What there is -> where it is in a source tree; the wheel has the same paths in `share`."""


class Options(BaseOptions):
    """The parsed options."""

    what: str
    output: Path | None
    """A directory; None: stdout."""


def make_parser() -> Parser:
    """The parser of the command."""
    parser = Parser(
        f"{PROGRAM} print",
        description="Prints files that come with the exporter: rules and dashboards, JSON Schema, example, unit.\n"
        "The rules are one file for Prometheus, the dashboards one JSON document a line.",
        epilog=f"""\
examples:
  {PROGRAM} print example > config.yml
  {PROGRAM} print rules > dicom.rules.yml
  {PROGRAM} print dashboards --output /var/lib/grafana/dashboards
""",
    )
    parser.add_argument("what", metavar="WHAT", choices=[*FILES], help=", ".join(FILES))
    parser.add_flag("--output", type=Path, metavar="DIRECTORY", help="write the files into this directory instead")
    add_log_flags(parser, "warning")
    return parser


def run(options: Options) -> int:
    """Print the files, or write them."""
    files = shipped(options.what)
    try:
        if options.output is None:
            sys.stdout.write(_joined(options.what, [file.read_text(encoding="utf-8") for file in files]))
        else:
            for file in files:
                (options.output / file.name).write_bytes(file.read_bytes())
    except OSError as error:
        sys.stderr.write(f"{PROGRAM} print: cannot write: {error.strerror}\n")
        return Exit.COULD_NOT_RUN
    return Exit.OK


def shipped(what: str) -> list[Path]:
    """The files of that kind, by name; `what` is one of `FILES`."""
    roots = (_PACKAGE.parent, *_ROOTS) if what == "schema" else _ROOTS
    return next(found for root in roots if (found := sorted(root.glob(FILES[what]))))


def _joined(what: str, texts: list[str]) -> str:
    if what == "dashboards":
        return "".join(json.dumps(json.loads(text), separators=(",", ":")) + "\n" for text in texts)
    if what == "rules":
        return "groups:\n" + "".join(text.partition("\ngroups:\n")[2] for text in texts)
    return "".join(texts)
