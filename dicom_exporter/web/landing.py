"""`/`: where a person who opens the exporter in a browser finds the rest."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from aiohttp import web

from dicom_exporter import __version__
from dicom_exporter.config import Target
from dicom_exporter.web.state import STATE

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>dicom_exporter</title>
</head>
<body>
<h1>dicom_exporter {version}</h1>
<p><a href="{telemetry}">Metrics of all targets</a> (probes each of them now)</p>
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
        telemetry=escape(quote(state.telemetry_path.lstrip("/"))),
        count=len(targets),
        rows="\n".join(_row(target) for target in targets),
    )
    return web.Response(text=page, content_type="text/html")


def _row(target: Target) -> str:
    link = f'<a href="probe?target={quote(target.name, safe="")}">{escape(target.name)}</a>'
    cells = [link, *map(escape, (str(target.address), target.called_ae_title, target.expect.value))]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
