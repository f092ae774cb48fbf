"""Serving: until SIGTERM or SIGINT, then the requests in flight are answered, and everything is closed."""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from dicom_exporter.server.app import create_app, is_health_check
from dicom_exporter.server.asked import Asked
from dicom_exporter.server.bad_requests import BadRequest
from dicom_exporter.server.connections import BoundedRunner
from dicom_exporter.server.limits import Traffic
from dicom_exporter.server.listening import ListenAddress
from dicom_exporter.server.state import State
from dicom_exporter.server.systemd import READY, STOPPING, notify, reloading
from dicom_exporter.text import shown

if TYPE_CHECKING:
    from dicom_exporter.webconfig.live import LiveConfig

log = structlog.stdlib.get_logger(__name__)

_GRACE = 4.0
"""Seconds after SIGTERM in which scrapes in flight can end by themselves."""
_ANSWER_TIME = 0.7
"""Seconds after that in which a scrape that was ended early can be answered."""


async def serve(
    state: State,
    asked: Asked,
    sockets: Sequence[socket.socket],
    max_connections: int,
    web_config: "LiveConfig | None",
    on_ready: Callable[[], None],
    *,
    max_opening: int,
) -> None:
    """Serve on `sockets`, which are listening, until `asked` to stop. Closes `state.prober`.

    Args:
        web_config: TLS, passwords and rate limits. None: plain HTTP for every client.
        on_ready: called once requests are answered.
        max_opening: with a `web_config`, connections that are not among the `max_connections` yet, as they have not
            sent their first bytes or are in a TLS handshake.

    After SIGTERM no connection is accepted, and the requests in flight are answered. Those that have not ended after
    four seconds, or at a second signal, are answered with what is known by then. After five, everything is closed.
    """
    app = create_app(state)
    if web_config is not None:
        from dicom_exporter.webconfig.middleware import protect

        protect(app, web_config, unlimited=is_health_check)
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
        for sock in sockets:
            host, port, *_ = sock.getsockname()
            await _site(runner, sock, web_config, max(1, max_opening // len(sockets)), state.traffic).start()
            protection = {} if web_config is None else web_config.in_force.summary
            log.info("listening", address=str(ListenAddress(host, port)), **protection)
        state.ready.set()
        notify(READY)
        on_ready()
        reloads = asyncio.create_task(_reload_when_asked(state, asked))
        await asked.stop.wait()
        reloads.cancel()
    finally:
        notify(STOPPING)
        state.ready.clear()
        await _drain(runner, state, asked.stop_now)


def _site(
    runner: web.AppRunner, sock: socket.socket, web_config: "LiveConfig | None", max_opening: int, traffic: Traffic
) -> web.BaseSite:
    if web_config is None:
        return web.SockSite(runner, sock)
    from dicom_exporter.webconfig.site import Site

    return Site(runner, sock, web_config, max_opening, lambda reason: traffic.count_bad(BadRequest(reason)))


async def _drain(runner: web.AppRunner, state: State, stop_now: asyncio.Event) -> None:
    for site in list(runner.sites):
        await site.stop()
    log.info("stopping", probes_in_flight=state.prober.probes_in_flight)
    cleanup = asyncio.create_task(runner.cleanup())
    second_signal = asyncio.create_task(stop_now.wait())
    await asyncio.wait({cleanup, second_signal}, timeout=_GRACE, return_when=asyncio.FIRST_COMPLETED)
    second_signal.cancel()
    await state.prober.close()
    await asyncio.wait({cleanup}, timeout=_ANSWER_TIME)  # aiohttp would wait longer for a handler that hangs
    cleanup.cancel()
    log.info("stopped")


async def _reload_when_asked(state: State, asked: Asked) -> None:
    """Reload at each SIGHUP, also at one that came before the server was ready."""
    running: set[asyncio.Task[None]] = set()  # the loop itself holds only weak references to tasks
    while True:
        await asked.reload.wait()
        asked.reload.clear()
        task = asyncio.create_task(_reload(state))
        running.add(task)
        task.add_done_callback(running.discard)


async def _reload(state: State) -> None:
    notify(reloading())
    await state.reloader.reload()
    if state.ready.is_set():  # and it has not been asked to stop meanwhile
        notify(READY)


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
