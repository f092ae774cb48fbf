"""What applies to every request: the headers, the rate limit, the password."""

import base64
import binascii
from collections.abc import Callable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from dicom_exporter.webconfig.live import LiveConfig
from dicom_exporter.webconfig.load import WebConfig
from dicom_exporter.webconfig.model import RateLimit
from dicom_exporter.webconfig.passwords import PasswordChecker, TooBusy
from dicom_exporter.webconfig.rate import TokenBucket
from dicom_exporter.yamlfile.errors import ConfigErrors

_MAX_AUTHORIZATION = 8190
"""Characters, though other headers may be longer: bcrypt uses 72 bytes of a password."""
_CHALLENGE = 'Basic realm="exporter", charset="UTF-8"'


def protect(
    app: web.Application,
    live: LiveConfig,
    checker: PasswordChecker | None = None,
    *,
    unlimited: Callable[[web.Request], bool] = lambda _request: False,
) -> None:
    """Make `app` answer only as the file allows, for every path, also for those that do not exist.

    The rate limit does not count requests that are `unlimited`. Everything else holds for them too.

    Call it after the application's own middlewares and signals are added: its middleware runs before theirs, and its
    headers replace theirs.
    """
    passwords = checker or PasswordChecker()
    limit: tuple[RateLimit, TokenBucket | None] = (RateLimit(), None)

    def limited(config: WebConfig) -> bool:
        nonlocal limit
        if config.rate_limit != limit[0]:
            wanted = config.rate_limit
            limit = (wanted, TokenBucket(wanted.interval, wanted.burst) if wanted.interval else None)
        return limit[1] is not None and not limit[1].take()

    @web.middleware
    async def check_request(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            config = await live.current()
        except ConfigErrors:
            return _refusal(500, "Internal Server Error")
        if not unlimited(request) and limited(config):
            return _refusal(429, "Too Many Requests")
        if config.tls is not None and not request.secure:  # connected before the file required TLS
            refusal = _refusal(400, "Client sent an HTTP request to an HTTPS server.")
            refusal.force_close()
            return refusal
        if len(request.headers.get(hdrs.AUTHORIZATION, "")) > _MAX_AUTHORIZATION:
            return _refusal(400, "The Authorization header is too long.")
        if config.users:
            try:
                if not await _knows_password(request, config, passwords):
                    return _refusal(401, "Unauthorized", {hdrs.WWW_AUTHENTICATE: _CHALLENGE})
            except TooBusy:
                return _refusal(503, "Too many passwords to check.", {hdrs.RETRY_AFTER: "1"})
        return await handler(request)

    async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(live.headers)

    async def close(_app: web.Application) -> None:
        passwords.close()

    app.middlewares.insert(0, check_request)
    app.on_response_prepare.append(add_headers)
    app.on_cleanup.append(close)


async def _knows_password(request: web.Request, config: WebConfig, passwords: PasswordChecker) -> bool:
    given = read_basic(request.headers.get(hdrs.AUTHORIZATION, ""))
    if given is None:
        return False
    return await passwords.check(*given, config.users, config.costs, request.remote or "")


def read_basic(header: str) -> tuple[bytes, bytes] | None:
    """The name and the password in an `Authorization` header (RFC 7617), None if it holds none."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(credentials.encode("ascii"), validate=True).partition(b":")
    except (binascii.Error, UnicodeEncodeError):
        return None
    return (name, password) if colon else None


def _refusal(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers=headers)
