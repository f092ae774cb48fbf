"""URLs of HTTP services: DICOMweb roots and pages."""

from __future__ import annotations

from urllib.parse import urlsplit

from dicom_exporter.config.addresses import parse_address
from dicom_exporter.config.wording import shown

_PORTS = {"http": 80, "https": 443}
PATTERN = r"^[hH][tT][tT][pP][sS]?://[^\s/?#@]+(/[^\s#]*|\?[^\s#]*)?$"
_EXAMPLE = "like https://pacs.example.org/dicom-web"


def parse_url(text: str) -> str:
    """Give an absolute http or https URL back. It carries no credentials and no fragment.

    Raises ValueError with a message for the user, which does not repeat a password.
    """
    if not all("!" <= character <= "~" for character in text):
        raise ValueError("a URL has printable ASCII characters only, and no spaces")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # brackets that enclose no IPv6 address, a port that is no number
        raise ValueError(f"not a URL {_EXAMPLE}") from None
    if "@" in parts.netloc:
        raise ValueError("a URL has no credentials here: they belong in the block `http` of an identity")
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"{shown(text)} is not a URL {_EXAMPLE}")
    if "#" in text:
        raise ValueError(f"{shown(text)}: a fragment (what follows #) is never sent: leave it out")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    parse_address(f"{host}:{_PORTS[parts.scheme] if port is None else port}")
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
