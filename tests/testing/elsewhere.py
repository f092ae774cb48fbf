"""The exporter here, and archives and proxies elsewhere: in another network namespace, which sees other addresses.

```
here     the exporter                    lo 203.0.113.7: nothing listens     10.77.0.1
there    the same address is an archive  lo 203.0.113.7: open to strangers   10.77.0.2: SOCKS5, HTTP CONNECT
         names in its /etc/hosts alone      127.0.0.1: DICOM and DICOMweb over TLS
         10.77.0.9: a machine that is off, as packets for it get lost
```

`unshare --map-root-user --net --mount python -m tests.testing.elsewhere DIRECTORY` prints, as JSON, the metrics of the
exporter with the targets of `TARGETS`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.testing import hostile
from tests.testing.exporting import exporter
from tests.testing.hostile import http
from tests.testing.peers import make_certificates
from tests.testing.peers.process import process
from tests.testing.peers.requirements import program
from tests.testing.web_probing import tls_front

ARCHIVE = "203.0.113.7"
"""Of a network for documentation (RFC 5737): a public address, which never leaves these two namespaces."""
SOCKS, SOCKS_LOGIN, CONNECT, DEAD = "10.77.0.2:1080", "10.77.0.2:1081", "10.77.0.2:8888", "10.77.0.2:9"
OFF = "10.77.0.9"


def run(*argv: str) -> None:
    subprocess.run(argv, check=True)


def vantages(directory: Path) -> dict[str, Any]:
    (directory / "password").write_text("made-up\n")
    (directory / "wrong").write_text("another\n")
    login = {"proxy": f"socks5://{SOCKS_LOGIN}", "username": "monitor"}
    return {
        "socks": {"proxy": f"socks5://{SOCKS}"},
        "connect": {"proxy": f"http://{CONNECT}"},
        "login": {**login, "password_file": "password"},
        "no-login": {"proxy": f"socks5://{SOCKS_LOGIN}"},
        "wrong-login": {**login, "password_file": "wrong"},
        "dead": {"proxy": f"socks5://{DEAD}"},
        "dead-connect": {"proxy": f"http://{DEAD}"},
        "unnamed": {"proxy": "socks5://no-such-proxy.test:1080"},
    }


def targets(ports: dict[str, int]) -> list[dict[str, Any]]:
    dicom, web, tls, https = (ports[name] for name in ("dicom", "web", "tls", "https"))
    closed = {"address": f"{ARCHIVE}:{dicom}", "expect": "closed"}
    proxies = ["socks", "connect", "login", "no-login", "wrong-login", "dead", "dead-connect", "unnamed"]
    ours = {"modules": ["availability"]}
    named = {"address": f"pacs.test:{tls}", "modules": ["verified"], "dicomweb": f"https://pacs.test:{https}/"}
    other = {"address": f"other.test:{tls}", "modules": ["verified"], "dicomweb": f"https://other.test:{https}/"}
    return [
        {"name": "here", **closed},
        {"name": "archive", **closed, "vantage": proxies},
        {"name": "nothing", "address": f"{ARCHIVE}:9", "expect": "closed", "vantage": ["socks", "connect"]},
        {"name": "off", "address": f"{OFF}:104", "expect": "closed", "vantage": ["socks", "connect"]},
        {"name": "name", "address": f"pacs.test:{dicom}", "expect": "closed", "vantage": ["socks", "connect"]},
        {"name": "name of nothing", "address": "pacs.test:9", "expect": "closed", "vantage": "socks"},
        {"name": "no name", "address": "no-such-archive.test:104", "expect": "closed", "vantage": "socks"},
        {"name": "control", **closed, "expect": "control", "vantage": ["socks", "dead"]},
        {"name": "ours", "address": f"{ARCHIVE}:{dicom}", **ours, "vantage": ["socks", "connect", "dead"]},
        {"name": "ours, nothing", "address": f"{ARCHIVE}:9", **ours, "vantage": ["socks", "connect"]},
        {"name": "pages", "address": f"{ARCHIVE}:9", "expect": "closed", "vantage": ["socks", "connect", "dead"],
         "dicomweb": f"http://127.0.0.1:{web}/", "web": [{"url": f"http://127.0.0.1:{web}/"}]},
        {"name": "verified", **named, "vantage": ["socks", "connect"]},
        {"name": "other name", **other, "vantage": ["socks", "connect"]},
    ]  # fmt: skip


async def there(directory: Path) -> None:
    """Wait for the link, then serve until stdin ends."""
    sys.stdin.readline()
    hosts = directory / "hosts"
    hosts.write_text("127.0.0.1 pacs.test other.test\n")
    run("mount", "--bind", str(hosts), "/etc/hosts")
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{ARCHIVE}/32", "dev", "lo")
    run("ip", "address", "add", "10.77.0.2/24", "dev", "there")
    run("ip", "link", "set", "there", "up")
    run("ip", "neighbour", "add", OFF, "lladdr", "02:00:00:00:00:09", "dev", "there")
    certificates = make_certificates(directory / "certificates", names=("pacs.test",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    (directory / "tinyproxy.conf").write_text("Port 8888\nListen 10.77.0.2\nTimeout 60\nMaxClients 100\n")
    socks, tiny = program("microsocks", "microsocks"), program("tinyproxy", "tinyproxy")
    async with contextlib.AsyncExitStack() as stack:
        archive = await stack.enter_async_context(hostile.server(hostile.honest.honest(2), "0.0.0.0"))
        page = http.answers(200, json.dumps([http.entry(1)]).encode(), {"Content-Type": "application/dicom+json"})
        web = await stack.enter_async_context(http.server(page))
        https = await stack.enter_async_context(http.server(page, context))
        tls = await stack.enter_async_context(tls_front(archive.port, context))
        for name, argv in {
            "socks": (socks, "-i", "10.77.0.2", "-p", "1080"),
            "login": (socks, "-i", "10.77.0.2", "-p", "1081", "-u", "monitor", "-P", "made-up"),
            "tiny": (tiny, "-d", "-c", "tinyproxy.conf"),
        }.items():
            stack.enter_context(process(argv, directory, name))
        for address in (SOCKS, SOCKS_LOGIN, CONNECT):
            await _listening(address)
        ports = {"dicom": archive.port, "web": web.port, "https": https.port, "tls": tls}
        sys.stdout.write(json.dumps(ports) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def _listening(address: str) -> None:
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.01)  # another program's start has no event
            else:
                writer.close()
                return


async def here(directory: Path) -> str:
    """Start the other namespace and link it, then run the exporter."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{ARCHIVE}/32", "dev", "lo")
    argv = ("unshare", "--net", "--mount", sys.executable, "-m", "tests.testing.elsewhere", str(directory), "there")
    other = await asyncio.create_subprocess_exec(*argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdin is not None
    assert other.stdout is not None
    try:
        _unshared(other.pid)
        run("ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(other.pid))
        run("ip", "address", "add", "10.77.0.1/24", "dev", "here")
        run("ip", "link", "set", "here", "up")
        other.stdin.write(b"\n")
        ports = json.loads(await asyncio.wait_for(other.stdout.readline(), 60))
        verified = {
            "calling_ae_title": "PROMETHEUS",
            "tls": {"ca_file": "certificates/ca.pem"},
        }
        sections = {
            "vantages": vantages(directory),
            "identities": {"verified": verified},
            "modules": {"verified": {"identity": "verified", "queries": {"studies": {}}}},
        }
        async with exporter(directory, targets(ports), **sections) as running:
            return (await running.get(timeout=15)).text
    finally:
        other.stdin.close()
        await other.wait()


def _unshared(pid: int) -> None:
    """Wait until the process has left our network namespace."""
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # another program's start has no event


if __name__ == "__main__":
    place = Path(sys.argv[1])
    if len(sys.argv) == 2:
        sys.stdout.write(asyncio.run(here(place)))
    else:
        asyncio.run(there(place))
