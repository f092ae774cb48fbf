"""Disturbances of the exporter: new configurations, clock jumps, and a shortage of file descriptors."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.soak import spenders
from tests.soak.peers import address

_OFFSETS = ("+0", "+3600s", "-86400s", "+1s", "-5s", "+31536000s", "-3600s", "+0")
"""Offsets of the wall clock, in the format of libfaketime."""
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


def configuration(numbers: Sequence[int], port: int, timeout: float) -> str:
    """A configuration with these peers: most with `expect: available`, some with `expect: closed`; and the spenders."""
    modules: dict[str, Any] = {
        "counts": {"timeout": f"{round(timeout * 1000)}ms", "queries": {"studies": {"max_matches": 50}}},
        "strangers": {"identity": "stranger", "timeout": f"{round(timeout * 1000)}ms", "exposure": {"max_matches": 20}},
    }
    targets: list[dict[str, Any]] = []
    for number in numbers:
        closed = number % 10 == 0
        targets.append(
            {
                "name": f"peer-{number}",
                "address": f"{address(number)}:{port}",
                "expect": "closed" if closed else "available",
                "modules": ["strangers"] if closed else ["counts"],
                "labels": {"site": f"site-{number % 7}"},
            }
        )
    for kind, speaks in spenders.KINDS.items():
        for number in range(spenders.OF_EACH):
            there = f"{spenders.address(kind, number)}:{port}"
            web = {"web": [{"url": f"{speaks}://{there}/"}]} if speaks else {}
            name = f"spender-{kind}-{number}"
            targets.append({"name": name, "address": there, "expect": "closed", "modules": ["strangers"], **web})
    return json.dumps({"modules": modules, "targets": targets})


def some(count: int, chance: random.Random) -> list[int]:
    """Most of `count` peers, in random order, so that peers are added and removed with each reload."""
    return chance.sample(range(count), max(1, round(count * chance.uniform(0.85, 1.0))))


class Clock:
    """The wall clock of the exporter. The monotonic clock is not changed."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock"
        self.jumps = 0
        self.set("+0")

    def environment(self) -> dict[str, str]:
        """Environment of the exporter's process. Empty if libfaketime is not installed."""
        if not FAKETIME:
            return {}
        return {
            "LD_PRELOAD": str(FAKETIME[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def jump(self) -> None:
        """Set the next offset."""
        self.jumps += 1
        self.set(_OFFSETS[self.jumps % len(_OFFSETS)])

    def set(self, offset: str) -> None:
        """Set `offset`."""
        self._file.write_text(f"{offset}\n")


def limit_files(pid: int, soft: int) -> None:
    """Set the limit of open files of the process."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(soft, hard), hard))


def reload_by_signal(pid: int) -> None:
    """Send SIGHUP."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGHUP)
