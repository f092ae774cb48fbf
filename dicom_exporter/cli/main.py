"""The command line, in the style of Prometheus: finds the command, reads its options, and runs it.

A command is the first argument; without one, the exporter serves. Each command is a module of this package with three
names: `Options`, `make_parser` and `run`. Only the module of the command that runs is imported. As each command has a
parser of its own, a flag that a command does not have is an error and is never ignored silently.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from dicom_exporter import logs, signals
from dicom_exporter.cli.parser import PROGRAM, BaseOptions, Exit, Parser
from dicom_exporter.text import did_you_mean

_SERVING = ("serve", "demo")
"""These handle signals themselves."""
COMMANDS = ("demo", "probe", "report", "print", "completion")


class Command(Protocol):
    """The module of a command."""

    Options: type[BaseOptions]

    def make_parser(self) -> Parser:
        """The parser of its flags."""

    def run(self, options: BaseOptions) -> int:
        """Run it; returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what `arguments` say (by default those of the process, without its name) and return the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["help"]:
        given = [*given[1:2], "--help"] if set(given[1:2]) <= set(COMMANDS) else given[1:2]
    name = given.pop(0) if given and given[0] in COMMANDS else "serve"
    command = _command(name)
    try:
        options = _parse(command, given)
        logs.configure(options.log_level, logs.LogFormat(options.log_format))
        if name not in _SERVING:
            signals.interruptible()
        return command.run(options)
    except KeyboardInterrupt:
        sys.stderr.write(f"{PROGRAM}: interrupted\n")
        return Exit.COULD_NOT_RUN


def whole_parser() -> argparse.ArgumentParser:
    """One parser of all commands, for shell completion and the manual page. `main` does not use it."""
    parser = _command("serve").make_parser()
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", prog=PROGRAM)
    for name in COMMANDS:
        one = _command(name).make_parser()
        commands.add_parser(
            name,
            parents=[one],
            add_help=False,
            help=(one.description or "").partition("\n")[0],
            description=one.description,
            epilog=one.epilog,
        )
    return parser


def _command(name: str) -> Command:
    return cast(Command, import_module(f"dicom_exporter.cli.{name}"))


def _parse(command: Command, arguments: Sequence[str]) -> BaseOptions:
    parser = command.make_parser()
    options, unknown = parser.parse_known_args(arguments, command.Options())
    if unknown:
        argument = unknown[0].partition("=")[0]
        if argument in COMMANDS:
            parser.error(f"a command comes first: {PROGRAM} {argument}")
        known = re.findall(r"--[a-z][a-z.-]*", parser.format_help()) if argument.startswith("-") else COMMANDS
        parser.error(f"unknown argument {argument}{did_you_mean(argument, known)}")
    return options
