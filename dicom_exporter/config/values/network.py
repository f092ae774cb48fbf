"""Network values: IP networks (`probe.allow`), addresses of targets (``host:port``), URLs of HTTP services."""

import ipaddress
import re
import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from dicom_exporter.config.secret import Secret
from dicom_exporter.text import shown

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
NETWORK_PATTERN = "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NETWORK_EXAMPLE = "like 10.0.0.0/8 or 2001:db8::/32"


def parse_network(text: str) -> IPNetwork:
    """Read an IP network, or an address, which is a network of one. Raises ValueError with a message for the user."""
    try:
        network = ipaddress.ip_network(text, strict=False)
        interface = ipaddress.ip_interface(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a network {_NETWORK_EXAMPLE}") from None
    if interface.ip != network.network_address:
        raise ValueError(f"{shown(text)} has host bits set: did you mean {network}, or {interface.ip}?")
    if isinstance(network, ipaddress.IPv6Network) and network.overlaps(_MAPPED) and network.prefixlen >= 96:
        raise ValueError(f"{shown(text)} is an IPv4-mapped network: write the IPv4 network")
    return network


def is_ip_address(host: str) -> bool:
    """Whether `host` is an IP address, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def unmapped(ip: str) -> IPAddress:
    """The address that packets for `ip` go to: 10.0.0.1 for the IPv4-mapped ``::ffff:10.0.0.1`` (RFC 4291 2.5.5.2)."""
    address = ipaddress.ip_address(ip)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


_HOST_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_MAX_HOST_LENGTH = 253
_ADDRESS_EXAMPLE = "like pacs.example.org:104 or [2001:db8::1]:104"


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """Where to connect: an IP address of `family` and a port. Two names with the same address give equal values."""

    family: int
    ip: str
    """A host name, and `family` unspecified, only where a proxy looks it up."""
    port: int
    scope_id: int = 0
    via: "Via | None" = field(default=None, compare=False)
    """The proxy that makes the connection; None: this machine does."""

    @property
    def place(self) -> str:
        """The IP address, told apart by who connects to it: the same one may be another machine elsewhere."""
        return self.ip if self.via is None else f"{self.via.url}/{self.ip}"

    @property
    def host(self) -> str:
        """As event loops take it: ``192.0.2.1``, ``2001:db8::1``, or ``fe80::1%2`` with the interface by number."""
        return f"{self.ip}%{self.scope_id}" if self.scope_id else self.ip

    @property
    def sockaddr(self) -> tuple[Any, ...]:
        """As the socket module takes it."""
        return (self.ip, self.port, 0, self.scope_id) if self.family == socket.AF_INET6 else (self.ip, self.port)


class Via:
    """The proxy of a vantage. No dataclass, as no block of the configuration may have it."""

    def __init__(
        self,
        url: "ProxyURL",
        addresses: tuple[SocketAddress, ...],
        username: str | None = None,
        password: Secret | None = None,
    ) -> None:
        self.url = url
        self.addresses = addresses
        """Of the proxy, at least one; the first that accepts a connection is used."""
        self.username = username
        self.password = password
        self.unproved = False
        """Whether its last answer was that it is connected, without the address of that connection: some say so before
        they connect. Then only what the peer sends shows that there is one."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A host name or IP address (without brackets), and a TCP port."""

    host: str
    port: int
    socket_addresses: tuple[SocketAddress, ...] = field(default=(), compare=False, repr=False)
    """Where to connect, if that is known without a lookup: for an IP address always; for a name only if it was
    looked up and checked already."""
    incomplete: bool = field(default=False, compare=False, repr=False)
    """Whether the name has more addresses than those, which may not be connected to."""

    def __post_init__(self) -> None:
        if not self.socket_addresses and (literal := _literal(self.host, self.port)) is not None:
            object.__setattr__(self, "socket_addresses", (literal,))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def ip_version(self) -> int | None:
        """4 or 6 if the host is an IP address, None if it is a name."""
        try:
            return ipaddress.ip_address(self.host).version
        except ValueError:
            return None


def _literal(host: str, port: int) -> SocketAddress | None:
    """The socket address of a `host` that is an IP address, else None."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return SocketAddress(socket.AF_INET, host, port)
    if address.scope_id is not None:  # an interface by name, which only the system can number
        return None
    return SocketAddress(socket.AF_INET6, host, port)


def parse_address(text: str) -> Address:
    """Read ``host:port`` or ``[v6]:port``; names come out in lower case, IPv6 addresses in their short form.

    Raises ValueError with a message for the user.
    """
    if "://" in text:
        raise ValueError(f"{shown(text)}: an address has no scheme, {_ADDRESS_EXAMPLE}")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{shown(text)} is not an address {_ADDRESS_EXAMPLE}")
        host, port = _ipv6(text, host), rest[1:]
    else:
        host, _, port = text.rpartition(":") if ":" in text else (text, "", "")
        if ":" in host or (not host and ":" in text):
            raise ValueError(_unbracketed(text))
        host = _name_or_ipv4(text, host)
    if not port:
        raise ValueError(f"{shown(text)} has no port, {_ADDRESS_EXAMPLE}")
    if port.startswith("0") and port.strip("0").isdigit():
        raise ValueError(f"{shown(text)}: the port begins with 0: write {port.lstrip('0')}")
    if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError(f"{shown(text)}: the port has to be a number from 1 to 65535")
    return Address(host, int(port))


def _ipv6(text: str, host: str) -> str:
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError:
        raise ValueError(f"{shown(text)}: the text in brackets is not an IPv6 address") from None


def _unbracketed(text: str) -> str:
    host, _, port = text.rpartition(":")
    for candidate, example in ((host, f"[{host}]:{port}"), (text, f"[{text}]:104")):
        try:
            ipaddress.IPv6Address(candidate)
        except ValueError:
            continue
        return f"{shown(text)}: write an IPv6 address in brackets, like {example}"
    return f"{shown(text)} is not an address {_ADDRESS_EXAMPLE}"


def _name_or_ipv4(text: str, host: str) -> str:
    if re.fullmatch(r"[0-9.]+", host):  # inet_aton would read 10.1 as 10.0.0.1; here it is a typing error
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError(f"{shown(text)}: {host} is not an IPv4 address") from None
    labels = host.removesuffix(".").split(".")
    if len(host) > _MAX_HOST_LENGTH or not all(_HOST_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{shown(text)}: {shown(host)} is not a host name or an IP address")
    return host.lower()


def parse_server_name(text: str) -> str:
    """Read a host name as TLS has it (RFC 6066 3): no address, no dot at its end; it comes out in lower case.

    Raises ValueError with a message for the user.
    """
    labels = text.split(".")
    numeric = re.fullmatch(r"[0-9.]+", text) is not None
    if numeric or len(text) > _MAX_HOST_LENGTH or not all(_HOST_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{shown(text)} is not a host name like pacs.example.org")
    return text.lower()


DEFAULT_PORTS = {"http": 80, "https": 443}
URL_PATTERN = r"^[hH][tT][tT][pP][sS]?://[^\s/?#@]+(/[^\s#]*|\?[^\s#]*)?$"
_URL_EXAMPLE = "like https://pacs.example.org/dicom-web"


def parse_url(text: str) -> str:
    """Return an absolute http or https URL. It carries no credentials and no fragment.

    Raises ValueError with a message for the user, which does not repeat a password.
    """
    if not all("!" <= character <= "~" for character in text):
        raise ValueError("a URL has printable ASCII characters only, and no spaces")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # brackets that enclose no IPv6 address, a port that is no number
        raise ValueError(f"not a URL {_URL_EXAMPLE}") from None
    if "@" in parts.netloc:
        raise ValueError("a URL has no credentials here: they belong in the block `http` of an identity")
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{shown(text)} is not a URL {_URL_EXAMPLE}")
    if "#" in text:
        raise ValueError(f"{shown(text)}: a fragment (what follows #) is never sent: leave it out")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    parse_address(f"{host}:{DEFAULT_PORTS[parts.scheme] if port is None else port}")
    return text


def parse_root(text: str) -> str:
    """Read the URL of a DICOMweb root, to which ``/studies`` can be added; it comes out without a slash at its end.

    Raises ValueError with a message for the user.
    """
    url = parse_url(text)
    if "?" in url:
        raise ValueError(f"{shown(text)}: the root of a DICOMweb service has no query (what follows ?)")
    root = url.rstrip("/")
    if root.endswith("/studies"):
        raise ValueError(f"{shown(text)}: the root of a DICOMweb service ends before /studies")
    return root


PROXY_PATTERN = "^(socks5|http)://[^\\s/?#@]+:[0-9]+/?$"
_PROXY_EXAMPLE = "like socks5://127.0.0.1:1080 or http://proxy.example.org:3128"


@dataclass(frozen=True, slots=True)
class ProxyURL:
    """A proxy, and how to speak to it: ``socks5`` (RFC 1928) or ``http`` (CONNECT, RFC 9110 9.3.6)."""

    scheme: str
    host: str
    port: int

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address(self.host, self.port)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.address}"


def parse_proxy(text: str) -> ProxyURL:
    """Read the URL of a proxy. Raises ValueError with a message for the user, which does not repeat a password."""
    scheme, separator, rest = text.partition("://")
    if "@" in rest:
        raise ValueError("the URL of a proxy has no credentials: they belong in `username` and `password_file`")
    if not separator or scheme not in ("socks5", "http"):
        raise ValueError(f"{shown(text)} is not a proxy {_PROXY_EXAMPLE}")
    address = parse_address(rest.removesuffix("/"))
    if "%" in address.host:
        raise ValueError(f"{shown(text)}: a proxy has no address with an interface")
    return ProxyURL(scheme, address.host, address.port)
