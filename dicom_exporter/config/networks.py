"""Networks of IP addresses, as `probe.allow` names them."""

from __future__ import annotations

import ipaddress

from dicom_exporter.config.wording import shown

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
PATTERN = "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_EXAMPLE = "like 10.0.0.0/8 or 2001:db8::/32"


def parse_network(text: str) -> IPNetwork:
    """Read an IP network, or an address, which is a network of one. Raises ValueError with a message for the user."""
    try:
        network = ipaddress.ip_network(text, strict=False)
        interface = ipaddress.ip_interface(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a network {_EXAMPLE}") from None
    if interface.ip != network.network_address:
        raise ValueError(f"{shown(text)} is an address inside of a network: did you mean {network}, or {interface.ip}?")
    if isinstance(network, ipaddress.IPv6Network) and network.overlaps(_MAPPED) and network.prefixlen >= 96:
        raise ValueError(f"{shown(text)} stands for IPv4 addresses: write the IPv4 network")
    return network


def unmapped(ip: str) -> IPAddress:
    """The address that packets for `ip` go to: ``::ffff:10.0.0.1`` is 10.0.0.1."""
    address = ipaddress.ip_address(ip)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped
