"""The demo's web side: a DICOMweb service that lists synthetic studies (QIDO-RS, PS3.18 10.6), and a viewer's page."""

import base64
import hmac

from aiohttp import web
from aiohttp.typedefs import Handler

from dicom_exporter.demo.archive import Archive

_MOST = 1000
_PAGE = "<!doctype html><title>Synthetic viewer</title><h1>Synthetic viewer</h1><p>There is nothing here to see.</p>"


def web_application(archive: Archive, login: tuple[str, str] | None = None) -> web.Application:
    """DICOMweb under /dicom-web and a page at /; `login` is the user name and password that it requires."""
    application = web.Application(middlewares=[_guarded_by(login)] if login else [])
    application.router.add_get("/", _viewer)
    application.router.add_get("/dicom-web/studies", _studies)
    application[_ARCHIVE] = archive
    return application


_ARCHIVE = web.AppKey("archive", Archive)


def _guarded_by(login: tuple[str, str]) -> web.middleware:  # type: ignore[valid-type]
    expected = b"Basic " + base64.b64encode(":".join(login).encode())

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, expected):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="demo"'})
        return await handler(request)

    return guard


async def _viewer(request: web.Request) -> web.Response:
    return web.Response(text=_PAGE, content_type="text/html")


async def _studies(request: web.Request) -> web.Response:
    query = request.query
    try:
        offset, limit = int(query.get("offset", "0")), int(query.get("limit", f"{_MOST}"))
    except ValueError:
        raise web.HTTPBadRequest from None
    wanted = query.get("StudyInstanceUID")
    found = [study for study in request.app[_ARCHIVE].studies if wanted in (None, study.uid)]
    entries = [
        {
            "0020000D": {"vr": "UI", "Value": [study.uid]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": f"SYNTHETIC^PATIENT^{study.patient:04}"}]},
        }
        for study in found[max(offset, 0) :][: max(min(limit, _MOST), 0)]
    ]
    return web.json_response(entries, content_type="application/dicom+json")
