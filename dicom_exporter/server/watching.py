"""The page of a probe that a person starts: sent piece by piece, a line for each phase, then what was found.

It needs no script. When the client goes away, nothing is sent any more; the probe, which a scrape may have joined, ends
within its own timeout.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any

from aiohttp import hdrs, web
from markupsafe import Markup, escape

from dicom_exporter.config import Target
from dicom_exporter.enums import Phase
from dicom_exporter.pages import runbooks
from dicom_exporter.pages.handlers import EXPECTATIONS
from dicom_exporter.pages.rendering import HEADERS, duration, rendered
from dicom_exporter.prober.prober import OnStep
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.server import accept
from dicom_exporter.server.limits import SEND_TIMEOUT

_MARK = Markup("<!-- steps -->")
_MAX_STEPS = 500
_LOOK = 1.0
"""Seconds between two looks at whether the client is still there."""


def wants_page(request: web.Request) -> bool:
    """Whether it comes from a browser, and not from a program that takes whatever there is."""
    wanted = accept.match(accept.parse(request.headers.getall(hdrs.ACCEPT, ())), "text/html")
    return wanted is not None and wanted.named and wanted.quality > 0


async def watch(
    request: web.Request,
    target: Target,
    probe: Coroutine[Any, Any, ProbeRecord],
    watched: Callable[[str, OnStep], AbstractContextManager[None]],
    texts: Callable[[ProbeRecord], Mapping[str, str]],
    *,
    configured: bool,
) -> web.StreamResponse:
    """Send the page of `probe`. `texts` are added at its end: title -> content.

    Raises what `probe` raises before its first phase, while that can still be the status of the response.
    """
    steps = _Steps()
    response = web.StreamResponse(headers={**HEADERS, hdrs.CACHE_CONTROL: "no-store", "X-Accel-Buffering": "no"})
    response.content_type, response.charset = "text/html", "utf-8"

    async def text(record: ProbeRecord | None, failure: str = "") -> tuple[str, str]:
        values = {
            "target": target.shown,
            "record": record,
            "failure": failure,
            "mark": _MARK,
            "expectation": EXPECTATIONS[target.expect],
            "runbook": None if record is None else runbooks.runbook_for(record.findings),
            "again": f"?{request.rel_url.raw_query_string}",
            "configured": configured,
            "texts": {} if record is None else texts(record),
        }
        before, _, after = (await rendered(request, "probe.html", lambda: values)).partition(_MARK)
        return before, after

    async def send(piece: str) -> None:
        if piece:
            async with asyncio.timeout(SEND_TIMEOUT):
                await response.write(piece.encode())

    def on_end(ended: asyncio.Task[ProbeRecord]) -> None:
        if not ended.cancelled():
            ended.exception()  # the page has it, or nobody asks for it any more
        steps.changed.set()

    task = asyncio.create_task(probe)
    task.add_done_callback(on_end)
    try:
        with watched(target.name, steps.add):
            await steps.wait()
            if task.done():
                task.result()
            await response.prepare(request)
            await send((await text(None))[0])
            while request.transport is not None:
                done = task.done()
                await send(steps.take())
                if done:
                    await send((await _result(task, text))[1])
                    break
                await steps.wait()
    except (ConnectionError, TimeoutError):  # the client closed the connection, or does not read
        _abort(request)
    except asyncio.CancelledError:  # no status can be sent any more
        if response.prepared:
            _abort(request)
        raise
    finally:
        task.cancel()  # the waiting for the probe, and not the probe
    return response


async def _result(
    task: asyncio.Task[ProbeRecord], text: Callable[..., Coroutine[Any, Any, tuple[str, str]]]
) -> tuple[str, str]:
    try:
        return await text(task.result())
    except web.HTTPException as refused:
        return await text(None, refused.text)


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


class _Steps:
    """The lines of the phases, as HTML. A line has its time added when its phase ends; `add` is an `OnStep`."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._pieces: list[str] = []
        self._count = 0
        self._open: tuple[str, Phase] | None = None

    async def wait(self) -> None:
        """Until there is something new, or for a moment."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.changed.wait(), _LOOK)
        self.changed.clear()

    def take(self) -> str:
        """What is new."""
        text = "".join(self._pieces)
        self._pieces.clear()
        return text

    def add(self, identity: str, phase: Phase, seconds: float | None) -> None:
        """`phase` begins, or has ended after so many `seconds`."""
        if self._open is None or self._open != (identity, phase) or seconds is None:
            self._begin(identity, phase)
        if seconds is not None and self._open is not None:
            self._pieces.append(f" {duration(seconds)}</li>\n")
            self._open = None
        self.changed.set()

    def _begin(self, identity: str, phase: Phase) -> None:
        if self._open is not None:
            self._pieces.append("</li>\n")
        self._open = None
        if self._count < _MAX_STEPS:
            self._count += 1
            self._pieces.append(f"<li>{escape(identity)}: {escape(phase.value)}")
            self._open = (identity, phase)
