"""The file while the exporter runs: read again when it, or a file that it names, has changed."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from dicom_exporter.webconfig.handshake import ServerContext
from dicom_exporter.webconfig.load import MAX_BYTES, WebConfig, parse, read_material, tls_errors
from dicom_exporter.webconfig.tls import Material, server_context
from dicom_exporter.yamlfile.errors import ConfigError, ConfigErrors
from dicom_exporter.yamlfile.files import unreadable
from dicom_exporter.yamlfile.pem import PEMError
from dicom_exporter.yamlfile.snapshot import Snapshot, take

log = structlog.stdlib.get_logger(__name__)

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
    """The configuration in force, and its certificates. A check costs one stat for each file; a thread reads them.

    While the files cannot be used, every access raises ConfigErrors. It is logged once for each change.
    """

    def __init__(self, file: str) -> None:
        """Read `file` and everything that it names. Blocks. Raises ConfigErrors."""
        self._file = file
        self._read = _read(file, None)
        self._in_force = _usable(self._read.outcome)
        self._certified = _certify(self._in_force, None) if self._in_force.tls else None
        if self._certified is not None:
            _usable(self._certified.outcome)
        self._lock = asyncio.Lock()
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
        if not self._read.snapshot.is_current():
            async with self._lock:
                if not self._read.snapshot.is_current():
                    self._publish(await asyncio.to_thread(_read, self._file, self._read))
        return _usable(self._read.outcome)

    async def tls(self) -> ServerContext | None:
        """The TLS context for a client that connects now; None is plain HTTP. Raises ConfigErrors."""
        config = await self.current()
        if config.tls is None:
            return None
        certified = self._certified
        if certified is None or not certified.is_current(config):
            async with self._lock:
                certified = self._certified
                if certified is None or not certified.is_current(config):
                    certified = await asyncio.to_thread(_certify, config, certified)
                    self._publish_tls(certified)
        return _usable(certified.outcome)

    def _publish(self, read: _Read) -> None:
        before, self._read = self._read.outcome, read
        if read.outcome is before:
            return
        if isinstance(read.outcome, ConfigErrors):
            if str(read.outcome) != str(before):
                _log_errors("invalid web configuration: all requests are refused until it is corrected", read.outcome)
            return
        self._in_force = read.outcome
        log.info("web configuration read", **summary(read.outcome))
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


def summary(config: WebConfig) -> dict[str, bool | int]:
    """A configuration as the fields of a log line."""
    return {"tls": config.tls is not None, "users": len(config.users), "rate_limit": config.rate_limit.interval > 0}


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
