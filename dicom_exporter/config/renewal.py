"""The files of an identity that may be renewed while the exporter runs: passwords, tokens, certificates, keys.

    IdentityFiles ─> read_again ─> IdentityFiles        the same object if no file has changed, by its stat

A file that cannot be used leaves in place what was read of it last. Nothing here says what a file holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from dicom_exporter.config.build.tls import MAX_FILE_BYTES as MAX_PEM_BYTES
from dicom_exporter.config.build.tls import tls_settings
from dicom_exporter.config.model import Identity, TLSBlock
from dicom_exporter.config.secret import MAX_FILE_BYTES as MAX_SECRET_BYTES
from dicom_exporter.config.secret import Secret, parse_secret, parse_token
from dicom_exporter.yamlfile.files import unreadable
from dicom_exporter.yamlfile.pem import PEMError
from dicom_exporter.yamlfile.snapshot import Snapshot, take

_USER = "user_identity.password_file"
_BASIC = "http.basic_auth.password_file"
_TOKEN = "http.bearer_token_file"  # noqa: S105 - a key of the configuration
_PARSE: Mapping[str, Callable[[bytes, Path, str], Secret]] = {
    _USER: parse_secret,
    _BASIC: parse_secret,
    _TOKEN: parse_token,
}
"""Key of a file that holds a secret -> how that is read."""
_TLS_FILES = ("ca_file", "cert_file", "key_file")


@dataclass(frozen=True, slots=True)
class IdentityFiles:
    """The files of an identity, as they were read last."""

    identity: Identity
    """With the last contents of each file that could be used."""
    snapshots: Mapping[str, Snapshot] = field(default_factory=dict, repr=False)
    """Key of the configuration, inside of the identity, -> its file; empty before the first `read_again`."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Key of each file that cannot be used -> why, in words that show nothing of its contents."""


def files_of(identity: Identity) -> dict[str, Path]:
    """The files that `identity` was read from, by their key of the configuration inside of the identity."""
    found = {key: secret.file for key, secret in secrets_of(identity).items() if secret.file is not None}
    if identity.tls is not None:
        paths = {f"tls.{key}": getattr(identity.tls, key) for key in _TLS_FILES}
        found |= {key: path for key, path in paths.items() if path is not None}
    return found


def read_again(files: IdentityFiles) -> IdentityFiles:
    """Read the files that have changed since `files`, and try again what is broken. Blocks.

    Where nothing has changed, and nothing is broken, `files` itself is returned.
    """
    snapshots = {key: _latest(key, path, files.snapshots.get(key)) for key, path in files_of(files.identity).items()}
    if not files.broken and all(snapshot is files.snapshots.get(key) for key, snapshot in snapshots.items()):
        return files
    identity = files.identity
    broken: dict[str, str] = {}
    for key, secret in secrets_of(identity).items():
        if key not in snapshots:
            continue
        try:
            renewed = _parse(key, snapshots[key])
        except ValueError as error:
            broken[key] = str(error)
            continue
        if renewed != secret:
            identity = _with_secret(identity, key, renewed)
    try:
        identity = _with_tls(identity, snapshots)
    except PEMError as error:
        broken[f"tls.{error.key}"] = str(error)
    return IdentityFiles(identity, snapshots, broken)


def _latest(key: str, path: Path, before: Snapshot | None) -> Snapshot:
    if before is not None and not isinstance(before.contents, OSError) and before.is_current():
        return before  # what could not be read may be readable now, though its stat is the same
    return take(path, MAX_SECRET_BYTES if key in _PARSE else MAX_PEM_BYTES)


def _parse(key: str, snapshot: Snapshot) -> Secret:
    name = snapshot.path.name
    try:
        data = snapshot.data()
    except OSError as error:
        raise ValueError(unreadable(error, name)) from None
    return _PARSE[key](data, snapshot.path, name)


def secrets_of(identity: Identity) -> dict[str, Secret]:
    """The passwords and tokens of `identity`, by their key of the configuration inside of the identity."""
    user, http = identity.user_identity, identity.http
    found = {
        _USER: None if user is None else user.password,
        _BASIC: None if http is None or http.basic_auth is None else http.basic_auth.password,
        _TOKEN: None if http is None else http.bearer_token,
    }
    return {key: secret for key, secret in found.items() if secret is not None}


def _with_secret(identity: Identity, key: str, secret: Secret) -> Identity:
    user, http = identity.user_identity, identity.http
    if key == _USER and user is not None:
        return replace(identity, user_identity=replace(user, password=secret))
    if key == _BASIC and http is not None and http.basic_auth is not None:
        return replace(identity, http=replace(http, basic_auth=replace(http.basic_auth, password=secret)))
    if key == _TOKEN and http is not None:
        return replace(identity, http=replace(http, bearer_token=secret))
    raise KeyError(key)


def _with_tls(identity: Identity, snapshots: Mapping[str, Snapshot]) -> Identity:
    """`identity` with the context that its files make now. Raises PEMError."""
    tls = identity.tls
    by_path = {snapshot.path: snapshot for key, snapshot in snapshots.items() if key.startswith("tls.")}
    if tls is None or not by_path:
        return identity
    block = {each.name: getattr(tls, each.name) for each in fields(TLSBlock)}
    renewed = tls_settings(**block, read=lambda path: by_path[path].data(), before=tls)
    return identity if renewed is tls else replace(identity, tls=renewed)
