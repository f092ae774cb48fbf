"""Which identity a probe gets while files change, break and hang. Threads, and no sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from dicom_exporter.config import HTTPSettings, Identity, Secret
from dicom_exporter.config.model import BUILTIN_IDENTITIES
from dicom_exporter.config.renewal import IdentityFiles, read_again
from dicom_exporter.prober import credentials as module
from dicom_exporter.prober.credentials import BURST, CHECK_INTERVAL, Credentials

KEY = "http.bearer_token_file"


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    """One whose token is in a file."""
    (tmp_path / "token").write_text("first-token")
    return Identity("us", "US", http=HTTPSettings(bearer_token=Secret("first-token", tmp_path / "token")))


class Reading:
    """`read_again` that can hang, and counts."""

    def __init__(self) -> None:
        self.count = 0
        self.go = threading.Event()
        self.go.set()

    def __call__(self, files: IdentityFiles) -> IdentityFiles:
        self.count += 1
        assert self.go.wait(30)
        return read_again(files)


@pytest.fixture
def reading() -> Iterator[Reading]:
    made = Reading()
    yield made
    made.go.set()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the time of the running event loop on."""

    def advance(seconds: float) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time() + seconds
        monkeypatch.setattr(loop, "time", lambda: now)

    return advance


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take its time for a thread."""
    monkeypatch.setattr(module, "MAX_WAIT", 30.0)


def token(identity: Identity) -> str:
    assert identity.http is not None
    assert identity.http.bearer_token is not None
    return identity.http.bearer_token.reveal()


async def until_read(credentials: Credentials) -> None:
    """Until the check under way has ended."""
    check = credentials._tracked["us"].check
    if check is not None:
        await asyncio.wait_for(check, 30)


async def test_current_identity_without_files_is_that_of_the_configuration() -> None:
    credentials = Credentials(BUILTIN_IDENTITIES)
    assert await credentials.current("monitor") is BUILTIN_IDENTITIES["monitor"]
    assert credentials.stale_files() == {}


@pytest.mark.usefixtures("patient")
async def test_current_file_that_changed_is_in_the_next_probe(identity: Identity, tmp_path: Path) -> None:
    credentials = Credentials({"us": identity})
    assert await credentials.current("us") is identity
    (tmp_path / "token").write_text("second-token")
    assert token(await credentials.current("us")) == "second-token"
    assert token(identity) == "first-token"
    assert credentials.stale_files() == {("us", KEY): False}


@pytest.mark.usefixtures("patient")
async def test_current_broken_file_is_stale_and_logged_once(identity: Identity, tmp_path: Path) -> None:
    credentials = Credentials({"us": identity})
    (tmp_path / "token").write_text("second-token")
    with capture_logs() as logged:
        await credentials.current("us")
        (tmp_path / "token").write_text("third\ntoken")
        for _ in range(3):
            assert token(await credentials.current("us")) == "second-token"
        assert credentials.stale_files() == {("us", KEY): True}
        (tmp_path / "token").write_text("fourth-token")
        for _ in range(3):
            assert token(await credentials.current("us")) == "fourth-token"
        assert credentials.stale_files() == {("us", KEY): False}
    said: list[Any] = [(line["log_level"], line.get("key"), line.get("repaired")) for line in logged]
    assert said == [("info", None, None), ("error", KEY, None), ("info", None, KEY)]
    assert all("second" not in str(line) and "third" not in str(line) for line in logged)


async def test_current_check_that_hangs_delays_only_the_first_probes(
    identity: Identity, tmp_path: Path, reading: Reading, clock: Callable[[float], None]
) -> None:
    reading.go.clear()
    (tmp_path / "token").write_text("second-token")
    credentials = Credentials({"us": identity}, reading)
    assert await credentials.current("us") is identity  # after MAX_WAIT
    clock(1.0)
    assert await asyncio.wait_for(asyncio.shield(credentials.current("us")), None) is identity
    assert reading.count == 1
    assert credentials.stale_files() == {("us", KEY): False}
    clock(10.0)
    with capture_logs() as logged:
        for _ in range(3):
            assert await credentials.current("us") is identity
    assert credentials.stale_files() == {("us", KEY): True}
    assert [line["log_level"] for line in logged] == ["error"]
    assert reading.count == 1
    reading.go.set()
    await until_read(credentials)
    assert credentials.stale_files() == {("us", KEY): False}
    assert token(await credentials.current("us")) == "second-token"


async def test_current_waits_no_longer_than_half_of_the_time_left(identity: Identity, reading: Reading) -> None:
    reading.go.clear()
    credentials = Credentials({"us": identity}, reading)
    now = asyncio.get_running_loop().time()
    assert await credentials.current("us", now + 0.02) is identity
    assert await credentials.current("us", now - 1.0) is identity


@pytest.mark.usefixtures("patient")
async def test_current_identity_whose_check_hangs_delays_no_other(
    identity: Identity, tmp_path: Path, reading: Reading
) -> None:
    (tmp_path / "other").write_text("other-second")
    other = replace(identity, name="other", http=HTTPSettings(bearer_token=Secret("other-first", tmp_path / "other")))

    def read(files: IdentityFiles) -> IdentityFiles:
        return reading(files) if files.identity.name == "us" else read_again(files)

    reading.go.clear()
    credentials = Credentials({"us": identity, "other": other}, read)
    hangs = asyncio.create_task(credentials.current("us"))
    assert token(await credentials.current("other")) == "other-second"
    assert not hangs.done()
    reading.go.set()
    assert await hangs is identity


@pytest.mark.usefixtures("patient")
async def test_current_many_probes_at_once_share_a_check(identity: Identity, reading: Reading) -> None:
    credentials = Credentials({"us": identity}, reading)
    await asyncio.gather(*(credentials.current("us") for _ in range(1000)))
    assert reading.count == 1


@pytest.mark.usefixtures("patient")
async def test_current_is_checked_every_few_seconds_however_many_probes(
    identity: Identity, reading: Reading, clock: Callable[[float], None]
) -> None:
    credentials = Credentials({"us": identity}, reading)
    clock(0.0)
    for _ in range(1000):
        await credentials.current("us")
    assert reading.count == BURST
    clock(CHECK_INTERVAL)
    for _ in range(1000):
        await credentials.current("us")
    assert reading.count == BURST + 1


@pytest.mark.usefixtures("patient")
async def test_current_bug_in_reading_keeps_the_identity(identity: Identity) -> None:
    def fail(_: IdentityFiles) -> IdentityFiles:
        raise ValueError("first-token")

    credentials = Credentials({"us": identity}, fail)
    with capture_logs() as logged:
        assert await credentials.current("us") is identity
    assert [line["error"] for line in logged] == ["ValueError"]
    assert "first-token" not in str(logged)
