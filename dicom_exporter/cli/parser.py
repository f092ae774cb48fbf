"""How the program ends.

What the commands' parsers are made of: a parser that says what to do next, flags that several have, their values.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from enum import IntEnum
from typing import Any, NoReturn, TypeVar

from dicom_exporter import logs
from dicom_exporter.config import parse_duration
from dicom_exporter.server.listening import parse_listen_address


class Exit(IntEnum):
    """The exit codes of all commands."""

    OK = 0
    """Done, and as expected."""
    NOT_AS_EXPECTED = 1
    """Done, and something is down."""
    BAD_USAGE = 2
    """Bad usage, or a configuration with mistakes."""
    COULD_NOT_RUN = 3


T = TypeVar("T")

_MOST_DEMO_TARGETS = 10_000


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, and in another what to do next."""

    def __init__(self, prog: str, **kwargs: Any) -> None:
        super().__init__(prog, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs)

    def add_flag(self, name: str, **kwargs: Any) -> None:
        """Add `--config.file` so that it ends up in `config_file`."""
        self.add_argument(name, dest=name.removeprefix("--").replace(".", "_").replace("-", "_"), **kwargs)

    def error(self, message: str) -> NoReturn:
        """End the program with the code for bad usage."""
        self.exit(Exit.BAD_USAGE, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")


def add_config_file(parser: Parser) -> None:
    """The flags that say where the configuration is."""
    parser.add_flag(
        "--config.file", action="append", metavar="FILE", help="YAML, or a glob; repeatable (default: config.yml)"
    )
    parser.add_flag("--config.expand-env", action="store_true", help="put environment variables into values: ${VAR}")


def add_listen_address(parser: Parser, default: str) -> None:
    """The flag that says where to listen."""
    parser.add_flag(
        "--web.listen-address",
        action="append",
        type=checked(parse_listen_address),
        metavar="ADDRESS",
        help=f"HOST:PORT to listen on, without a host on all interfaces; repeatable (default: {default})",
    )


def add_log_flags(parser: Parser, level: str) -> None:
    """The flags of the log, of which `level` is shown where nothing is said."""
    parser.add_flag("--log.level", choices=logs.LEVELS, default=level, help=f"log from this on (default: {level})")
    parser.add_flag(
        "--log.format",
        choices=[str(log_format) for log_format in logs.LogFormat],
        default="logfmt",
        help="how a line of the log is written (default: logfmt)",
    )


def checked(parse: Callable[[str], T]) -> Callable[[str], T]:
    """`parse` for argparse, which would hide the text of a ValueError."""

    def checked(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def telemetry_path(text: str) -> str:
    """A path for the metrics that no page has. Raises ValueError with a message for the user, as all here do."""
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", text):
        raise ValueError(f"{text!r} is not a path like /metrics")
    if text.split("/")[1] in ("-", "config", "probe", "runbooks", "sd", "static", "targets"):
        raise ValueError(f"{text!r} is taken")
    return text


def target_count(text: str) -> int:
    """How many targets the big demo has."""
    if not (re.fullmatch(r"[0-9]{1,5}", text) and 3 <= int(text) <= _MOST_DEMO_TARGETS):
        raise ValueError(f"{text!r} is not a number from 3 to {_MOST_DEMO_TARGETS}")
    return int(text)


def history_limit(text: str) -> int:
    """How many probes of a target are kept."""
    if not (re.fullmatch(r"[0-9]{1,5}", text) and int(text)):
        raise ValueError(f"{text!r} is not a number from 1 to 99999")
    return int(text)


def count(text: str) -> int:
    """A number that may be 0, which stands for any."""
    if not re.fullmatch(r"[0-9]{1,7}", text):
        raise ValueError(f"{text!r} is not a number like 40; 0 stands for any number")
    return int(text)


def offset(text: str) -> float:
    """Seconds from a duration as the configuration has it, where `0.5s` and `0s` are good too."""
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?s", text):
        return float(text.removesuffix("s"))
    return parse_duration(text)
