"""What a DICOMweb server offers a stranger beside its lists: to store (PS3.18 10.5), and to use the login of others.

```
OPTIONS studies ──────────────────────────────> Allow: is POST in it? Nothing is ever posted
GET of a study that cannot exist, with Origin ──> may the pages of that origin, which is nobody's, use a login (CORS)?
```

Redirects are not followed, and what the server does not say is not known.
"""

from __future__ import annotations

import asyncio
import uuid

from yarl import URL

from dicom_exporter.http_client.client import NoResponse, get
from dicom_exporter.http_client.request import DICOM_JSON
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.probes.studies_list import studies_url

_SHARE = 0.5


async def stow_offered(root: URL, context: ProbeContext) -> bool | None:
    """Whether the server says that it takes POST for studies. None if it does not say. Never raises for a peer."""
    found = await _ask(root / "studies", context.until(_SHARE), method="OPTIONS")
    if found is None or not 200 <= found[0] < 300 or not found[1]["Allow"]:
        return None
    return "POST" in {method.strip().upper() for line in found[1]["Allow"] for method in line.split(",")}


async def cors_with_credentials(root: URL, context: ProbeContext) -> bool | None:
    """Whether the pages of any site may read with the login of whoever looks at them (Fetch 3.2). None as above."""
    origin = f"https://{uuid.uuid4().hex}.invalid"
    unlikely = studies_url(root, StudyInstanceUID=f"2.25.{uuid.uuid4().int}", limit="1")
    found = await _ask(unlikely, context, origin=origin)
    if found is None or found[0] >= 500:
        return None
    status, headers = found
    allowed = {value.strip() for value in headers["Access-Control-Allow-Origin"]} & {origin, "*"}
    if allowed and "true" in {value.strip().lower() for value in headers["Access-Control-Allow-Credentials"]}:
        return True
    return False if 200 <= status < 300 else None  # many servers set these headers with a success alone


_HEADERS = ("Allow", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials")


async def _ask(
    url: URL, context: ProbeContext, *, method: str = "GET", origin: str | None = None
) -> tuple[int, dict[str, list[str]]] | None:
    """The status and those headers of one answer, whose body is not read; None if none came."""
    own = context.with_own_phases()
    try:
        async with (
            asyncio.timeout_at(own.deadline),
            get(url, own, DICOM_JSON, method=method, origin=origin) as response,
        ):
            return response.status, {name: response.headers.getall(name, []) for name in _HEADERS}
    except (TimeoutError, NoResponse):
        return None
