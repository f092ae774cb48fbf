"""Where a target is: ``host:port`` or ``[v6]:port``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from dicom_exporter.config.wording import shown

_HOST_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_MAX_HOST_LENGTH = 253
_EXAMPLE = "like pacs.example.org:104 or [2001:db8::1]:104"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A host name or IP address (without brackets), and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def ip_version(self) -> int | None:
        """4 or 6 where the host is an IP address, None where it is a name."""
        try:
            return ipaddress.ip_address(self.host).version
        except ValueError:
            return None


def parse_address(text: str) -> Address:
    """Read ``host:port`` or ``[v6]:port``; names come out in lower case, IPv6 addresses in their short form.

    Raises ValueError with a message for the user.
    """
    if "://" in text:
        raise ValueError(f"{shown(text)}: an address has no scheme, {_EXAMPLE}")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{shown(text)} is not an address {_EXAMPLE}")
        host, port = _ipv6(text, host), rest[1:]
    else:
        host, _, port = text.rpartition(":") if ":" in text else (text, "", "")
        if ":" in host or (not host and ":" in text):
            raise ValueError(_unbracketed(text))
        host = _name_or_ipv4(text, host)
    if not port:
        raise ValueError(f"{shown(text)} has no port, {_EXAMPLE}")
    if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError(f"{shown(text)}: the port has to be a number from 1 to 65535")
    return Address(host, int(port))


def _ipv6(text: str, host: str) -> str:
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError:
        raise ValueError(f"{shown(text)}: what stands in brackets is not an IPv6 address") from None


def _unbracketed(text: str) -> str:
    host, _, port = text.rpartition(":")
    for candidate, example in ((host, f"[{host}]:{port}"), (text, f"[{text}]:104")):
        try:
            ipaddress.IPv6Address(candidate)
        except ValueError:
            continue
        return f"{shown(text)}: an IPv6 address stands in brackets, like {example}"
    return f"{shown(text)} is not an address {_EXAMPLE}"


def _name_or_ipv4(text: str, host: str) -> str:
    if re.fullmatch(r"[0-9.]+", host):  # inet_aton would read 10.1 as 10.0.0.1; here it is a slip
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError(f"{shown(text)}: {host} is not an IPv4 address") from None
    labels = host.removesuffix(".").split(".")
    if len(host) > _MAX_HOST_LENGTH or not all(_HOST_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{shown(text)}: {shown(host)} is not a host name or an IP address")
    return host.lower()
