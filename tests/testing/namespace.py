"""The exporter where names do not resolve or IPv6 is not routed. Run in own network and mount namespaces: test_stamina.

`unshare --map-root-user --net --mount python -m tests.testing.namespace SCENARIO DIRECTORY` prints the outcomes as
JSON, by target. Its own files replace those of /etc, for this process only.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.testing import hostile
from tests.testing.exporting import exporter

_BROKEN = "2001:db8::1"
"""An address for documentation (RFC 3849), to which this network has no route."""


async def _outcomes(targets: list[dict[str, Any]], directory: Path) -> dict[str, str]:
    async with exporter(directory, targets) as running:
        await running.get(timeout=5)
        page = await running.get(timeout=5)  # again, while lookups of the first time may still hang
        return {str(target["name"]): page.outcome(target["name"]) for target in targets}


def _replace_file(path: str, text: str, directory: Path) -> None:
    file = directory / Path(path).name
    file.write_text(text)
    subprocess.run(["mount", "--bind", str(file), path], check=True)


def _set_up(directory: Path) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    _replace_file("/etc/resolv.conf", "nameserver 127.0.0.53\n", directory)
    _replace_file("/etc/nsswitch.conf", "hosts: files dns\n", directory)
    _replace_file("/etc/hosts", f"127.0.0.1 both.test\n{_BROKEN} both.test six.test\n", directory)


async def _outcomes_of(scenario: str, directory: Path) -> dict[str, str]:
    async with hostile.server(hostile.honest.honest()) as server:
        here = {"name": "by address", "address": server.address}
        names = [{"name": f"name {n}", "address": f"name-{n}.test:{server.port}"} for n in range(20)]
        match scenario:
            case "silent resolver":
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
                    silent.bind(("127.0.0.53", 53))
                    return await _outcomes([*names, here], directory)
            case "no resolver":
                return await _outcomes([*names, here], directory)
            case "broken IPv6":
                both = f"both.test:{server.port}"
                targets: list[dict[str, Any]] = [
                    {"name": "both", "address": both},
                    {"name": "both, but IPv6 is wanted", "address": both, "ip_version": 6},
                    {"name": "IPv6 alone", "address": f"six.test:{server.port}"},
                    {"name": "by address", "address": f"[{_BROKEN}]:{server.port}"},
                ]
                return await _outcomes(targets, directory)
        raise ValueError(scenario)


def main(scenario: str, directory: Path) -> None:
    """Set up the namespace, and print the outcomes."""
    _set_up(directory)
    sys.stdout.write(json.dumps(asyncio.run(_outcomes_of(scenario, directory))))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
