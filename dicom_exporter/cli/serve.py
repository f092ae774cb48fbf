"""The exporter itself, and the check of its configuration."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from dicom_exporter import DEFAULT_PORT, __version__, webconfig
from dicom_exporter.cli.parser import Exit
from dicom_exporter.cli.process import raise_file_limit, run
from dicom_exporter.config import Config, ConfigErrors, load
from dicom_exporter.pages.history import DEFAULT_LIMIT, History
from dicom_exporter.prober.log import ProbeLog
from dicom_exporter.prober.prober import Prober
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.server import State
from dicom_exporter.server import serve as serve_http
from dicom_exporter.server.external_url import ExternalURL
from dicom_exporter.server.limits import DEFAULT_MAX_REQUESTS, Traffic
from dicom_exporter.server.listening import CannotListen, ListenAddress, listen
from dicom_exporter.server.reload import applied

log = structlog.stdlib.get_logger(__name__)

_OWN_FILES = 64
"""For the log, listening sockets, name resolution, and files that are read."""
DEFAULT_CONFIG_FILE = "config.yml"
_IDLE_CONNECTIONS = 1024
"""Prometheus keeps up to a thousand to one exporter between its scrapes."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the command line says about serving."""

    config_files: Sequence[str] | None = None
    """Names or globs; None: `DEFAULT_CONFIG_FILE`."""
    expand_env: bool = False
    listen_addresses: Sequence[ListenAddress] | None = None
    """None: all interfaces, on `DEFAULT_PORT`."""
    web_config_file: str | None = None
    """None: plain HTTP, for everybody who can connect."""
    telemetry_path: str = "/metrics"
    external_url: ExternalURL | None = None
    timeout_offset: float = 0.5
    """Seconds."""
    max_requests: int = DEFAULT_MAX_REQUESTS
    """At once; 0 for any number."""
    history_limit: int = DEFAULT_LIMIT
    """Probes of a target that the pages show."""

    def load(self) -> Config:
        """Read the configuration. Raises ConfigErrors."""
        return load(self.config_files or [DEFAULT_CONFIG_FILE], expand_env=self.expand_env)


def check(options: ServeOptions) -> int:
    """Say on stdout that the configuration is good, or on stderr what is wrong with it, one mistake a line."""
    loaded = _load_both_or_complain(options, webconfig.load)
    if loaded is None:
        return Exit.BAD_USAGE
    config, web_config = loaded
    count = len(config.targets)
    sys.stdout.write(f"The configuration is valid: {count} target{'' if count == 1 else 's'}.\n")
    if web_config is not None:
        sys.stdout.write(f"The web configuration is valid: {webconfig.described(web_config)}.\n")
        sys.stderr.writelines(f"{note}\n" for note in web_config.notes)
    return Exit.OK


def serve(options: ServeOptions, announce: Callable[[Sequence[ListenAddress]], None] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. `announce` is told where, once requests are answered and signals heard."""
    loaded = _load_both_or_complain(options, webconfig.LiveConfig)
    if loaded is None:
        return Exit.BAD_USAGE
    config, web_config = loaded
    try:
        sockets = listen(options.listen_addresses or [ListenAddress("", DEFAULT_PORT)])
    except CannotListen as error:
        sys.stderr.write(f"dicom_exporter: {error}. Another address: --web.listen-address=HOST:PORT\n")
        return Exit.COULD_NOT_RUN
    files = raise_file_limit()

    def begun() -> None:
        if announce is not None:
            announce([ListenAddress(*sock.getsockname()[:2]) for sock in sockets])

    run(_serve(config, sockets, options, _share_out(options, files), web_config, begun))
    return Exit.OK


def load_or_complain(options: ServeOptions) -> Config | None:
    """The configuration, or None after each mistake in it is on stderr, in a line of its own."""
    try:
        return options.load()
    except ConfigErrors as errors:
        sys.stderr.writelines(f"{error}\n" for error in errors.errors)
        if options.config_files is None and not Path(DEFAULT_CONFIG_FILE).exists():
            sys.stderr.write("Another file: --config.file=FILE. None yet? `dicom_exporter demo` shows what this is.\n")
        return None


@dataclass(frozen=True, slots=True)
class _Connections:
    """How many there may be at once, so that neither side takes the other's file descriptors."""

    clients: int
    opening: int
    """Clients that are not among those yet: with a web configuration, those that have not said how they speak."""
    peers: int


def _share_out(options: ServeOptions, files: int) -> _Connections:
    """Clients: some who wait for nothing beside those who do, and, with a web configuration, those who shake hands,
    which are at most half of them; at most half of the `files` in all. Peers: all but our own.

    A process without a file descriptor left cannot accept a scrape: to Prometheus, it is down.
    """
    wanted = options.max_requests + _IDLE_CONNECTIONS if options.max_requests else files
    if options.web_config_file is not None:
        wanted += webconfig.MAX_OPENING * webconfig.FILES_OF_AN_OPENING
    clients = max(1, min(wanted, files // 2))
    peers = max(1, files - clients - min(_OWN_FILES, files // 4))
    if options.web_config_file is None:
        return _Connections(clients, 0, peers)
    opening = max(1, min(webconfig.MAX_OPENING, clients // 2 // webconfig.FILES_OF_AN_OPENING))
    return _Connections(max(1, clients - opening * webconfig.FILES_OF_AN_OPENING), opening, peers)


def _load_both_or_complain(options: ServeOptions, load_web: Callable[[str], T]) -> tuple[Config, T | None] | None:
    """The configuration, and what `load_web` makes of the one for the web; None after the mistakes of both are told."""
    config = load_or_complain(options)
    try:
        web_config = None if options.web_config_file is None else load_web(options.web_config_file)
    except webconfig.WebConfigErrors as errors:
        sys.stderr.writelines(f"{mistake}\n" for mistake in errors.mistakes)
        return None
    return None if config is None else (config, web_config)


async def _serve(
    config: Config,
    sockets: Sequence[socket.socket],
    options: ServeOptions,
    connections: _Connections,
    web_config: webconfig.LiveConfig | None,
    begun: Callable[[], None],
) -> None:
    log.info("starting", version=__version__, targets=len(config.targets))
    history, probe_log = History(config, options.history_limit), ProbeLog(config)

    def on_result(record: ProbeRecord) -> None:
        probe_log.add(record)
        history.add(record)

    state = State(
        Prober(config, on_result, max_connections=connections.peers),
        options.load,
        timeout_offset=options.timeout_offset,
        telemetry_path=options.telemetry_path,
        external_url=options.external_url,
        traffic=Traffic(options.max_requests),
        history=history,
        probe_log=probe_log,
    )
    applied(state)
    await serve_http(state, sockets, connections.clients, web_config, begun, max_opening=connections.opening)
