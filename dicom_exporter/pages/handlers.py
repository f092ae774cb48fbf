"""The handlers of the pages for people, and of their style sheet, script and icon.

The pages show the history of probes. None of these starts one, so looking at them sends nothing to the archives; the
page of a probe that a person starts is `server.watching`.
"""

import asyncio
from importlib.resources import files
from typing import Any
from urllib.parse import quote, unquote

from aiohttp import web

from dicom_exporter.config import Expect, Target
from dicom_exporter.config.render import show_config
from dicom_exporter.config.values.network import is_ip_address, unmapped
from dicom_exporter.pages import runbooks
from dicom_exporter.pages.context import PAGES
from dicom_exporter.pages.overview import overview, read
from dicom_exporter.pages.rendering import page
from dicom_exporter.verdict.findings import Status

EXPECTATIONS = {
    Expect.AVAILABLE: "it must answer us",
    Expect.GUARDED: "it must answer us, and refuse strangers",
    Expect.CLOSED: "it must not be reachable from here",
    Expect.CONTROL: "known to be open: it shows that this exporter can reach archives",
}
"""What each value of `expect` means."""


async def get_overview(request: web.Request) -> web.Response:
    """All targets, the most severe first."""
    history = request.app[PAGES].history
    wanted = read(request.query)
    tracks = history.all()

    def values() -> dict[str, Any]:
        probed = [track.last for track in tracks if track.last is not None]
        return {
            "list": overview(tracks, wanted),
            "nothing_probed": not probed,
            "last": max(probed, default=None),
            "started": history.started,
        }

    return await page(request, "overview.html", values)


async def get_target(request: web.Request) -> web.Response:
    """One target: its status, the last results, and its last probes. `?probe=` shows one of these in full."""
    pages = request.app[PAGES]
    target = pages.config().target(_target_name(request))
    if target is None:
        return await not_found(request, "The configuration has no target of this name.")
    track = pages.history.of(target)
    wanted = request.query.get("probe")

    def values() -> dict[str, Any]:
        probes = {str(round(record.start * 1000)): record for record in track.probes}  # milliseconds: names in links
        return {
            "track": track,
            "probes": probes,
            "chosen": probes.get(wanted) if wanted is not None else None,
            "expectation": EXPECTATIONS[target.expect],
            "hairpin": _may_be_hairpin(target),
            "runbook": runbooks.runbook_for(track.findings, probed=track.status is not Status.NEVER_PROBED),
            "started": pages.history.started,
            "dashboard": (pages.dashboard_url or "").replace("{target}", quote(target.name, safe="")),
        }

    return await page(request, "target.html", values, depth=_depth(request))


def _may_be_hairpin(target: Target) -> bool:
    """Whether a router may turn our packets around: a public address, whose network this exporter may be in."""
    public = is_ip_address(target.address.host) and unmapped(target.address.host).is_global
    return public and target.expect is Expect.CLOSED and target.seen_from is None


def _target_name(request: web.Request) -> str:
    """The name in the path as it was sent: a name may hold a slash, which aiohttp does not decode.

    Browsers remove the segments `.` and `..` from a path, so these two names are parameters.
    """
    return unquote(request.rel_url.raw_path.removeprefix(f"{request.app[PAGES].prefix}/targets/")) or request.query.get(
        "name", ""
    )


def _depth(request: web.Request) -> int:
    """How many slashes are between the path of the request and the root of our paths."""
    return max(0, request.rel_url.raw_path.removeprefix(request.app[PAGES].prefix).count("/") - 1)


async def get_config(request: web.Request) -> web.Response:
    """The running configuration as YAML. Secrets are shown as `<secret>`."""
    pages = request.app[PAGES]
    async with pages.renderer:
        return web.Response(text=await asyncio.to_thread(show_config, pages.config()))


async def get_runbooks(request: web.Request) -> web.Response:
    """The list of runbooks."""
    return await page(request, "runbooks.html", lambda: {"index": runbooks.index()}, depth=1)


async def get_runbook(request: web.Request) -> web.Response:
    """One runbook, in the style of the other pages; with `?target=`, its commands are those for that target."""
    name = request.match_info["name"].removesuffix(".md")
    target = request.app[PAGES].config().target(request.query.get("target", ""))
    body = await asyncio.to_thread(runbooks.rendered, name, target)
    if body is None:
        return await not_found(request, "There is no runbook of this name.")
    return await page(request, "runbook.html", lambda: {"name": name, "body": body, "target": target}, depth=1)


async def not_found(request: web.Request, why: str) -> web.Response:
    """404, in the style of the other pages."""
    return await page(request, "missing.html", lambda: {"why": why}, depth=_depth(request), status=404)


_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def static_routes() -> list[web.RouteDef]:
    """A route for each static file, which is read once; no name in a request leads to the file system."""
    return [_route(name) for name in ("icon.svg", "live.js", "style.css")]


def _route(name: str) -> web.RouteDef:
    content = files("dicom_exporter.pages").joinpath("static", name).read_bytes()
    content_type = _TYPES[name.rpartition(".")[2]]

    async def get_file(_request: web.Request) -> web.Response:
        return web.Response(body=content, content_type=content_type, charset="utf-8")

    return web.get(f"/static/{name}", get_file)
