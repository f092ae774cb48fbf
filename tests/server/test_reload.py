"""`/-/reload`: a new configuration is applied as a whole, or not at all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from aiohttp import ClientSession

import dicom_exporter.server.reload as reload_module
from dicom_exporter.config import Address, Config, ConfigError, ConfigErrors, Target
from tests.testing.in_process import CONFIG, FakeProber, exporter, state

pytestmark = pytest.mark.loopback

NEW = Config((Target("three", Address("127.0.0.1", 104)),))
ERRORS = ConfigErrors(
    [
        ConfigError("config.yml", 3, "targets[0].expect", "'close' is not one of …"),
        ConfigError("config.yml", 9, "modules", "unknown"),
    ]
)


def fail() -> Config:
    raise ERRORS


async def values(client: ClientSession) -> dict[str, str]:
    """The samples without labels, by name."""
    async with client.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    return dict(line.split(" ") for line in lines if not line.startswith("#") and "{" not in line)


async def test_reload_applies_new_configuration() -> None:
    prober = FakeProber()
    async with exporter(state(prober, lambda: NEW)) as client:
        before = await values(client)
        assert "dicom_exporter_config_last_reload_success_timestamp_seconds" not in before
        async with client.post("/-/reload") as response:
            assert response.status == 200
        after = await values(client)
    assert prober.config is NEW
    assert after["dicom_exporter_config_last_reload_successful"] == "1.0"
    assert float(after["dicom_exporter_config_last_reload_success_timestamp_seconds"]) > 1_700_000_000


async def test_reload_of_invalid_configuration_keeps_running_one() -> None:
    prober = FakeProber()
    of = state(prober, fail)
    of.reloader.success_time = 1.0
    async with exporter(of) as client:
        async with client.post("/-/reload") as response:
            assert response.status == 500
            assert (await response.text()).splitlines() == [str(error) for error in ERRORS.errors]
        async with client.get("/-/ready") as response:
            assert response.status == 200
        after = await values(client)
    assert prober.config is CONFIG
    assert after["dicom_exporter_config_last_reload_successful"] == "0.0"
    assert after["dicom_exporter_config_last_reload_success_timestamp_seconds"] == "1.0"


async def test_reloads_and_requests_are_counted() -> None:
    of = state(FakeProber(), fail)
    async with exporter(of) as client:
        await client.post("/-/reload")
        of.reloader.load = lambda: NEW
        await client.post("/-/reload")
        await client.get("/no-such-page")
        async with client.get("/metrics") as response:
            lines = (await response.text()).splitlines()
    assert {
        'dicom_exporter_config_reloads_total{result="success"} 1.0',
        'dicom_exporter_config_reloads_total{result="failure"} 1.0',
        'dicom_exporter_http_requests_total{code="200"} 1.0',
        'dicom_exporter_http_requests_total{code="404"} 1.0',
        'dicom_exporter_http_requests_total{code="500"} 1.0',
    } <= set(lines)
    assert [line for line in lines if line.startswith("python_info{")]


async def test_reload_is_successful_again_after_an_invalid_one() -> None:
    of = state(FakeProber(), fail)
    async with exporter(of) as client:
        await client.post("/-/reload")
        of.reloader.load = lambda: NEW
        await client.post("/-/reload")
        assert (await values(client))["dicom_exporter_config_last_reload_successful"] == "1.0"


async def test_concurrent_reloads_run_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload_module, "_PATIENCE", 60)
    loop, started, go = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    running, most = [], []

    def load() -> Config:
        loop.call_soon_threadsafe(started.set)
        running.append(1)
        most.append(len(running))
        go.wait(10)
        running.pop()
        return NEW

    async with exporter(state(FakeProber(), load)) as client:
        reloads = [asyncio.create_task(client.post("/-/reload")) for _ in range(3)]
        await started.wait()
        async with client.get("/-/healthy") as response:  # the loop turns while a file is read
            assert response.status == 200
        go.set()
        assert [(await reload).status for reload in reloads] == [200, 200, 200]
    assert set(most) == {1}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_reload_with_other_method_is_not_allowed(method: str) -> None:
    async with exporter(state(FakeProber(), fail)) as client, client.request(method, "/-/reload") as response:
        assert response.status == 405


async def test_reload_that_hangs_is_given_up_and_the_next_one_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration on a mount that hangs must not hold up later reloads."""
    monkeypatch.setattr(reload_module, "LOAD_TIMEOUT", 0.05)
    hang, applied = threading.Event(), list[Config]()
    answers: list[Callable[[], object]] = [hang.wait, lambda: None]

    def load() -> Config:
        answers.pop(0)()
        return Config(())

    reloader = reload_module.Reloader(load, (applied.append,))
    (error,) = await reloader.reload()
    assert "could not be read" in error
    assert not reloader.successful
    assert await reloader.reload() == ()
    assert (reloader.successful, len(applied)) == (True, 1)
    hang.set()


async def test_reload_that_hangs_again_and_again_takes_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload_module, "LOAD_TIMEOUT", 0.02)
    hang, begun = threading.Event(), list[int]()

    def load() -> Config:
        begun.append(1)
        hang.wait()
        return Config(())

    reloader = reload_module.Reloader(load, ())
    for _ in range(40):
        assert await reloader.reload()
    assert 1 <= len(begun) <= 16
    hang.set()
    for thread in threading.enumerate():
        if thread.name == "reload":
            thread.join(60)  # the next test counts them too


async def test_reload_that_hangs_holds_up_no_later_one_and_does_not_undo_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload_module, "_PATIENCE", 0.05)
    monkeypatch.setattr(reload_module, "LOAD_TIMEOUT", 60)
    hung, hang = asyncio.Event(), threading.Event()
    old, loop = Config(()), asyncio.get_running_loop()
    answers: list[Callable[[], Config]] = []

    def hanging() -> Config:
        loop.call_soon_threadsafe(hung.set)
        hang.wait(60)
        return old

    answers = [hanging, lambda: NEW]
    applied = list[Config]()
    reloader = reload_module.Reloader(lambda: answers.pop(0)(), (applied.append,))
    first = asyncio.create_task(reloader.reload())
    await hung.wait()
    assert await reloader.reload() == ()
    assert applied == [NEW]
    hang.set()
    assert await first == ()
    assert applied == [NEW]
    assert reloader.successful
