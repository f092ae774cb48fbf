"""The exporter's life over HTTP: serve until told to stop, then answer what is under way and leave."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from dicom_exporter import webconfig
from dicom_exporter.server.app import create_app
from dicom_exporter.server.connections import BoundedRunner
from dicom_exporter.server.listening import ListenAddress
from dicom_exporter.server.reload import reload
from dicom_exporter.server.state import State

log = structlog.stdlib.get_logger(__name__)

_GRACE = 4.0
"""Seconds that scrapes under way have after SIGTERM to end by themselves."""
_LAST_WORDS = 1.0
"""Seconds more in which a scrape that was ended early can still be answered."""


async def serve(
    state: State,
    sockets: Sequence[socket.socket],
    max_connections: int,
    web_config: webconfig.LiveConfig | None = None,
    begun: Callable[[], None] = lambda: None,
    *,
    max_opening: int = webconfig.MAX_OPENING,
) -> None:
    """Serve on `sockets`, which are listening, until SIGTERM or SIGINT; SIGHUP reloads. Closes `state.prober`.

    Without a `web_config`, plain HTTP for everybody; with one, at most `max_opening` connections at once are not among
    the `max_connections` yet, as they have not said how they speak. `begun` is called once requests are answered and
    signals heard.

    After SIGTERM nothing new is accepted, and what is under way is answered. What has not ended after four seconds, or
    when a second signal comes, is answered with what is known by then; after five, everything is closed.
    """
    stop, hurry = asyncio.Event(), asyncio.Event()
    app = create_app(state)
    if web_config is not None:
        webconfig.protect(app, web_config)
    runner = BoundedRunner(
        app,
        state.traffic,
        max_connections,
        access_log_class=_AccessLogger,
        shutdown_timeout=_GRACE + _LAST_WORDS,
    )
    try:
        await runner.setup()
        _on_signals(state, lambda: (hurry if stop.is_set() else stop).set())
        for sock in sockets:
            host, port, *_ = sock.getsockname()
            await _site(runner, sock, web_config, max(1, max_opening // len(sockets))).start()
            protection = {} if web_config is None else webconfig.summary(web_config.in_force)
            log.info("listening", address=str(ListenAddress(host, port)), **protection)
        state.ready = True
        begun()
        await stop.wait()
    finally:
        state.ready = False
        await _drain(runner, state, hurry)


def _site(
    runner: web.AppRunner, sock: socket.socket, web_config: webconfig.LiveConfig | None, max_opening: int
) -> web.BaseSite:
    if web_config is None:
        return web.SockSite(runner, sock)
    return webconfig.Site(runner, sock, web_config, max_opening)


async def _drain(runner: web.AppRunner, state: State, hurry: asyncio.Event) -> None:
    for site in list(runner.sites):
        await site.stop()
    log.info("stopping", probes_in_flight=state.prober.probes_in_flight)
    cleanup = asyncio.create_task(runner.cleanup())
    hurried = asyncio.create_task(hurry.wait())
    await asyncio.wait({cleanup, hurried}, timeout=_GRACE, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    await state.prober.close()
    await cleanup
    log.info("stopped")


def _on_signals(state: State, stop: Callable[[], None]) -> None:
    """Have SIGHUP reload, and each SIGTERM or SIGINT call `stop`."""
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[tuple[str, ...]]] = set()  # the loop itself holds a task only weakly

    def on_reload() -> None:
        task = loop.create_task(reload(state))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        loop.add_signal_handler(signal.SIGHUP, on_reload)
    except (NotImplementedError, AttributeError):
        pass  # Windows: no SIGHUP, and Ctrl-C cancels the main task, which ends in the same way


class _AccessLogger(AbstractAccessLogger):
    """One line a request, at debug: scrapes are many, and say enough in the metrics."""

    @property
    def enabled(self) -> bool:
        return self.logger.isEnabledFor(logging.DEBUG)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        log.debug(
            "request", method=request.method, path=request.raw_path, status=response.status, seconds=round(time, 4)
        )
