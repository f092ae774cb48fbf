"""The aiohttp application: which path leads where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from dicom_exporter.pages.handlers import (
    get_config,
    get_overview,
    get_runbook,
    get_runbooks,
    get_target,
    not_found,
    static_routes,
)
from dicom_exporter.server.discovery import get_discovery
from dicom_exporter.server.limits import limiting
from dicom_exporter.server.probe_endpoints import get_metrics, get_probe
from dicom_exporter.server.reload import reload
from dicom_exporter.server.state import STATE, State


def create_app(state: State) -> web.Application:
    """The exporter's pages over `state`, whose prober must be running."""
    prefix = state.external_url.prefix if state.external_url is not None else ""
    always = frozenset((f"{prefix}/-/healthy", f"{prefix}/-/ready"))
    app = web.Application(middlewares=[limiting(state.traffic, always), _missing_page])
    app[STATE] = state
    for route in _routes(state):
        web.RouteDef(route.method, prefix + route.path, route.handler, route.kwargs).register(app.router)
    if prefix:
        for path in ("/", prefix):
            app.router.add_get(path, _redirect(f"{prefix}/"))
    app.on_response_prepare.append(_add_headers)
    return app


def _routes(state: State) -> list[web.RouteDef]:
    """Every path, without the prefix under which it is served."""
    return [
        web.get("/", get_overview),
        web.get("/targets/{name}", get_target),
        web.get("/config", get_config),
        web.get("/runbooks/", get_runbooks),
        web.get("/runbooks/{name}", get_runbook),
        *static_routes(),
        web.get("/probe", get_probe),
        web.get("/sd", get_discovery),
        web.get("/-/healthy", get_healthy),
        web.get("/-/ready", get_ready),
        web.post("/-/reload", post_reload),
        web.get(state.telemetry_path, get_metrics),
    ]


def _redirect(location: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def redirect(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(location)

    return redirect


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


@web.middleware
async def _missing_page(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a browser that comes to no page with one; what others get stays plain text."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        if "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
            raise
        return await not_found(request, "The exporter has no such page.")


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers[hdrs.SERVER] = "dicom_exporter"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault(hdrs.CONTENT_SECURITY_POLICY, "default-src 'none'")
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
