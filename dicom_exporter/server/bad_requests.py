"""What is no good request: counted by a few reasons, and answered without a word on the software."""

from collections.abc import MutableMapping
from enum import StrEnum

from aiohttp import hdrs, http_exceptions

SECURITY_HEADERS = {
    hdrs.SERVER: "dicom_exporter",
    "X-Content-Type-Options": "nosniff",
    hdrs.CACHE_CONTROL: "no-store",
}
"""Of every answer. Pages set a Content-Security-Policy of their own."""


def secure(headers: MutableMapping[str, str]) -> None:
    """Add the headers that every answer has."""
    headers.update(SECURITY_HEADERS)
    headers.setdefault(hdrs.CONTENT_SECURITY_POLICY, "default-src 'none'")


class BadRequest(StrEnum):
    """Why something is no request."""

    METHOD = "method"
    TLS = "tls"
    PLAIN_HTTP = "plain_http"
    HANDSHAKE = "handshake"
    TOO_LONG = "too_long"
    URL = "url"
    HEADER = "header"
    BODY = "body"
    INCOMPLETE = "incomplete"
    OTHER = "other"

    @property
    def explanation(self) -> str:
        """For whoever sent it."""
        return _EXPLANATIONS[self]


_EXPLANATIONS = {
    BadRequest.METHOD: "this is not the first line of an HTTP/1.1 request",
    BadRequest.TLS: "TLS was sent to a port that speaks plain HTTP",
    BadRequest.PLAIN_HTTP: "plain HTTP was sent to a port that speaks HTTPS",
    BadRequest.HANDSHAKE: "the TLS handshake failed",
    BadRequest.TOO_LONG: "the first line or a header is too long",
    BadRequest.URL: "the URL is malformed",
    BadRequest.HEADER: "a header is malformed, missing or repeated",
    BadRequest.BODY: "the length or the encoding of the body is malformed",
    BadRequest.INCOMPLETE: "the connection ended before the end of the headers",
    BadRequest.OTHER: "this is not a well-formed HTTP/1.1 request",
}
_BY_EXCEPTION = (
    (http_exceptions.LineTooLong, BadRequest.TOO_LONG),
    (http_exceptions.InvalidURLError, BadRequest.URL),
    (http_exceptions.BadStatusLine, BadRequest.METHOD),
    (http_exceptions.InvalidHeader, BadRequest.HEADER),
    (http_exceptions.PayloadEncodingError, BadRequest.BODY),
)


def reason_of(error: BaseException | None) -> BadRequest:
    """The reason for an exception of aiohttp's parser."""
    if "eader" in str(getattr(error, "message", "")):  # a missing or repeated one has no exception of its own
        return BadRequest.HEADER
    return next((reason for kind, reason in _BY_EXCEPTION if isinstance(error, kind)), BadRequest.OTHER)
