"""The file while the exporter runs: read again when it, or a file that it names, has changed."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from dicom_exporter.threads import DaemonWorker
from dicom_exporter.webconfig.handshake import ServerContext
from dicom_exporter.webconfig.load import MAX_BYTES, WebConfig, parse, read_material, tls_errors
from dicom_exporter.webconfig.tls import Material, server_context
from dicom_exporter.yamlfile.errors import ConfigError, ConfigErrors
from dicom_exporter.yamlfile.files import unreadable
from dicom_exporter.yamlfile.pem import PEMError
from dicom_exporter.yamlfile.snapshot import Snapshot, take

log = structlog.stdlib.get_logger(__name__)

MAX_WAIT = 0.5
"""Seconds that a request waits for the files."""
HANGS_AFTER = 5.0
"""Seconds after which it is logged that they cannot be read."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Read:
    """The contents of the file, and the configuration or the errors in it."""

    snapshot: Snapshot
    outcome: WebConfig | ConfigErrors


@dataclass(frozen=True, slots=True)
class _Certified:
    """The contents of the certificate files, and the TLS context or the errors in them."""

    config: WebConfig
    snapshots: tuple[Snapshot, ...]
    material: Material | None
    outcome: ServerContext | ConfigErrors

    def is_current(self, config: WebConfig) -> bool:
        return self.config is config and all(snapshot.is_current() for snapshot in self.snapshots)


class LiveConfig:
    """The configuration in force, and its certificates. A thread looks at the files for each request and connection.

    While the files cannot be used, every access raises ConfigErrors. It is logged once for each change. While they
    cannot even be looked at, as on a mount that hangs, what was read last stays in force, and nobody waits for them.
    """

    def __init__(self, file: str) -> None:
        """Read `file` and everything that it names. Blocks. Raises ConfigErrors."""
        self._file = file
        self._read = _read(file, None)
        self._in_force = _usable(self._read.outcome)
        self._certified = _certify(self._in_force, None) if self._in_force.tls else None
        if self._certified is not None:
            _usable(self._certified.outcome)
        self._look: asyncio.Future[_Seen] | None = None
        self._begun = 0.0
        self._worker = DaemonWorker("web-config")
        self._next: asyncio.Future[None] | None = None
        """For those who asked while a look was under way: it may have missed the latest change."""
        self._reported = False
        _log_notes(self._in_force)

    @property
    def in_force(self) -> WebConfig:
        """The last valid configuration; nothing is read."""
        return self._in_force

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers for every response, also while the file cannot be used."""
        return self._in_force.headers

    async def current(self) -> WebConfig:
        """The configuration in the file as it is now. Raises ConfigErrors."""
        await self._look_again()
        return _usable(self._read.outcome)

    async def tls(self) -> ServerContext | None:
        """The TLS context for a client that connects now; None is plain HTTP. Raises ConfigErrors."""
        config = await self.current()
        if config.tls is None:
            return None
        assert self._certified is not None  # read together with the configuration
        return _usable(self._certified.outcome)

    async def _look_again(self) -> None:
        """Wait for a look at the files that begins now or later, but not for one that hangs."""
        loop = asyncio.get_running_loop()
        if self._look is None:
            self._begin(loop)
        elif (under_way := loop.time() - self._begun) > MAX_WAIT:
            if under_way > HANGS_AFTER and not self._reported:
                self._reported = True
                log.error("web configuration cannot be read in time: what was read last stays in force")
            return
        elif self._next is None:
            self._next = loop.create_future()
        awaited = self._next or self._look
        if awaited is not None:
            await asyncio.wait({awaited}, timeout=MAX_WAIT)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # no thread can be started now
            self._look = self._worker.begin(partial(_see, self._file, _Seen(self._read, self._certified)))
            self._begun = loop.time()
            self._look.add_done_callback(self._seen)

    def _seen(self, look: "asyncio.Future[_Seen]") -> None:
        self._look, self._reported = None, False
        if (bug := look.exception()) is not None:
            log.error("bug, please report it", error=type(bug).__name__)
        else:
            seen = look.result()
            self._publish(seen.read)
            if seen.certified is not None and seen.certified is not self._certified:
                self._publish_tls(seen.certified)
        if self._next is not None:
            waiting, self._next = self._next, None
            self._begin(asyncio.get_running_loop())
            if self._look is None:
                waiting.set_result(None)
            else:
                self._look.add_done_callback(lambda _: waiting.set_result(None))

    def _publish(self, read: _Read) -> None:
        before, self._read = self._read.outcome, read
        if read.outcome is before:
            return
        if isinstance(read.outcome, ConfigErrors):
            if str(read.outcome) != str(before):
                _log_errors("invalid web configuration: all requests are refused until it is corrected", read.outcome)
            return
        self._in_force = read.outcome
        log.info("web configuration read", **read.outcome.summary)
        _log_notes(read.outcome)

    def _publish_tls(self, certified: _Certified) -> None:
        before = self._certified
        self._certified = certified
        if before is not None and certified.outcome is before.outcome:
            return
        if isinstance(certified.outcome, ConfigErrors):
            if before is None or str(certified.outcome) != str(before.outcome):
                _log_errors(
                    "certificate cannot be used: all connections are refused until it is corrected", certified.outcome
                )
            return
        log.info("certificate read")


@dataclass(frozen=True, slots=True)
class _Seen:
    """Everything that was read."""

    read: _Read
    certified: _Certified | None


def _see(file: str, before: _Seen) -> _Seen:
    """Read what has changed since `before`. Blocks."""
    read, certified = before.read, before.certified
    if not read.snapshot.is_current():
        read = _read(file, read)
    config = read.outcome
    if isinstance(config, WebConfig) and config.tls and (certified is None or not certified.is_current(config)):
        certified = _certify(config, certified)
    return _Seen(read, certified)


def described(config: WebConfig) -> str:
    """A configuration in words: ``TLS with client certificates, 2 users, no rate limit``."""
    tls = "plain HTTP"
    if config.tls is not None:
        certificates = {
            ssl.CERT_NONE: "",
            ssl.CERT_OPTIONAL: " with optional client certificates",
            ssl.CERT_REQUIRED: " with client certificates",
        }
        tls = f"TLS{certificates[config.tls.verify_mode]}"
    count = len(config.users)
    users = f"{count} user{'' if count == 1 else 's'}" if count else "no passwords"
    return f"{tls}, {users}, {'a' if config.rate_limit.interval else 'no'} rate limit"


def _read(file: str, before: _Read | None) -> _Read:
    """Read the file. Where its contents are the same as `before`, so is the outcome."""
    snapshot = take(Path(file), MAX_BYTES)
    try:
        data = snapshot.data()
    except OSError as error:
        return _Read(snapshot, ConfigErrors([ConfigError(file, None, "", unreadable(error))]))
    if before is not None and before.snapshot.contents == data:
        return _Read(snapshot, before.outcome)
    try:
        config = parse(file, data)
    except ConfigErrors as errors:
        return _Read(snapshot, errors)
    if before is not None and config.empty:
        # Most likely it is being written. To read it as "no password" would admit everyone for that moment.
        message = "the file is empty; for neither TLS nor passwords, write {} into it"
        return _Read(snapshot, ConfigErrors([ConfigError(file, None, "", message)]))
    return _Read(snapshot, config)


def _certify(config: WebConfig, before: _Certified | None) -> _Certified:
    """Read the certificates. Where they are the same as `before`, so is the context, with its TLS sessions."""
    assert config.tls is not None
    snapshots: list[Snapshot] = []

    def read(path: Path) -> bytes:
        snapshots.append(take(path, MAX_BYTES))
        return snapshots[-1].data()

    try:
        material = read_material(config, read)
        if before is not None and before.config is config and before.material == material:
            return _Certified(config, tuple(snapshots), material, before.outcome)
        return _Certified(config, tuple(snapshots), material, server_context(config.tls, material))
    except PEMError as error:
        return _Certified(config, tuple(snapshots), None, tls_errors(config, error))


def _usable(outcome: T | ConfigErrors) -> T:
    """Return the outcome, or raise a new exception: one raised again would keep the frames of all earlier callers."""
    if isinstance(outcome, ConfigErrors):
        raise ConfigErrors(outcome.errors)
    return outcome


def _log_errors(message: str, errors: ConfigErrors) -> None:
    for error in errors.errors:
        log.error(message, error=str(error))


def _log_notes(config: WebConfig) -> None:
    for note in config.notes:
        log.warning("web configuration", note=str(note))
