"""Logs on stderr: one line per event, as logfmt or JSON.

Two rules hold for every line, also for those of libraries. Control characters are escaped, so that a peer cannot forge
a line or control a terminal. Of an exception only its type and its traceback are logged, because its text may hold
what a peer sent.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dicom_exporter.text import escaped

if TYPE_CHECKING:
    import asyncio
    from types import ModuleType


LEVELS = ("debug", "info", "warning", "error")


class LogFormat(StrEnum):
    """How a line is written."""

    LOGFMT = "logfmt"
    JSON = "json"


def configure(level: str = "info", log_format: LogFormat = LogFormat.LOGFMT) -> None:
    """Send every log line of this process to stderr, from `level` (one of `LEVELS`) on.

    Libraries that log through `logging` come out in the same form.
    """
    structlog = _import_structlog()
    first: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    ]
    renderer = (
        structlog.processors.JSONRenderer()
        if log_format is LogFormat.JSON
        else structlog.processors.LogfmtRenderer(bool_as_flag=False)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *first,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*first, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.EventRenamer("msg"),
                shorten_exception,
                escape,
                in_order,
                renderer,
            ],
            use_get_message=True,
            keep_exc_info=False,
            keep_stack_info=False,
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    _silence_loggers()


def _import_structlog() -> "ModuleType":
    """Structlog without rich, which it would import for tracebacks that we never print: 4 MiB, and half of the time."""
    hide = "rich" not in sys.modules
    if hide:
        sys.modules["rich"] = None  # type: ignore[assignment]  # as the import system documents it
    try:
        import structlog
    finally:
        if hide:
            del sys.modules["rich"]
    return structlog


def shorten_exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace `exc_info` by the exception's type and its traceback, innermost first; never by its text."""
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        import traceback
        from pathlib import Path

        frames = reversed(traceback.extract_tb(error.__traceback__))
        positions = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
        event["exception"] = f"{type(error).__name__} at {positions}"
    return event


def escape(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Make every value a number or a line of printable characters."""
    for key, value in event.items():
        if value is not None and not isinstance(value, bool | int | float):
            event[key] = escaped(str(value))
    return event


def in_order(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put the time, the level and the message first, as people read a line."""
    return {**{key: event[key] for key in ("ts", "level", "msg") if key in event}, **event}


def log_loop_exception(_loop: "asyncio.AbstractEventLoop", context: Mapping[str, Any]) -> None:
    """What asyncio reports about a task or callback that nobody waited for.

    Its own handler would log the repr of the future, and with it the text of the exception. A handshake that fails
    after its probe has ended is no error of ours: uvloop reports it to a future that is no longer used.
    """
    import asyncio
    import ssl

    import structlog

    error = context.get("exception")
    given_up = isinstance(error, ssl.SSLError | ConnectionError) and not isinstance(context.get("future"), asyncio.Task)
    level = logging.DEBUG if given_up else logging.ERROR
    structlog.stdlib.get_logger("asyncio").log(level, context["message"], exc_info=error)


def silence_pynetdicom() -> None:
    """Keep pynetdicom and pydicom, which only the demo imports, from logging messages and their contents."""
    from pynetdicom import _config

    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    _silence_loggers()


def _silence_loggers() -> None:
    for library in ("pynetdicom", "pydicom"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
