"""The HTTP APIs of Prometheus and Alertmanager, as far as a report over time reads them, with bounds.

https://prometheus.io/docs/prometheus/latest/querying/api/ and Alertmanager's `/api/v2/alerts`.
"""

import json
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from dicom_exporter.text import shown

TIMEOUT = 150.0
"""Seconds for one answer. Prometheus itself gives a query two minutes."""
MAX_BYTES = 8 * 1024 * 1024
"""Of one answer. It takes about ten times as much memory while it is read."""

Labels = Mapping[str, str]
Points = list[tuple[float, float]]
"""Unix time and value, in the order of time."""


class ApiError(Exception):
    """There is no usable answer; the message is one sentence for the user, without the full stop."""


class AnswerTooLargeError(ApiError):
    """The answer has more than `MAX_BYTES` bytes."""


@dataclass(frozen=True, slots=True)
class Api:
    """One server's API."""

    url: URL
    session: aiohttp.ClientSession

    @property
    def name(self) -> str:
        """The URL for people, without a password."""
        return str(self.url.with_user(None))

    async def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """The JSON document at `path`. Raises ApiError."""
        try:
            async with self.session.get(self.url / path, params=parameters, allow_redirects=False) as response:
                body = bytearray()
                async for piece in response.content.iter_any():
                    body += piece
                    if len(body) > MAX_BYTES:
                        raise AnswerTooLargeError(f"{self.name} answers with more than {MAX_BYTES:,} bytes")
        except TimeoutError:
            raise ApiError(f"{self.name} does not answer within {TIMEOUT:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ApiError(f"{self.name} does not answer: {_reason(error)}") from None
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise ApiError(f"{self.name} does not answer with JSON, but with HTTP status {response.status}") from None

    async def query(self, path: str, parameters: Mapping[str, str]) -> list[tuple[Labels, Points]]:
        """The series that Prometheus answers with at `path`: `query_range`, or `query` of a vector. Raises ApiError."""
        answer = await self.get(f"api/v1/{path}", parameters)
        try:
            if answer["status"] != "success":
                raise ApiError(f"{self.name} cannot answer: {shown(str(answer['error'])[:300])}")
            return [
                (
                    {str(name): str(value) for name, value in series["metric"].items()},
                    [(float(time), float(value)) for time, value in series.get("values") or [series["value"]]],
                )
                for series in answer["data"]["result"]
            ]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ApiError(f"{self.name} does not answer as Prometheus does") from None


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, ssl.SSLError | ssl.CertificateError):
        return "TLS failed"
    if isinstance(error, OSError) and error.errno:
        text = os.strerror(error.errno) if error.errno > 0 else "its name does not resolve"
    else:
        text = type(error).__name__
    return text[:1].lower() + text[1:]


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator[Api]:
    """The API at `url` until the block ends. No proxy is used, and no redirect followed."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Api(url, session)
