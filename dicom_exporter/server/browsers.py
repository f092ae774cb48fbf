"""What a browser is kept from: acting for another site, and reading our pages under the name of another site.

A page of another site can make a browser send requests to us, and, with a name whose address it changes (DNS
rebinding), read the answers. Then `Host` has a name that is not ours, and neither an address nor a private name.
"""

import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

_SAFE = (hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS)
_NOT_PUBLIC = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".svc")
"""Ends of names that nobody can register in the public DNS (RFC 6761, RFC 6762, RFC 8375)."""
_WRONG_HOST = "The Host header has a name that this exporter does not know as its own. See --web.allowed-hosts.\n"
_WRONG_SITE = "A page of another site may not do this.\n"


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The names by which clients may address us. IP addresses, and names that are not public, are always allowed."""

    names: frozenset[str] = frozenset()
    """In lower case; ``*`` is any name."""
    machine: str = ""
    """The name of this machine, which is allowed in any domain: whoever attacks does not know it."""
    everywhere: bool = False
    """Whether other paths than the pages, the configuration and the reload are closed to other names too."""

    def allow(self, host: str) -> bool:
        """Whether the `Host` header of a request has one of our names; also if there is none."""
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        if "." not in name or name.endswith(_NOT_PUBLIC) or "*" in self.names or name in self.names:
            return True
        if self.machine and name.startswith(f"{self.machine}."):
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


def own_names(hosts: Iterable[str], host_name: str | None = None) -> AllowedHosts:
    """What is allowed unless the user says more: `hosts`, those of the flags, and the name of this machine."""
    machine = (host_name or socket.gethostname()).lower()
    known = frozenset(host.lower() for host in (*hosts, machine) if host)
    first = machine.partition(".")[0]
    return AllowedHosts(known, "" if first == "localhost" else first)


def parse_allowed_hosts(text: str) -> AllowedHosts:
    """Read names with commas between them. Raises ValueError with a message for the user."""
    names = [name.strip().lower().rstrip(".") for name in text.split(",")]
    if not all(re.fullmatch(r"\*|[a-z0-9._-]+", name) for name in names):
        raise ValueError("takes host names without a port, with commas between them, or *")
    return AllowedHosts(frozenset(names), everywhere=True)


def guarding(
    hosts: AllowedHosts,
    authority: str | None,
    is_for_people: Callable[[web.Request], bool],
    is_exempt: Callable[[web.Request], bool],
) -> Middleware:
    """The middleware that refuses such requests with 403. `authority` is that of the external URL."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get(hdrs.HOST, "")
        if (hosts.everywhere and not is_exempt(request)) or is_for_people(request):
            try:
                allowed = hosts.allow(host)
            except ValueError:  # brackets that enclose no address
                allowed = False
            if not allowed:
                raise web.HTTPForbidden(text=_WRONG_HOST)
        if request.method not in _SAFE and not _is_same_site(request, {host.lower(), authority or ""}):
            raise web.HTTPForbidden(text=_WRONG_SITE)
        return await handler(request)

    return guarded


def _is_same_site(request: web.Request, ours: set[str]) -> bool:
    """Whether a request comes from a page of ours, or from no page at all."""
    if request.headers.get("Sec-Fetch-Site", "none").strip().lower() not in ("none", "same-origin"):
        return False
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return True
    scheme, _, where = origin.lower().partition("://")
    default = {"http": ":80", "https": ":443"}.get(scheme, "")
    return bool(where) and bool({where, f"{where}{default}"} & ours)
