"""The aiohttp application: which path leads where."""

from __future__ import annotations

from aiohttp import hdrs, web

from dicom_exporter.web.landing import get_landing
from dicom_exporter.web.reload import reload
from dicom_exporter.web.scraping import get_metrics, get_probe
from dicom_exporter.web.state import STATE, State


def create_app(state: State) -> web.Application:
    """The exporter's pages over `state`, whose scraper must be running."""
    app = web.Application()
    app[STATE] = state
    app.router.add_get("/", get_landing)
    app.router.add_get("/probe", get_probe)
    app.router.add_get("/-/healthy", get_healthy)
    app.router.add_get("/-/ready", get_ready)
    app.router.add_post("/-/reload", post_reload)
    app.router.add_get(state.telemetry_path, get_metrics)
    app.on_response_prepare.append(_add_headers)
    return app


async def get_healthy(request: web.Request) -> web.Response:
    """Whether the event loop turns."""
    return web.Response(text="OK\n")


async def get_ready(request: web.Request) -> web.Response:
    """Whether scrapes make sense: 503 before the first configuration is applied, and from SIGTERM on."""
    if request.app[STATE].ready:
        return web.Response(text="Ready\n")
    return web.Response(status=503, text="Not ready\n")


async def post_reload(request: web.Request) -> web.Response:
    """Read the configuration anew: 500 with the errors, one a line, where it is not valid and the running one stays."""
    errors = await reload(request.app[STATE])
    if errors:
        return web.Response(status=500, text="".join(f"{error}\n" for error in errors))
    return web.Response(text="Reloaded\n")


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers[hdrs.SERVER] = "dicom_exporter"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault(hdrs.CONTENT_SECURITY_POLICY, "default-src 'none'")
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
