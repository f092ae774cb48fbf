"""Serving: until SIGTERM or SIGINT, then the requests in flight are answered, and everything is closed."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from dicom_exporter import webconfig
from dicom_exporter.server.app import create_app, is_health_check
from dicom_exporter.server.bad_requests import BadRequest
from dicom_exporter.server.connections import BoundedRunner
from dicom_exporter.server.limits import Traffic
from dicom_exporter.server.listening import ListenAddress
from dicom_exporter.server.state import State
from dicom_exporter.text import shown

log = structlog.stdlib.get_logger(__name__)

_GRACE = 4.0
"""Seconds after SIGTERM in which scrapes in flight can end by themselves."""
_ANSWER_TIME = 1.0
"""Seconds after that in which a scrape that was ended early can be answered."""


async def serve(
    state: State,
    sockets: Sequence[socket.socket],
    max_connections: int,
    web_config: webconfig.LiveConfig | None = None,
    on_ready: Callable[[], None] = lambda: None,
    *,
    max_opening: int = webconfig.MAX_OPENING,
) -> None:
    """Serve on `sockets`, which are listening, until SIGTERM or SIGINT; SIGHUP reloads. Closes `state.prober`.

    Args:
        web_config: TLS, passwords and rate limits. None: plain HTTP for every client.
        on_ready: called once requests are answered and signals are handled.
        max_opening: with a `web_config`, connections that are not among the `max_connections` yet, as they have not
            sent their first bytes or are in a TLS handshake.

    After SIGTERM no connection is accepted, and the requests in flight are answered. Those that have not ended after
    four seconds, or at a second signal, are answered with what is known by then. After five, everything is closed.
    """
    stop, stop_now = asyncio.Event(), asyncio.Event()
    app = create_app(state)
    if web_config is not None:
        webconfig.protect(app, web_config, unlimited=is_health_check)
    runner = BoundedRunner(
        app,
        state.traffic,
        max_connections,
        headers=lambda: {} if web_config is None else web_config.headers,
        access_log_class=_AccessLogger,
        shutdown_timeout=_GRACE + _ANSWER_TIME,
    )
    try:
        await runner.setup()
        _on_signals(state, lambda: (stop_now if stop.is_set() else stop).set())
        for sock in sockets:
            host, port, *_ = sock.getsockname()
            await _site(runner, sock, web_config, max(1, max_opening // len(sockets)), state.traffic).start()
            protection = {} if web_config is None else webconfig.summary(web_config.in_force)
            log.info("listening", address=str(ListenAddress(host, port)), **protection)
        state.ready.set()
        on_ready()
        await stop.wait()
    finally:
        state.ready.clear()
        await _drain(runner, state, stop_now)


def _site(
    runner: web.AppRunner,
    sock: socket.socket,
    web_config: webconfig.LiveConfig | None,
    max_opening: int,
    traffic: Traffic,
) -> web.BaseSite:
    if web_config is None:
        return web.SockSite(runner, sock)
    return webconfig.Site(runner, sock, web_config, max_opening, lambda reason: traffic.count_bad(BadRequest(reason)))


async def _drain(runner: web.AppRunner, state: State, stop_now: asyncio.Event) -> None:
    for site in list(runner.sites):
        await site.stop()
    log.info("stopping", probes_in_flight=state.prober.probes_in_flight)
    cleanup = asyncio.create_task(runner.cleanup())
    second_signal = asyncio.create_task(stop_now.wait())
    await asyncio.wait({cleanup, second_signal}, timeout=_GRACE, return_when=asyncio.FIRST_COMPLETED)
    second_signal.cancel()
    await state.prober.close()
    await cleanup
    log.info("stopped")


def _on_signals(state: State, stop: Callable[[], None]) -> None:
    """Make SIGHUP reload the configuration, and each SIGTERM or SIGINT call `stop`."""
    loop = asyncio.get_running_loop()
    reloads: set[asyncio.Task[tuple[str, ...]]] = set()  # the loop itself holds only weak references to tasks

    def on_reload() -> None:
        task = loop.create_task(state.reloader.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        loop.add_signal_handler(signal.SIGHUP, on_reload)
    except (NotImplementedError, AttributeError):
        pass  # Windows: there is no SIGHUP, and Ctrl-C cancels the main task, which ends the same way


class _AccessLogger(AbstractAccessLogger):
    """One line for each request, at debug level: there are many, and the metrics count them."""

    @property
    def enabled(self) -> bool:
        return self.logger.isEnabledFor(logging.DEBUG)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        log.debug(
            "request",
            method=shown(request.method),
            path=shown(request.raw_path),
            status=response.status,
            seconds=round(time, 4),
        )
