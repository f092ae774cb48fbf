"""An event loop in a thread of its own, for the peers of the demo that are not pynetdicom SCPs."""

import asyncio
import ssl
from collections.abc import Coroutine
from threading import Thread
from typing import Any, Self, TypeVar

from aiohttp import web

from dicom_exporter.demo.blunt import Talk
from dicom_exporter.demo.loopback import listening_socket

T = TypeVar("T")


class Background:
    """Servers that run until the block ends."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._runners: list[web.AppRunner] = []
        self._thread = Thread(target=self._loop.run_forever, name="demo-background", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def talk(self, talk: Talk, port: int, *, whole_net: bool = False) -> int:
        """Call `talk` with each connection to `port`, or to a free port if it is taken; return the port."""
        listener = listening_socket(port, whole_net=whole_net)
        self._servers.append(self._run(asyncio.start_server(talk, sock=listener)))
        return int(listener.getsockname()[1])

    def serve(self, application: web.Application, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Serve a web application on `port`, or on a free port if it is taken; return the port."""
        listener = listening_socket(port)
        self._run(self._start(application, listener, tls))
        return int(listener.getsockname()[1])

    async def _start(self, application: web.Application, listener: Any, tls: ssl.SSLContext | None) -> None:
        runner = web.AppRunner(application, access_log=None, handle_signals=False)
        self._runners.append(runner)
        await runner.setup()
        await web.SockSite(runner, listener, ssl_context=tls).start()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for runner in self._runners:
            await runner.cleanup()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
