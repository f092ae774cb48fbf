"""The script with which a shell completes our commands, flags and files."""

from __future__ import annotations

import argparse
import sys

import shtab

from dicom_exporter.cli.parser import Exit

SHELLS = ("bash", "zsh", "fish")


def completion(parser: argparse.ArgumentParser, shell: str) -> int:
    """Print the script for `shell`, one of `SHELLS`; `parser` is the one that knows all commands."""
    for each in (parser, *subparsers(parser).values()):
        for action in each._actions:
            if action.metavar == "FILE":
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    sys.stdout.write(shtab.complete(parser, shell) + "\n")
    return Exit.OK


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the commands of `parser`, by their names."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}
