"""Redirects, followed as a browser or ``curl -L`` follows them, with bounds.

```
GET ─> 3xx, Location ─> login? yes: stop, denied
                        too many, a loop, credentials and another origin, no address to follow to: stop, not known
                        else: GET there
```

A server chooses where a redirect leads. So no credentials go to another origin, and no redirect leads to an address
that only this machine can reach.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from yarl import URL

from dicom_exporter.config.values.network import SocketAddress, is_ip_address, unmapped
from dicom_exporter.http_client.client import Response, get
from dicom_exporter.net.context import ProbeContext

MAX_REDIRECTS = 5
"""How many are followed, one after another."""

_STATUSES = frozenset({301, 302, 303, 307, 308})
_LOGIN = re.compile(
    r"log-?(?:in|on)|sign-?(?:in|on)|auth(?!or(?!i))|openid|saml|\bsso|keycloak|adfs|/cas/", re.IGNORECASE
)


@dataclass(slots=True)
class Trail:
    """Where the redirects of one request led. Filled on the way, so that it is there when time ends."""

    url: URL | None = None
    """Where the last response came from."""
    followed: int = 0
    to_login: bool = False
    """One of the redirects leads to a login."""


@asynccontextmanager
async def follow(
    url: URL, context: ProbeContext, accept: str, trail: Trail, note: Callable[[Response, URL], None]
) -> AsyncIterator[Response]:
    """GET `url`, follow redirects, and hold the last response until the block ends; `note` sees each response.

    Raises:
        NoResponse: before the block, never in it.
    """
    asked, seen = url, {url}
    first: SocketAddress | None = None
    async with AsyncExitStack() as stack:
        while True:
            response = await stack.enter_async_context(get(url, context, accept, _allowed_after(first)))
            first = first or response.address
            trail.url = url
            note(response, url)
            if response.status not in _STATUSES or "Location" not in response.headers:
                break
            target = redirect_target(response.headers["Location"], url)
            login = target is not None and leads_to_login(target)
            trail.to_login |= login
            if login and target is not None and target.name != asked.name:
                break
            if target is None or target in seen or len(seen) > MAX_REDIRECTS or not _may_follow(target, url, context):
                break
            await stack.aclose()  # one connection at a time to one address
            seen.add(target)
            trail.followed += 1
            url = target
        yield response


def redirect_target(location: str, url: URL) -> URL | None:
    """Where a ``Location`` leads, seen from `url` (RFC 9110 10.2.2), without user and fragment; None where nobody can
    follow it with HTTP.
    """
    try:
        target = url.join(URL(location))
        usable = target.scheme in ("http", "https") and bool(target.raw_host) and bool(target.port)
    except ValueError:
        return None
    return target.with_user(None).with_fragment(None) if usable else None


def leads_to_login(url: URL) -> bool:
    """Whether a redirect to `url` asks for a login: judged by the words of its host and path alone."""
    return _LOGIN.search(f"{url.raw_host}{url.raw_path}") is not None


def _may_follow(target: URL, url: URL, context: ProbeContext) -> bool:
    """Credentials, passwords and certificates alike, stay at their origin (RFC 6454 4)."""
    identity = context.identity
    has_certificate = identity.tls is not None and identity.tls.cert_file is not None
    return (identity.http is None and not has_certificate) or target.origin() == url.origin()


def _allowed_after(first: SocketAddress | None) -> Callable[[SocketAddress], bool]:
    return lambda address: first is None or may_lead_to(first, address)


def may_lead_to(first: SocketAddress, address: SocketAddress) -> bool:
    """Whether a server at `first` may send us to `address`.

    Not to a link-local address, where clouds keep their metadata, nor to this machine or a group: no stranger gets
    there through that server. A server on this machine, or on its link, may lead there.
    """
    if not (is_ip_address(first.ip) and is_ip_address(address.ip)):  # a name that the proxy of a vantage looks up
        return first.ip == address.ip
    here, there = unmapped(first.ip), unmapped(address.ip)
    if here == there:
        return True
    if there.is_link_local or there.is_multicast:
        return False
    return here.is_loopback or not (there.is_loopback or there.is_unspecified)
