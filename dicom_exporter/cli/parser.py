"""What the parsers of the commands share: the parser class, flags that several commands have, and the exit codes."""

import argparse
import logging
import re
import sys
import textwrap
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from dicom_exporter import logs

if TYPE_CHECKING:
    from dicom_exporter.server.listening import ListenAddress

PROGRAM = "dicom_exporter"

T = TypeVar("T")


class Exit(IntEnum):
    """The exit codes of all commands."""

    OK = 0
    """Done, and as expected."""
    NOT_AS_EXPECTED = 1
    """Done, and something is down or exposed."""
    BAD_USAGE = 2
    """Bad usage, or a configuration with mistakes."""
    COULD_NOT_RUN = 3
    """It could not run, or something could not be determined."""


class BaseOptions(argparse.Namespace):
    """The parsed options that every command has. Each command declares a subclass, into which argparse writes."""

    log_level: str
    log_format: str


class ConfigOptions(BaseOptions):
    """The same, of a command that reads the configuration (`add_config_file`)."""

    config_file: list[str] | None
    """Names or globs; None: `DEFAULT_CONFIG_FILE`."""
    config_expand_env: bool
    config_show_env: list[str]
    """Names of variables."""


class ListenOptions(BaseOptions):
    """The same, of a command that listens (`add_listen_address`)."""

    web_listen_address: "list[ListenAddress] | None"


def wrapped(text: str, width: int) -> str:
    """`text` with lines of at most `width` characters, broken between words; a last column stays in its place."""
    lines = []
    for line in text.split("\n"):
        column = re.match(r" .*\S {2,}(?=\S)", line)
        indent = column.end() if column is not None and column.end() < width - 20 else len(line) - len(line.lstrip())
        broken = textwrap.wrap(
            line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
        )
        lines += broken or [line]
    return "\n".join(lines)


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines and the columns of a description, and fits them into the terminal."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return textwrap.indent(wrapped(text, width - len(indent)), indent)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrapped(" ".join(text.split()), width).split("\n")


class Parser(argparse.ArgumentParser):
    """Reports an error in one line, and how to get help in another."""

    def __init__(self, prog: str, **kwargs: Any) -> None:
        super().__init__(prog, allow_abbrev=False, formatter_class=_HelpFormatter, **kwargs)

    def add_flag(self, name: str, **kwargs: Any) -> None:
        """Add a flag like `--config.file`, whose value is the option `config_file`."""
        self.add_argument(name, dest=name.removeprefix("--").replace(".", "_").replace("-", "_"), **kwargs)

    def error(self, message: str) -> NoReturn:
        """End the program with the code for bad usage."""
        self.exit(Exit.BAD_USAGE, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")


def complain(options: BaseOptions, text: str) -> None:
    """Write to stderr, as `--log.format` says, why the command cannot do its work."""
    if options.log_format == logs.LogFormat.JSON:
        logging.getLogger(PROGRAM).error(text)
    else:
        sys.stderr.write(f"{text}\n")


def add_config_file(parser: Parser) -> None:
    """The flags of `ConfigOptions`."""
    parser.add_flag(
        "--config.file", action="append", metavar="FILE", help="YAML, or a glob; repeatable (default: config.yml)"
    )
    parser.add_flag(
        "--config.expand-env", action="store_true", help="put environment variables into values: ${VAR}, as secrets"
    )
    parser.add_flag(
        "--config.show-env", action="append", default=[], metavar="VAR", help="VAR is no secret; repeatable"
    )


def add_listen_address(parser: Parser, default: str) -> None:
    """The flag of `ListenOptions`; `default` is for its help text."""
    parser.add_flag(
        "--web.listen-address",
        action="append",
        type=checked(_listen_address),
        metavar="ADDRESS",
        help=f"HOST:PORT to listen on, without a host on all interfaces; repeatable (default: {default})",
    )


def _listen_address(text: str) -> "ListenAddress":
    from dicom_exporter.server.listening import parse_listen_address

    return parse_listen_address(text)


def add_log_flags(parser: Parser, level: str) -> None:
    """The flags of `BaseOptions`; `level` is the default."""
    parser.add_flag(
        "--log.level",
        type=lambda text: "warning" if text == "warn" else text,  # as Go's exporters have it
        choices=logs.LEVELS,
        default=level,
        help=f"lowest level to log (default: {level})",
    )
    parser.add_flag(
        "--log.format",
        choices=[str(log_format) for log_format in logs.LogFormat],
        default="logfmt",
        help="format of a log line (default: logfmt)",
    )


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Read a number from `least` to `most`, for argparse."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return checked(read)


def checked(parse: Callable[[str], T]) -> Callable[[str], T]:
    """`parse` for argparse, which would not show the message of a ValueError."""

    def checked(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked
