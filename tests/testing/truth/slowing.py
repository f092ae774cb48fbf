"""The same server, slower."""

from __future__ import annotations

from dataclasses import replace

from tests.testing.truth.model import Server


def slowed(server: Server, delay: float) -> Server:
    """`server` with `delay` seconds before each answer."""
    endpoints = (
        replace(
            each,
            dimse=None if each.dimse is None else replace(each.dimse, delay=delay),
            web=None if each.web is None else replace(each.web, delay=delay),
            page=None if each.page is None else replace(each.page, delay=delay),
        )
        for each in server.endpoints
    )
    return replace(server, endpoints=tuple(endpoints))
