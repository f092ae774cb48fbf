"""``python -m benchmarks.dashboards [--targets 1000] [--hours 6]``: what each panel of the dashboards costs Prometheus.

Writes hours of series of made-up targets, with what the rules record, into blocks of a Prometheus server (`promtool
tsdb create-blocks-from openmetrics`), starts it, and asks it what Grafana would ask for one refresh. The cost is the
processor time of the server. Panels of closed rows ask nothing, and are listed apart. The exit code is 1 if a dashboard
costs more than its bar. With ``--serve`` the server stays, to look at the dashboards.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from os import sysconf
from pathlib import Path
from typing import Any

DASHBOARDS = Path(__file__).parents[1] / "grafana" / "dashboards"
STEP = 60
"""Seconds between two samples, and between two points of a panel."""
BARS = {1000: 3.0, 10_000: 6.0}
"""Up to so many targets -> processor seconds of one refresh of a dashboard."""
_JOB = 'job="dicom",instance="exporter:10104"'
_OUTCOMES = ("success", "refused", "rejected", "overload")
_PHASES = {"connect": 0.002, "associate": 0.02, "echo": 0.01, "release": 0.001}
_VARIABLES = {
    "job": ".+",
    "instance": ".+",
    "country": ".*",
    "site": ".*",
    "exporter": "",
    "__interval": "1m",
    "__rate_interval": "4m",
}


def series(number: int, start: float, end: float) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Series of one made-up target, as (name with labels, [(from, value), …]): each value holds until the next.

    Of a hundred targets four are down for a time, two are exposed, one rejects the exporter, one is not known.
    """
    kind = number % 100
    name = f"archive-{number:05d}"
    expect = "closed" if kind == 99 else "control" if number == 50 else "guarded"
    site = f'site="site-{number % 20:02d}",country="{("DE", "FR", "IT")[number % 3]}"'
    own = f'{_JOB},target="{name}"'
    bad_from = start + (end - start) * (0.3 + 0.6 * (kind / 100))
    state = 6 if kind in (1, 2, 3, 4) else 3 if kind == 5 else 4 if kind == 6 else 0
    exposed = {7: 5, 8: 4}.get(kind, 0)
    level = exposed or {"closed": 0, "control": 5}.get(expect, 2)
    allowed = {"closed": 0, "control": 7}.get(expect, 2)
    usual = min(level, allowed)

    def then(before: float, after: float) -> list[tuple[float, float]]:
        return [(start, before), (bad_from, after)] if before != after else [(start, before)]

    yield (
        f'dicom_target_info{{{own},{site},expect="{expect}",address="10.0.0.1:104",called_ae_title="PACS"}}',
        then(1, 1),
    )
    yield (
        f'dicom:target_info{{{own},{site},expect="{expect}",address="10.0.0.1:104",called_ae_title="PACS"}}',
        then(1, 1),
    )
    yield f'dicom:status{{{own},{site},expect="{expect}"}}', then(0, max(state, 10 + exposed if exposed else 0))
    if expect == "guarded":
        yield f"dicom:state{{{own}}}", then(0, state)
        yield f"dicom:state:last{{{own}}}", then(0, state)
        if state:
            yield f'dicom:state_since{{{own},state="{state}"}}', [(bad_from, bad_from)]
        outcome = {6: "refused", 3: "rejected", 4: "overload"}.get(state, "success")
        for each in _OUTCOMES:
            yield (
                f'dicom_echo_outcome{{{own},identity="monitor",outcome="{each}"}}',
                then(each == "success", each == outcome),
            )
        yield f'dicom:answer_seconds:avg15m{{{own},identity="monitor"}}', then(0.03, 0.03)
        for phase, seconds in _PHASES.items():
            yield f'dicom_phase_duration_seconds{{{own},identity="monitor",phase="{phase}"}}', then(seconds, seconds)
        for days, share in (("24h", 0.999), ("7d", 0.9995), ("30d", 0.9999)):
            yield f"dicom:available:avg{days}{{{own}}}", then(share, share - 0.05 * (state == 6))
    yield f'dicom_probe_duration_seconds{{{own},identity="monitor"}}', then(0.05, 0.05)
    yield f'dicom_probe_timeout_seconds{{{own},identity="monitor"}}', then(10, 10)
    for protocol in ("dimse", "dicomweb") if number % 3 == 0 else ("dimse",):
        of = f'{own},protocol="{protocol}"'
        yield f"dicom_exposure_known{{{of}}}", then(1, kind != 6)
        yield f"dicom:exposure_level:last{{{of}}}", then(usual, level)
        yield f"dicom:exposure_level_allowed:last{{{of}}}", then(allowed, allowed)
        yield f"dicom:exposure_excess{{{of}}}", then(usual - allowed, level - allowed)
        if exposed:
            yield f"dicom:exposed_since{{{of}}}", [(bad_from, bad_from)]
        yield f"dicom:certificate_expiry:last{{{of}}}", then(end + 86_400 * (kind + 1), end + 86_400 * (kind + 1))
    if exposed == 5:
        yield f'dicom_studies_visible{{{own},identity="stranger"}}', then(1000, 1000)
    alert = {6: ("DicomTargetDown", "critical"), 3: ("DicomTargetRefusesUs", "warning")}.get(state)
    alert = ("DicomExposed", "critical") if exposed else alert
    if alert is not None:
        labels = f'alertname="{alert[0]}",severity="{alert[1]}",{own},{site}'
        yield f'ALERTS{{alertstate="firing",{labels}}}', [(bad_from + 120, 1)]
        yield f"ALERTS_FOR_STATE{{{labels}}}", [(bad_from, bad_from)]


def write(path: Path, targets: int, start: int, end: int) -> None:
    """All series in the format OpenMetrics, one metric after the other."""
    with path.open("w") as file:
        for number in range(targets):
            for name, values in series(number, start, end):
                until = [begin for begin, _ in values[1:]] + [end + 1]
                for (begin, value), last in zip(values, until, strict=True):
                    first = int(begin) - int(begin) % STEP
                    text = f"{float(value):g}" if abs(value) < 1e6 else f"{value:.0f}"
                    file.writelines(f"{name} {text} {at}\n" for at in range(first, int(last) - int(last) % STEP, STEP))
        file.write("# EOF\n")


@contextmanager
def prometheus(targets: int, start: int, end: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A Prometheus server with these data, and its address."""
    with tempfile.TemporaryDirectory(prefix="dashboards-") as directory:
        data, metrics = Path(directory) / "data", Path(directory) / "metrics.txt"
        write(metrics, targets, start, end)
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(metrics), str(data)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        metrics.unlink()
        config = Path(directory) / "prometheus.yml"
        config.write_text("global: {evaluation_interval: 1m}\n")
        address = f"127.0.0.1:{_free_port()}"
        options = {"config.file": config, "storage.tsdb.path": data, "web.listen-address": address}
        server = subprocess.Popen(
            [
                "prometheus",
                *(f"--{name}={value}" for name, value in options.items()),
                "--storage.tsdb.retention.time=10y",
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://{address}"
            wait_until_ready(server, url)
            yield server, url
        finally:
            server.terminate()
            server.wait(30)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until_ready(server: subprocess.Popen[bytes], url: str) -> None:
    """Return when the server answers; raises RuntimeError if it ends."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=5) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("Prometheus ended")


def filled(expression: str, hours: float) -> str:
    """The query as Grafana sends it if everything is chosen; of the dashboard of one target, for one of them."""
    values = {**_VARIABLES, "__range": f"{int(hours * 60)}m"}
    expression = expression.replace('target="$target"', 'target="archive-00007"').replace("$target", ".+")
    return re.sub(r"\$(?:\{(\w+)[^}]*\}|(\w+))", lambda found: values.get(found[1] or found[2], found[0]), expression)


def ask(url: str, target: dict[str, Any], start: int, end: int) -> int:
    """Ask one query as Grafana does, and return the number of series. Raises OSError if it fails."""
    query = {"query": filled(target["expr"], (end - start) / 3600)}
    query |= {"time": str(end)} if target["instant"] else {"start": str(start), "end": str(end), "step": str(STEP)}
    kind = "query" if target["instant"] else "query_range"
    data = urllib.parse.urlencode(query).encode()
    with urllib.request.urlopen(f"{url}/api/v1/{kind}", data, timeout=300) as answer:  # noqa: S310
        return len(json.load(answer)["data"]["result"])


def cpu_seconds(pid: int) -> float:
    """Processor time of a process until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / sysconf("SC_CLK_TCK")


def measure(server: subprocess.Popen[bytes], url: str, start: int, end: int) -> dict[str, float]:
    """Print the cost of each panel, and return that of each dashboard."""
    totals = {}
    for file in sorted(DASHBOARDS.glob("*.json")):
        panels = json.loads(file.read_text())["panels"]
        rows = [panel for one in panels if one["type"] == "row" for panel in one["panels"]]
        total = 0.0
        for closed, group in ((False, [one for one in panels if one["type"] != "row"]), (True, rows)):
            for panel in group:
                before = cpu_seconds(server.pid)
                found = sum(ask(url, target, start, end) for target in panel["targets"])
                took = cpu_seconds(server.pid) - before
                total += 0 if closed else took
                mark = "  (closed row)" if closed else ""
                sys.stdout.write(f"{took:8.2f} s  {found:6} series  {file.stem}: {panel['title']}{mark}\n")
        totals[file.stem] = total
    return totals


def main() -> int:
    """Run it; the exit code is 1 if a bar is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dashboards", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=6)
    parser.add_argument("--serve", action="store_true", help="keep the server until Ctrl+C")
    chosen = parser.parse_args()
    end = int(time.time()) // STEP * STEP + (7200 if chosen.serve else 0)  # whoever looks at them takes a while
    start = end - int(chosen.hours * 3600)
    bar = next((seconds for most, seconds in BARS.items() if chosen.targets <= most), None)
    with prometheus(chosen.targets, start, end) as (server, url):
        if chosen.serve:
            sys.stdout.write(f"{url}\n")
            sys.stdout.flush()
            server.wait()
            return 0
        totals = measure(server, url, start, end)
    for name, total in totals.items():
        sys.stdout.write(f"{name}: {total:.2f} s of processor for one refresh, bar {bar} s\n")
    return int(bar is not None and max(totals.values()) > bar)


if __name__ == "__main__":
    sys.exit(main())
