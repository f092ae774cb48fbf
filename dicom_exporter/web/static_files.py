"""The style sheet, the script and the icon of the pages, read once."""

from __future__ import annotations

from importlib.resources import files

from aiohttp import web

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def static_routes() -> list[web.RouteDef]:
    """A route for each file; no other name leads to the disk."""
    return [_route(name) for name in ("icon.svg", "live.js", "style.css")]


def _route(name: str) -> web.RouteDef:
    content = files("dicom_exporter.web").joinpath("static", name).read_bytes()
    content_type = _TYPES[name.rpartition(".")[2]]

    async def get_file(_request: web.Request) -> web.Response:
        return web.Response(body=content, content_type=content_type, charset="utf-8")

    return web.get(f"/static/{name}", get_file)
