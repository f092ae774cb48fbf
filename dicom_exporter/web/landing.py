"""`/`: where a person who opens the exporter in a browser finds the rest."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from urllib.parse import quote

from aiohttp import hdrs, web

from dicom_exporter import __version__
from dicom_exporter.config import Target
from dicom_exporter.web.state import STATE

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { line-height: 1.2 }
table { border-collapse: collapse }
th, td { padding: 0.3rem 1.5rem 0.3rem 0; text-align: left; border-bottom: 1px solid #8886 }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'"
"""Nothing from anywhere, and this style sheet."""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>dicom_exporter</title>
<style>{style}</style>
</head>
<body>
<h1>dicom_exporter {version}</h1>
<p>Each link probes now, and shows the metrics that come of it.</p>
<p><a href="{telemetry}">All targets</a></p>
<h2>Targets ({count})</h2>
<table>
<tr><th scope="col">Target</th><th scope="col">Address</th><th scope="col">AE title</th><th scope="col">Expect</th></tr>
{rows}
</table>
</body>
</html>
"""


async def get_landing(request: web.Request) -> web.Response:
    """The list of targets, each with a link that probes it now."""
    state = request.app[STATE]
    targets = state.scraper.config.targets
    page = _PAGE.format(
        version=escape(__version__),
        style=_STYLE,
        telemetry=escape(quote(state.telemetry_path.lstrip("/"))),
        count=len(targets),
        rows="\n".join(_row(target) for target in targets),
    )
    headers = {hdrs.CONTENT_SECURITY_POLICY: _POLICY}
    return web.Response(text=page, content_type="text/html", headers=headers)


def _row(target: Target) -> str:
    link = f'<a href="probe?target={quote(target.name, safe="")}">{escape(target.name)}</a>'
    cells = [link, *map(escape, (str(target.address), target.called_ae_title, target.expect.value))]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
