"""The form of a log line, also of lines of libraries."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl

import pytest
import structlog
from pynetdicom import _config

from dicom_exporter import logs
from dicom_exporter.logs import LogFormat, configure, silence_pynetdicom


def fail_with(text: str) -> None:
    raise ValueError(text)


def test_logfmt_line_has_time_level_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    structlog.stdlib.get_logger("x").info("probe ended", target="main", outcome="success", seconds=0.5)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ts=20")
    assert err.endswith(' level=info msg="probe ended" target=main outcome=success seconds=0.5\n')


def test_json_line_has_time_level_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure(log_format=LogFormat.JSON)
    structlog.stdlib.get_logger("x").warning("probe ended", seconds=0.5, done=True, why=None)
    line = json.loads(capsys.readouterr().err)
    assert list(line)[:3] == ["ts", "level", "msg"]
    assert line.pop("ts").startswith("20")
    assert line == {"level": "warning", "msg": "probe ended", "seconds": 0.5, "done": True, "why": None}


@pytest.mark.parametrize("log_format", LogFormat)
def test_logs_of_libraries_have_the_same_format(log_format: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    configure(log_format=log_format)
    logging.getLogger("some.library").error("it is %s", "broken")
    assert "it is broken" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("level", "shown"),
    [("debug", ["debug", "info", "error"]), ("info", ["info", "error"]), ("error", ["error"])],
)
def test_logs_below_level_are_left_out(level: str, shown: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    configure(level)
    log = structlog.stdlib.get_logger("x")
    log.debug("debug")
    log.info("info")
    logging.getLogger("library").error("error")
    assert [line.rpartition("msg=")[2] for line in capsys.readouterr().err.splitlines()] == shown


@pytest.mark.parametrize("log_format", LogFormat)
@pytest.mark.parametrize(
    "evil", ["a\nlevel=error msg=forged", "\x1b[2J", "\r", "\x00", "\u202egnp", "\u2028", "\x9b", "\ud800"]
)
def test_logs_control_characters_are_escaped(
    evil: str, log_format: LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(log_format=log_format)
    structlog.stdlib.get_logger("x").info(evil, peer=evil, several=[evil])
    logging.getLogger("library").warning("%s", evil)
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 2
    assert err.replace("\n", "").isprintable()


@pytest.mark.parametrize("log_format", LogFormat)
def test_logs_exception_text_is_left_out(log_format: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug", log_format)
    for log in (structlog.stdlib.get_logger("x"), logging.getLogger("library")):
        try:
            fail_with("SECRET^PHI")
        except ValueError:
            log.exception("probe failed")
    err = capsys.readouterr().err
    assert "SECRET" not in err
    assert err.count("probe failed") == 2
    assert err.count("ValueError at test_logs.py:") == 2
    assert err.count("fail_with < test_logs.py:") == 2


async def test_logs_exception_text_of_unawaited_task_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug")
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.log_loop_exception)

    async def fail() -> None:
        fail_with("SECRET^PHI")

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    del task  # asyncio reports it now
    err = capsys.readouterr().err
    assert "SECRET" not in err
    assert "never retrieved" in err
    assert "ValueError at test_logs.py:" in err


@pytest.mark.parametrize(
    ("error", "in_a_task", "level"),
    [
        (ssl.SSLError("SECRET^PHI"), False, "debug"),
        (ConnectionResetError("SECRET^PHI"), False, "debug"),
        (ValueError("SECRET^PHI"), False, "error"),
        (ssl.SSLError("SECRET^PHI"), True, "error"),
    ],
)
async def test_logs_late_failure_of_a_peer_is_no_error(
    error: Exception, in_a_task: bool, level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("debug")
    future = asyncio.current_task() if in_a_task else asyncio.get_running_loop().create_future()
    context = {"message": "exception was never retrieved", "exception": error, "future": future}
    logs.log_loop_exception(asyncio.get_running_loop(), context)
    err = capsys.readouterr().err
    assert f"level={level}" in err
    assert type(error).__name__ in err
    assert "SECRET" not in err


def test_logs_pynetdicom_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug")
    silence_pynetdicom()
    logging.getLogger("pynetdicom.service-c").critical("SECRET^PHI")
    assert capsys.readouterr().err == ""
    assert _config.LOG_RESPONSE_IDENTIFIERS is False
    assert _config.LOG_REQUEST_IDENTIFIERS is False
