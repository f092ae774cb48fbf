"""`dicom_exporter demo`: synthetic archives, and the exporter that probes them."""

import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from dicom_exporter import DEFAULT_PORT, signals
from dicom_exporter.cli import serve
from dicom_exporter.cli.parser import (
    PROGRAM,
    Exit,
    ListenOptions,
    Parser,
    add_listen_address,
    add_log_flags,
    whole_number,
    wrapped,
)
from dicom_exporter.server.listening import ListenAddress

if TYPE_CHECKING:
    from dicom_exporter.demo import Region


class Options(ListenOptions):
    """The parsed options."""

    peers: str
    targets: int
    """0: those with a name."""


def make_parser() -> Parser:
    """The parser of the command."""
    parser = Parser(
        f"{PROGRAM} demo",
        description="Runs synthetic archives, and the exporter that probes them, on this machine.\n"
        "One accepts anyone, one accepts known callers only, and on one port nothing listens.",
        epilog=f"""\
examples:
  {PROGRAM} demo                 three archives, quick to understand
  {PROGRAM} demo --peers=all     a whole region: TLS, DICOMweb, worklists, slow, busy and outdated peers, changes
  {PROGRAM} demo --targets=300   the same with many targets, to try large dashboards; or with 3, for a small one

Next: {PROGRAM} probe, with an archive of your own.
""",
    )
    parser.add_flag("--peers", choices=("three", "all"), default="three", help="which archives (default: three)")
    parser.add_flag(
        "--targets",
        type=whole_number(3, 10_000),
        default=0,
        metavar="N",
        help="number of targets of all kinds, 3 or more; above 27 on Linux only, in 127.0.0.0/8",
    )
    add_listen_address(parser, f"localhost:{DEFAULT_PORT}")
    add_log_flags(parser, "warning")
    return parser


def run(options: Options) -> int:
    """Run the archives and the exporter until Ctrl-C or SIGTERM."""
    from dicom_exporter.demo import THREE, demo_region, region_targets  # nothing else needs these archives

    targets = THREE if options.peers == "three" and not options.targets else region_targets(options.targets)
    try:
        signals.interruptible(hangup=False)  # SIGHUP reloads, once the exporter runs
        with (
            TemporaryDirectory(prefix="dicom_exporter-demo-") as directory,
            demo_region(Path(directory), targets) as region,
        ):
            return _serve(options, Path(directory), region)
    except OSError as error:
        sys.stderr.write(f"{PROGRAM} demo: {error}\n")
        return Exit.COULD_NOT_RUN
    except KeyboardInterrupt:
        return Exit.OK


def _serve(options: Options, directory: Path, region: "Region") -> int:
    """Serve the configuration, by default on this machine only."""
    addresses = options.web_listen_address or [ListenAddress("localhost", DEFAULT_PORT)]
    config_file = directory / "config.yml"
    config_file.write_text(region.config_text)

    def announce(listening: Sequence[ListenAddress]) -> None:
        url = f"http://{ListenAddress(addresses[0].host or 'localhost', listening[0].port)}"
        text = f"{_describe(region, url)}\nThe configuration is {config_file}. Ctrl-C ends the demo.\n"
        sys.stdout.write(wrapped(text, shutil.get_terminal_size().columns) if sys.stdout.isatty() else text)
        sys.stdout.flush()

    arguments = [f"--config.file={config_file}", f"--log.format={options.log_format}"]
    serving = serve.make_parser().parse_args(arguments, serve.Options())
    serving.web_listen_address = addresses
    return serve.serve(serving, announce)


def _describe(region: "Region", url: str) -> str:
    """The archives, and what to try; `url` is that of the exporter."""
    listed = [pair for pair in zip(region.targets, region.addresses, strict=True) if pair[0].about]
    lines = "".join(
        f"  {target.name:<22}{address:<18}{target.expect:<11}{target.about}\n" for target, address in listed
    )
    kinds = Counter(target.expect for target in region.targets if not target.about)
    expected = ", ".join(f"{count} {expect}" for expect, count in sorted(kinds.items()))
    others = f"and {kinds.total()} more targets, each an address of 127.0.0.0/8 ({expected})\n" if kinds else ""
    return f"""\
DICOM archives run on this machine, and every study in them is synthetic:
{lines}{others}
The exporter: {url}
  curl '{url}/metrics'                    probes them all, now
  curl '{url}/probe?target={region.targets[0].name}' probes one

For Prometheus: scrape {url}/metrics every 15 s, or the targets of {url}/sd.
First queries: which targets are exposed, and how many studies does each list?
  dicom_exposure_level > dicom_exposure_level_allowed
  dicom_studies_visible
"""
