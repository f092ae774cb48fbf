"""Archives that are made up, and the exporter that probes them: something to look at before one's own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from dicom_exporter import DEFAULT_PORT
from dicom_exporter.commands.serve import ServeOptions, serve
from dicom_exporter.demo import DemoPeers, demo_peers
from dicom_exporter.web.listening import ListenAddress


def demo(listen_addresses: Sequence[ListenAddress] | None = None) -> int:
    """Run the demo until Ctrl-C or SIGTERM; by default only this machine can reach it."""
    addresses = listen_addresses or [ListenAddress("localhost", DEFAULT_PORT)]
    with demo_peers() as peers, TemporaryDirectory(prefix="dicom_exporter-demo-") as directory:
        config_file = Path(directory) / "config.yml"
        config_file.write_text(peers.config_text)

        def announce(listening: Sequence[ListenAddress]) -> None:
            sys.stdout.write(_greeting(peers, addresses[0].host or "localhost", listening[0].port, config_file))
            sys.stdout.flush()

        return serve(ServeOptions([str(config_file)], listen_addresses=addresses), announce)


def _greeting(peers: DemoPeers, host: str, port: int, config_file: Path) -> str:
    url = f"http://{ListenAddress(host, port)}"
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

The configuration is {config_file}. Ctrl-C ends it all.
"""
