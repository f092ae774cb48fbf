"""Where clients reach the exporter: the URL that the operator gives, or the Host header of a request."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from dicom_exporter.config import parse_address
from dicom_exporter.config.values.network import DEFAULT_PORTS
from dicom_exporter.text import shown

_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*/?")
"""A path without percent-encoding, which a proxy may decode, and without dot segments, which clients remove."""
_EXAMPLE = "like https://monitoring.hospital.example/dicom/"


@dataclass(frozen=True, slots=True)
class ExternalURL:
    """The URL under which clients reach this exporter, behind a reverse proxy for example."""

    scheme: str
    """http or https."""
    authority: str
    """host:port or [v6]:port."""
    prefix: str = ""
    """The path under which everything is served: empty, or like /dicom, without a slash at its end."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.prefix}/"


def parse_external_url(text: str) -> ExternalURL:
    """Read an absolute http or https URL. Raises ValueError with a message for the user."""
    if not all("!" <= character <= "~" for character in text):
        raise ValueError(f"{shown(text)}: a URL has printable ASCII characters only, and no spaces")
    try:
        parts = urlsplit(text)
    except ValueError:  # brackets that enclose no IPv6 address
        raise ValueError(f"{shown(text)} is not a URL {_EXAMPLE}") from None
    if "@" in parts.netloc:
        raise ValueError("the external URL must not contain credentials: it is public")
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError(f"{shown(text)} is not a URL {_EXAMPLE}: it begins with http:// or https://")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError(f"{shown(text)}: the external URL ends with its path, without ? and #, {_EXAMPLE}")
    if not _PATH.fullmatch(parts.path):
        raise ValueError(f"{shown(text)} is not a URL {_EXAMPLE}: between slashes are letters, digits, and . _ ~ -")
    try:
        where = authority(parts.netloc, parts.scheme)
    except ValueError as error:
        raise ValueError(f"{shown(text)} is not a URL {_EXAMPLE}: {error}") from None
    return ExternalURL(parts.scheme, where, parts.path.rstrip("/"))


def parse_prefix(text: str) -> str:
    """Read a path like / or /dicom/; it comes out without a slash at its end. Raises ValueError with a message."""
    if not text.startswith("/") or not _PATH.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a path like / or /dicom, of letters, digits, and . _ ~ -")
    return text.rstrip("/")


def authority(text: str, scheme: str) -> str:
    """The ``host:port`` of a URL or of a Host header, with the port of `scheme` (http, https) if it has none.

    Raises ValueError if it is not one: the header may hold any text.
    """
    _, bracket, after = text.rpartition("]")
    has_port = ":" in after
    if bracket and not text.startswith("["):
        raise ValueError("there is a bracket and no IPv6 address")
    return str(parse_address(text if has_port else f"{text}:{DEFAULT_PORTS[scheme]}"))
