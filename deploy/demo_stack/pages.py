"""A receiver for the webhooks of Alertmanager that shows each alert in a few lines, as on a pager."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from shutil import get_terminal_size
from textwrap import wrap
from typing import Any

from aiohttp import web

_SHOWN_LABELS = ("target", "site", "country", "protocol", "identity", "check", "query", "job")
_COLOURS = {"CRITICAL": "\033[1;31m", "WARNING": "\033[33m", "INFO": "\033[36m", "RESOLVED": "\033[32m"}
_RESET = "\033[0m"
_INDENT = " " * 20


def page(alert: Mapping[str, Any], *, colours: bool = False, width: int = 120) -> str:
    """Format one alert of a webhook message that comes now, in a few lines of at most `width` characters.

    They are broken between words. What is not printable is shown as `?`.
    """
    labels, annotations = alert.get("labels", {}), alert.get("annotations", {})
    resolved = alert.get("status") == "resolved"
    kind = "RESOLVED" if resolved else str(labels.get("severity", "?")).upper()
    when = datetime.now().astimezone().strftime("%H:%M:%S")
    facts = [f"{name} {labels[name]}" for name in _SHOWN_LABELS if labels.get(name)]
    if "level" in annotations:
        facts.insert(1, f"level {annotations['level']}")
    facts.append(f"ended {_time(alert.get('endsAt', ''))}" if resolved else f"since {_time(alert.get('startsAt', ''))}")
    lines = [annotations.get("summary", labels.get("alertname", "?")), "   ".join(facts)]
    if not resolved:
        lines += [annotations.get("description", ""), f"what to do: {annotations.get('runbook_url', '?')}"]
    room = max(20, width - len(_INDENT))
    first, *others = [
        part for line in lines for part in wrap(_printable(line), room, break_long_words=False, break_on_hyphens=False)
    ]
    head = f"{when}  {_printable(kind):<10}"
    if colours:
        head = f"{when}  {_COLOURS.get(kind, '')}{kind:<10}{_RESET}"
    return "\n".join([head + first, *(_INDENT + line for line in others)]) + "\n"


class Pages:
    """Shows each alert once when it starts and once when it ends, even if Alertmanager repeats it."""

    def __init__(self, show: Callable[[str], None], *, colours: bool = False) -> None:
        self._show = show
        self._colours = colours
        self._shown: dict[str, tuple[str, str]] = {}

    async def receive(self, request: web.Request) -> web.Response:
        """Handle one webhook message of Alertmanager (format version 4)."""
        message = await request.json()
        for alert in message["alerts"]:
            name = str(alert.get("fingerprint"))
            news = (str(alert.get("status")), str(alert.get("startsAt")))
            if self._shown.get(name) != news:
                self._shown[name] = news
                width = get_terminal_size((120, 24)).columns if self._colours else 120  # a terminal, or a file
                self._show(page(alert, colours=self._colours, width=width))
        return web.Response()


@asynccontextmanager
async def receiver(handler: Callable[[web.Request], Any], port: int) -> AsyncIterator[str]:
    """Listen on a port of loopback (0: any free port) until the block ends; yields the URL for webhooks."""
    app = web.Application()
    app.router.add_post("/{name:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _time(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return "??:??:??"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def show(text: str) -> None:
    """Write `text` to the terminal and flush."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
