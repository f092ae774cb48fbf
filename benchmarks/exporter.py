"""The exporter as a separate process, scraped as by Prometheus, and the resources that a scrape uses."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cores import client_cores, started_on

PROMETHEUS = {
    "Accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "Accept-Encoding": "gzip",
    "User-Agent": "Prometheus/2.42.0",
}
"""The request headers of the Prometheus in Debian 12."""
_START_TIMEOUT = 120.0
"""Seconds. A configuration with 10,000 targets is read in about three."""

Target = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scrape:
    """One request: wall-clock seconds, CPU seconds of the exporter, and the text of the response."""

    wall: float
    cpu: float
    text: str
    transferred: int
    """Bytes of the response body as transferred (compressed)."""

    def count(self, name: str, value: str | None = None, **labels: str) -> int:
        """The number of series of a metric that have all of `labels`, and this value."""
        wanted = [f'{key}="{text}"' for key, text in labels.items()]
        return sum(
            line.startswith(name + "{")
            and all(label in line for label in wanted)
            and (value is None or line.endswith(" " + value))
            for line in self.text.splitlines()
        )

    def value(self, name: str) -> float:
        """The value of a metric that has one series."""
        (found,) = [line for line in self.text.splitlines() if line.startswith(name + "{")]
        return float(found.rpartition(" ")[2])

    def current(self, name: str, label: str) -> dict[str, str]:
        """Target -> the value of `label` in the series of `name` that is 1."""
        found = {}
        for line in self.text.splitlines():
            if line.startswith(name + "{") and line.endswith(" 1.0"):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
                found[labels["target"]] = labels[label]
        return found


class Exporter:
    """A running exporter."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port

    @property
    def cpu(self) -> float:
        """CPU seconds so far, of all threads that still run (the threads of its pools do)."""
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def memory(self, what: str = "VmRSS") -> int:
        """Bytes in memory now (``VmRSS``) or at most so far (``VmHWM``)."""
        return memory_of(self._process.pid, what)

    def wait(self) -> None:
        """Wait until requests are answered."""
        until = time.monotonic() + _START_TIMEOUT
        while True:
            try:
                self.get("/metrics")
                return
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.01)

    def get(self, path: str = "/metrics", timeout: float = 60.0) -> Scrape:
        """Scrape `path` as Prometheus does with a scrape timeout of `timeout` seconds."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout + 30)
        headers = PROMETHEUS | {"X-Prometheus-Scrape-Timeout-Seconds": str(timeout)}
        cpu, start = self.cpu, time.perf_counter()
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        wall, cpu = time.perf_counter() - start, self.cpu - cpu
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {body[:200]!r}")
        text = gzip.decompress(body) if response.getheader("Content-Encoding") == "gzip" else body
        return Scrape(wall, cpu, text.decode(), len(body))


def memory_of(pid: int, what: str = "VmRSS") -> int:
    """Bytes of a process; see `Exporter.memory`."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise RuntimeError(f"/proc has no {what}")
    return int(found[1]) * 1024


def spread(ports: Sequence[int], count: int, first: int = 0, **more: Any) -> list[Target]:
    """`count` targets, each with its own address in 127.0.0.0/8, distributed over `ports`."""
    return [
        {
            "name": f"pacs-{number:05}",
            "address": f"{_host(number)}:{ports[number % len(ports)]}",
            "labels": {"site": f"site-{number // 20:04}", "country": "DE"},
            **more,
        }
        for number in range(first, first + count)
    ]


def _host(number: int) -> str:
    return f"127.{number // 62500 + 100}.{number // 250 % 250}.{number % 250 + 1}"


@contextmanager
def exporter(directory: Path, targets: Sequence[Target], **sections: Any) -> Iterator[Exporter]:
    """Run the exporter in `directory` with `targets` until the block ends."""
    (directory / "config.yml").write_text(yaml(targets, sections))
    log = directory / "log"
    with log.open("wb") as file, started_on(client_cores()):
        process = subprocess.Popen(
            [sys.executable, "-m", "dicom_exporter", "--web.listen-address=127.0.0.1:0"],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
        )
    try:
        yield Exporter(process, _port(process, log))
    finally:
        process.terminate()
        process.wait()


def yaml(targets: Sequence[Target], sections: Mapping[str, Any]) -> str:
    """A config.yml with one key on each line. The values are JSON, which is also YAML."""
    lines = [f"{name}: {json.dumps(section)}" for name, section in sections.items()]
    lines.append("targets:")
    for target in targets:
        first = True
        for key, value in target.items():
            lines.append(f"  {'- ' if first else '  '}{key}: {json.dumps(value)}")
            first = False
    return "\n".join(lines) + "\n"


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    """Wait until the log reports the port, and return it. Raises RuntimeError if the exporter does not start."""
    until = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(r"msg=listening address=\S*:(\d+)", log.read_text()):
            return int(found[1])
        time.sleep(0.01)
    raise RuntimeError(f"the exporter did not start:\n{log.read_text()}")
