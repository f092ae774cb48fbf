"""Archives that are made up, and the exporter that probes them: something to look at before one's own."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from dicom_exporter import DEFAULT_PORT
from dicom_exporter.cli.parser import Exit
from dicom_exporter.cli.serve import ServeOptions, serve
from dicom_exporter.demo import DemoPeers, Region, demo_peers, demo_region
from dicom_exporter.server.listening import ListenAddress


def demo(listen_addresses: Sequence[ListenAddress] | None = None) -> int:
    """Run three peers and the exporter until Ctrl-C or SIGTERM; by default only this machine can reach it."""
    with demo_peers() as peers, TemporaryDirectory(prefix="dicom_exporter-demo-") as directory:
        return _serve(peers.config_text, Path(directory), listen_addresses, lambda url: _three(peers, url))


def region(listen_addresses: Sequence[ListenAddress] | None = None, targets: int = 0) -> int:
    """As `demo`, with peers of every kind; `targets` is how many there are, 0 for those with a name."""
    with TemporaryDirectory(prefix="dicom_exporter-demo-") as directory:
        try:
            with demo_region(Path(directory), targets) as peers:
                return _serve(peers.config_text, Path(directory), listen_addresses, lambda url: _all(peers, url))
        except OSError as error:
            sys.stderr.write(f"dicom_exporter demo: {error}\n")
            return Exit.COULD_NOT_RUN


def _serve(
    config_text: str,
    directory: Path,
    listen_addresses: Sequence[ListenAddress] | None,
    greeting: Callable[[str], str],
) -> int:
    addresses = listen_addresses or [ListenAddress("localhost", DEFAULT_PORT)]
    config_file = directory / "config.yml"
    config_file.write_text(config_text)

    def announce(listening: Sequence[ListenAddress]) -> None:
        url = f"http://{ListenAddress(addresses[0].host or 'localhost', listening[0].port)}"
        sys.stdout.write(f"{greeting(url)}\nThe configuration is {config_file}. Ctrl-C ends it all.\n")
        sys.stdout.flush()

    return serve(ServeOptions([str(config_file)], listen_addresses=addresses), announce)


def _three(peers: DemoPeers, url: str) -> str:
    return f"""\
Three DICOM peers run on this machine, and every study in them is made up:
  demo-open     {peers.open:<22}answers anyone
  demo-guarded  {peers.guarded:<22}answers those it knows
  demo-closed   {peers.closed:<22}nothing listens here

The exporter: {url}
  curl '{url}/metrics'                    probes them all, now
  curl '{url}/probe?target=demo-open'     probes one

First queries for Prometheus: who lets a stranger further than it should, and how many studies does each list?
  dicom_exposure_level > dicom_exposure_level_allowed
  dicom_studies_visible
"""


def _all(peers: Region, url: str) -> str:
    named = [pair for pair in zip(peers.targets, peers.addresses, strict=True) if pair[0].about]
    lines = "".join(f"  {target.name:<22}{address:<18}{target.expect:<11}{target.about}\n" for target, address in named)
    more = len(peers.targets) - len(named)
    kinds = Counter(target.expect for target in peers.targets if not target.about)
    expected = ", ".join(f"{count} {expect}" for expect, count in sorted(kinds.items()))
    others = f"and {more} targets more, each an address of 127.0.0.0/8 ({expected})\n" if more else ""
    return f"""\
A health region runs on this machine, and every study in it is made up:
{lines}{others}
The exporter: {url}
  curl '{url}/metrics'                    probes them all, now
  curl '{url}/probe?target=demo-images'   probes one

For Prometheus: scrape {url}/metrics every 15 s, or the targets of {url}/sd.
"""
