"""`dicom_exporter`: the exporter itself, and `--config.check`, which checks its configuration.

Everything heavy is imported by the functions that run: `--help` and `--version` are answered without it.
"""

import gc
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, TypeVar

from dicom_exporter import DEFAULT_HISTORY_LIMIT, DEFAULT_MAX_REQUESTS, DEFAULT_PORT, __version__, signals
from dicom_exporter.cli.parser import (
    PROGRAM,
    ConfigOptions,
    Exit,
    ListenOptions,
    Parser,
    add_config_file,
    add_listen_address,
    add_log_flags,
    checked,
    complain,
    whole_number,
)

if TYPE_CHECKING:
    import socket

    from dicom_exporter.config import Config, ConfigError, ConfigErrors
    from dicom_exporter.prober.record import ProbeRecord
    from dicom_exporter.server.browsers import AllowedHosts
    from dicom_exporter.server.external_url import ExternalURL
    from dicom_exporter.server.listening import ListenAddress
    from dicom_exporter.webconfig.live import LiveConfig
    from dicom_exporter.webconfig.load import WebConfig

DEFAULT_CONFIG_FILE = "config.yml"
_TELEMETRY_PATH = "/metrics"
_OWN_DESCRIPTORS = 64 + 256
"""For the log, listening sockets and files that are read, and a socket for each lookup of a name."""
_IDLE_CONNECTIONS = 1024
"""Prometheus keeps up to a thousand open to one exporter between its scrapes."""
_SWITCH = 0.0005
"""Seconds after which a thread that encodes or reads files lets the event loop go on. uvloop waits for that with each
of its callbacks: by Python's default, 5 ms, a few dozen of them stop everything for a quarter of a second."""
_BEGIN_TIMEOUT = 60.0
"""Seconds for reading the configuration and for listening; ten thousand targets take a few."""

T = TypeVar("T")


class Options(ConfigOptions, ListenOptions):
    """The parsed options."""

    config_check: bool
    web_systemd_socket: bool
    web_config_file: str | None
    """None or empty: plain HTTP, for every client."""
    web_telemetry_path: str
    web_external_url: "ExternalURL | None"
    web_allowed_hosts: "AllowedHosts | None"
    web_route_prefix: str | None
    """None: the path of the external URL."""
    web_dashboard_url: str | None
    """With `{target}` in the place of the name of a target."""
    web_max_requests: int
    """At once; 0: any number."""
    timeout_offset: float
    """Seconds."""
    history_limit: int
    """Probes of one target that the pages show."""


def make_parser() -> Parser:
    """The parser of the program without a command."""
    parser = Parser(
        PROGRAM,
        usage=f"{PROGRAM} [flags]\n       {PROGRAM} COMMAND [flags]",
        description="Probes DICOM archives for Prometheus: is each one up for us, and closed to strangers?\n"
        "Without a command it serves metrics, and pages for people.",
        epilog=f"""\
commands (more: {PROGRAM} COMMAND --help):
  demo                 try it: synthetic archives, and the exporter that probes them
  probe HOST:PORT      probe one archive now; with --exposure, as a stranger
  report               probe all targets of the configuration once: which are down, which are exposed
  print WHAT           print a file that comes with it: rules, dashboards, schema, example, unit
  completion SHELL     print the script with which bash, zsh or fish completes commands and flags

from nothing to your own archive:
  {PROGRAM} demo
  {PROGRAM} probe pacs.example:104 --called-ae PACS
  {PROGRAM} --config.file=config.yml --config.check
  {PROGRAM} --config.file=config.yml
  and then open http://localhost:{DEFAULT_PORT}

exit codes:
  0 done, and as expected
  1 done, and something is down or exposed
  2 bad usage or bad configuration
  3 could not run, or the result is unknown
""",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    add_config_file(parser)
    parser.add_flag("--config.check", action="store_true", help="check the configuration, and do nothing else")
    add_listen_address(parser, f":{DEFAULT_PORT}")
    parser.add_flag(
        "--web.systemd-socket",
        action="store_true",
        help="listen on the sockets that systemd passes, and on no --web.listen-address",
    )
    parser.add_flag(
        "--web.config.file",
        metavar="FILE",
        help="YAML: TLS and passwords of this server (default: plain HTTP for every client)",
    )
    parser.add_flag(
        "--web.telemetry-path",
        type=checked(_telemetry_path),
        default=_TELEMETRY_PATH,
        metavar="PATH",
        help=f"path of the metrics of all targets (default: {_TELEMETRY_PATH})",
    )
    parser.add_flag(
        "--web.external-url",
        type=checked(_external_url),
        metavar="URL",
        help="URL under which clients reach the exporter, behind a reverse proxy for example; its path is the prefix "
        "of all paths",
    )
    parser.add_flag(
        "--web.allowed-hosts",
        type=checked(_allowed_hosts),
        metavar="NAMES",
        help="host names by which clients may address the exporter, with commas between them; *: any (default: for the "
        "pages, those of --web.external-url, --web.listen-address and this machine; else any)",
    )
    parser.add_flag(
        "--web.route-prefix",
        type=checked(_route_prefix),
        metavar="PATH",
        help="prefix of all paths, where it is not the path of --web.external-url: / behind a proxy that removes "
        "that path",
    )
    parser.add_flag(
        "--web.dashboard-url",
        type=checked(_dashboard_url),
        metavar="URL",
        help="URL of a target's dashboard, with {target} in the place of its name; the target's page links to it",
    )
    parser.add_flag(
        "--web.max-requests",
        type=whole_number(0, 9_999_999),
        default=DEFAULT_MAX_REQUESTS,
        metavar="NUMBER",
        help=f"most requests at once; the others get 503; 0: no limit (default: {DEFAULT_MAX_REQUESTS})",
    )
    parser.add_flag(
        "--timeout-offset",
        type=checked(_timeout_offset),
        default=0.5,
        metavar="DURATION",
        help="answer at least this long before the scrape times out (default: 0.5s)",
    )
    parser.add_flag(
        "--history.limit",
        type=whole_number(1, 99_999),
        default=DEFAULT_HISTORY_LIMIT,
        metavar="PROBES",
        help=f"most probes of a target that its page shows; fewer with many targets (default: {DEFAULT_HISTORY_LIMIT})",
    )
    add_log_flags(parser, "info")
    return parser


def _telemetry_path(text: str) -> str:
    if text == _TELEMETRY_PATH:  # argparse reads the default too, and need not import the server for it
        return text
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", text):
        raise ValueError(f"{text!r} is not a path like /metrics")
    from dicom_exporter.server.app import is_reserved

    if is_reserved(text):
        raise ValueError(f"{text!r} is taken")
    return text


def _external_url(text: str) -> "ExternalURL":
    from dicom_exporter.server.external_url import parse_external_url

    return parse_external_url(text)


def _dashboard_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^/?#@\s]+[^\s]*", text) or "{target}" not in text:
        raise ValueError(
            f"{text!r} is not a URL like https://grafana.hospital.example/d/dicom-target?var-target={{target}}"
        )
    return text


def _allowed_hosts(text: str) -> "AllowedHosts":
    from dicom_exporter.server.browsers import parse_allowed_hosts

    return parse_allowed_hosts(text)


def _own_names(options: Options) -> "AllowedHosts":
    from dicom_exporter.server.browsers import own_names

    url = options.web_external_url
    addresses = [str(address.host) for address in options.web_listen_address or ()]
    return own_names([*addresses, *([] if url is None else [url.authority.rpartition(":")[0]])])


def _route_prefix(text: str) -> str:
    from dicom_exporter.server.external_url import parse_prefix

    return parse_prefix(text)


def _timeout_offset(text: str) -> float:
    """Seconds from a duration as the configuration has it, and from `0.5s` and `0s` too."""
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?s", text):
        return float(text.removesuffix("s"))
    from dicom_exporter.config import parse_duration

    return parse_duration(text)


def run(options: Options) -> int:
    """Serve, or check the configuration."""
    if not options.config_check:
        return serve(options)
    signals.interruptible()
    return check(options)


def check(options: Options) -> int:
    """Write to stdout that the configuration is valid, or each mistake in it to stderr, one a line."""
    from dicom_exporter.config import notes

    loaded = _reported(options, lambda: _load_both(options, _load_web))
    if loaded is None:
        return Exit.BAD_USAGE
    config, web_config = loaded
    count = len(config.targets)
    sys.stdout.write(f"The configuration is valid: {count} target{'' if count == 1 else 's'}.\n")
    sys.stderr.writelines(f"warning: {note}\n" for note in notes(config))
    if web_config is not None:
        from dicom_exporter.webconfig.live import described

        sys.stdout.write(f"The web configuration is valid: {described(web_config)}.\n")
        sys.stderr.writelines(f"{note}\n" for note in web_config.notes)
    return Exit.OK


def _load_web(file: str) -> "WebConfig":
    from dicom_exporter.webconfig.load import load

    return load(file)


def serve(options: Options, announce: "Callable[[Sequence[ListenAddress]], None] | None" = None) -> int:
    """Serve until SIGTERM or SIGINT. `announce` gets the addresses, once requests are answered and signals handled."""
    gc.disable()  # until it is ready: nothing of what is imported and read now will be garbage
    sys.setswitchinterval(_SWITCH)
    try:
        from dicom_exporter.cli import process

        return process.run(_serve(options, announce), interruptible=False)
    finally:
        gc.enable()


def load_config(options: ConfigOptions) -> "Config":
    """The configuration. Raises ConfigErrors."""
    from dicom_exporter.config import load

    return load(options.config_file or [DEFAULT_CONFIG_FILE], **_environment(options))


def _load_again(options: Options) -> "Config":
    """The configuration, for a reload. Raises ConfigErrors."""
    from dicom_exporter.config import ConfigError, ConfigErrors, load_again
    from dicom_exporter.yamlfile.files import REPLACED, is_replaced

    if options.web_config_file and is_replaced(Path(options.web_config_file)):
        raise ConfigErrors([ConfigError(options.web_config_file, None, "", REPLACED)])
    return load_again(options.config_file or [DEFAULT_CONFIG_FILE], **_environment(options))


def _environment(options: ConfigOptions) -> dict[str, Any]:
    return {"expand_env": options.config_expand_env, "show_env": options.config_show_env}


def load_or_report(options: ConfigOptions) -> "Config | None":
    """The configuration; or None, after each mistake in it was written to stderr, one a line."""
    return _reported(options, lambda: load_config(options))


def _reported(options: ConfigOptions, load: Callable[[], T]) -> T | None:
    """What `load` returns; or None, after each mistake that it raises was written to stderr, one a line."""
    from dicom_exporter.config import ConfigErrors

    try:
        return load()
    except ConfigErrors as errors:
        _report(options, errors)
        return None


def _report(options: ConfigOptions, errors: "ConfigErrors") -> None:
    for error in errors.errors:
        complain(options, str(error))
    if options.config_file is None and not Path(DEFAULT_CONFIG_FILE).exists():
        complain(options, f"Another file: --config.file=FILE. None yet? `{PROGRAM} demo` shows what this is.")


def _load_both(options: Options, load_web: Callable[[str], T]) -> "tuple[Config, T | None]":
    """The configuration, and the web configuration as `load_web` loads it. Raises ConfigErrors."""
    from dicom_exporter.config import ConfigErrors

    errors: list[ConfigError] = []
    config, web_config = None, None
    try:
        config = load_config(options)
    except ConfigErrors as found:
        errors += found.errors
    try:
        web_config = load_web(options.web_config_file) if options.web_config_file else None
    except ConfigErrors as found:
        errors += found.errors
    if config is None or errors:
        raise ConfigErrors(errors)
    return config, web_config


@dataclass(frozen=True, slots=True)
class _Descriptors:
    """The file descriptors for connections, divided so that clients and peers cannot use up those of the others."""

    clients: int
    opening: int
    """With a web configuration: clients that are in a TLS handshake, or have sent nothing yet."""
    peers: int


def _allocate_descriptors(options: Options, limit: int) -> _Descriptors:
    """Divide `limit` file descriptors.

    Clients get what the requests and idle connections need, but at most half. Of these, connections that are opening
    (with a web configuration) get at most half. Peers get the rest, less those for our own files.

    A process that has no file descriptor left cannot accept a scrape: to Prometheus, it is down.
    """
    wanted = options.web_max_requests + _IDLE_CONNECTIONS if options.web_max_requests else limit
    reserved = min(_OWN_DESCRIPTORS, limit // 4)
    if not options.web_config_file:
        clients = max(1, min(wanted, limit // 2))
        return _Descriptors(clients, 0, max(1, limit - clients - reserved))
    from dicom_exporter.webconfig.site import FILES_OF_AN_OPENING, MAX_OPENING

    clients = max(1, min(wanted + MAX_OPENING * FILES_OF_AN_OPENING, limit // 2))
    peers = max(1, limit - clients - reserved)
    opening = max(1, min(MAX_OPENING, clients // 2 // FILES_OF_AN_OPENING))
    return _Descriptors(max(1, clients - opening * FILES_OF_AN_OPENING), opening, peers)


def _load_live(file: str) -> "LiveConfig":
    from dicom_exporter.webconfig.live import LiveConfig

    return LiveConfig(file)


def _begin(options: Options) -> "tuple[Config, LiveConfig | None, list[socket.socket]]":
    """Read the configuration and listen. May block for ever. Raises ConfigErrors, CannotListen."""
    from dicom_exporter.server.listening import ListenAddress, listen
    from dicom_exporter.server.systemd import passed_sockets

    config, web_config = _load_both(options, _load_live)
    if options.web_systemd_socket:
        return config, web_config, passed_sockets()
    return config, web_config, listen(options.web_listen_address or [ListenAddress("", DEFAULT_PORT)])


async def _serve(options: Options, announce: "Callable[[Sequence[ListenAddress]], None] | None") -> int:
    import asyncio

    from dicom_exporter.server.asked import Asked
    from dicom_exporter.threads import in_daemon_thread

    asked = Asked()
    beginning = in_daemon_thread(partial(_begin, options), "begin")
    stop = asyncio.create_task(asked.stop.wait())
    first: set[asyncio.Future[Any]] = {beginning, stop}
    await asyncio.wait(first, timeout=_BEGIN_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if asked.stop.is_set():
        beginning.cancel()
        return Exit.OK
    if not beginning.done():
        beginning.cancel()
        complain(options, f"{PROGRAM}: cannot begin within {_BEGIN_TIMEOUT:.0f} s: a file or its file system hangs")
        return Exit.COULD_NOT_RUN
    from dicom_exporter.config import ConfigErrors, notes
    from dicom_exporter.server.listening import CannotListen, ListenAddress

    try:
        config, web_config, sockets = beginning.result()
    except ConfigErrors as errors:
        _report(options, errors)
        return Exit.BAD_USAGE
    except CannotListen as error:
        another = "" if options.web_systemd_socket else ". Another address: --web.listen-address=HOST:PORT"
        complain(options, f"{PROGRAM}: {error}{another}")
        return Exit.COULD_NOT_RUN

    import structlog

    from dicom_exporter.cli import process
    from dicom_exporter.pages.history import History
    from dicom_exporter.prober.log import ProbeLog
    from dicom_exporter.prober.prober import Prober
    from dicom_exporter.server import lifecycle
    from dicom_exporter.server.limits import Traffic
    from dicom_exporter.server.reload import Reloader
    from dicom_exporter.server.state import State

    log = structlog.stdlib.get_logger(__name__)
    log.info("starting", version=__version__, targets=len(config.targets))
    budget = _allocate_descriptors(options, process.raise_file_limit())
    history, probe_log = History(config, options.history_limit), ProbeLog(config)

    def log_notes(config: "Config") -> None:
        for note in notes(config):
            log.warning("configuration", note=note)

    log_notes(config)

    def on_result(record: "ProbeRecord") -> None:
        probe_log.add(record)
        history.add(record)

    def on_ready() -> None:
        process.collect_garbage_less_often()
        if announce is not None:
            announce([ListenAddress(*sock.getsockname()[:2]) for sock in sockets])

    prober = Prober(config, on_result, max_connections=budget.peers)
    state = State(
        prober,
        Reloader(
            partial(_load_again, options),
            apply=(prober.reconfigure, history.reload, probe_log.reload, log_notes),
            success_time=time(),
        ),
        history,
        timeout_offset=options.timeout_offset,
        telemetry_path=options.web_telemetry_path,
        external_url=options.web_external_url,
        dashboard_url=options.web_dashboard_url,
        route_prefix=options.web_route_prefix,
        allowed_hosts=options.web_allowed_hosts or _own_names(options),
        traffic=Traffic(options.web_max_requests),
    )
    await lifecycle.serve(state, asked, sockets, budget.clients, web_config, on_ready, max_opening=budget.opening)
    return Exit.OK
