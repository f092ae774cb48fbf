"""docs/command-line.md, from the parsers of `dicom_exporter.cli.main`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from dicom_exporter.cli.completion import subparsers
from dicom_exporter.cli.main import whole_parser
from dicom_exporter.cli.parser import PROGRAM
from tools.reference.markdown import code, head, table


def page() -> str:
    """The text of the page."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield head("command-line")
    whole = whole_parser()
    yield from _command(PROGRAM, whole)
    for name, parser in subparsers(whole).items():
        yield from _command(f"{PROGRAM} {name}", parser)


def _command(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    yield " ".join((parser.description or "").split())
    yield ""
    actions = [action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]
    yield from table(("argument", "meaning"), [(_argument(action), _meaning(action)) for action in actions])
    if parser.epilog:
        yield "```"
        yield parser.epilog.strip()
        yield "```"
        yield ""


def _argument(action: argparse.Action) -> str:
    name = ", ".join(action.option_strings)
    if action.choices is not None and action.metavar is None:
        return code(f"{name}={'|'.join(map(str, action.choices))}")
    if not name:
        return code(str(action.metavar))
    return code(name if action.nargs == 0 else f"{name}={action.metavar}")


def _meaning(action: argparse.Action) -> str:
    text = action.help or ""
    return text if "%" not in text else text % {"prog": PROGRAM}
