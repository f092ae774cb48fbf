"""The file -> a `WebConfig`, or every error in it at once."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path

from dicom_exporter.text import shown
from dicom_exporter.webconfig.model import CIPHER_SUITES, CURVES, Headers, RateLimit, TLSServerConfig, WebFile
from dicom_exporter.webconfig.tls import Material, server_context
from dicom_exporter.webconfig.values import USUAL_COST, hash_cost
from dicom_exporter.yamlfile.document import Document, read_document
from dicom_exporter.yamlfile.errors import ConfigError, ConfigErrors, KeyPath
from dicom_exporter.yamlfile.files import EXPOSED, is_exposed, read_bytes, unreadable
from dicom_exporter.yamlfile.pem import PEMError
from dicom_exporter.yamlfile.validation import keys_of, validate

MAX_BYTES = 1 << 20
"""Of the file, and of each file that it names."""
_TLS = "tls_server_config"


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The contents of the file, valid by themselves; the certificate files are read when a client connects."""

    document: Document = field(repr=False)
    tls: TLSServerConfig | None
    """None: plain HTTP."""
    headers: Mapping[str, str]
    users: Mapping[bytes, bytes] = field(repr=False)
    """Names and bcrypt hashes; if there are none, no password is asked for."""
    costs: tuple[int, ...]
    """The costs of those hashes."""
    rate_limit: RateLimit
    notes: tuple[ConfigError, ...]
    """Warnings: what is valid, but may not be what the user expects."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing in the file, not even `{}`."""
        return self.document.data is None

    @property
    def summary(self) -> Mapping[str, bool | int]:
        """What is in it, as the fields of a log line."""
        return {"tls": self.tls is not None, "users": len(self.users), "rate_limit": self.rate_limit.interval > 0}

    def file(self, name: str) -> Path:
        """The path of a file that the configuration names, relative to its own directory."""
        return self.document.directory / name


def load(file: str) -> WebConfig:
    """Read the file and check everything, the certificates too. Blocks. Raises ConfigErrors."""
    try:
        data = read_bytes(Path(file), MAX_BYTES)
    except OSError as error:
        raise ConfigErrors([ConfigError(file, None, "", unreadable(error))]) from None
    config = parse(file, data)
    if config.tls is not None:
        try:
            server_context(config.tls, read_material(config, lambda path: read_bytes(path, MAX_BYTES)))
        except PEMError as error:
            raise tls_errors(config, error) from None
    return config


def parse(file: str, contents: bytes) -> WebConfig:
    """Check the contents of the file, but not the files that it names. Raises ConfigErrors."""
    document = read_document(file, contents, typed=False)
    if document.errors:
        raise ConfigErrors(document.sorted_errors())
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        message = f"{shown(data)} is not a mapping with the keys {', '.join(keys_of(WebFile))}"
        raise ConfigErrors([document.error((), message)])
    # A section whose lines are all commented out is a slip. To read it as "no password" would be dangerous.
    for key in keys_of(WebFile):
        if key in data and data[key] is None:
            document.report((key,), "has nothing in it: leave the key out, or write {}")
    content = None if document.errors else validate(WebFile, document, (), data, show=False)
    has_tls = bool(_given(data, _TLS))
    if content is not None and has_tls:
        for path, message in _contradictions(content.tls_server_config):
            document.report((_TLS, *path), message)
    if content is None or document.errors:
        raise ConfigErrors(document.sorted_errors())
    users = {name.encode(): each.get_secret_value().encode() for name, each in content.basic_auth_users.items()}
    headers = zip(keys_of(Headers), astuple(content.http_server_config.headers), strict=True)
    return WebConfig(
        document,
        content.tls_server_config if has_tls else None,
        {name: value for name, value in headers if value},
        users,
        tuple(hash_cost(each) for each in users.values()),
        content.rate_limit,
        tuple(
            document.error(path, message) for path, message in (*_notes(content, data), *_exposed(document, content))
        ),
    )


def tls_errors(config: WebConfig, error: PEMError) -> ConfigErrors:
    """The errors to raise if `tls_server_config` cannot be used."""
    return ConfigErrors([config.document.error((_TLS, error.key), str(error))])


def _given(data: Mapping[str, object], section: str) -> set[str]:
    """The keys of a section that have a value."""
    block = data.get(section)
    return {key for key, value in block.items() if value is not None} if isinstance(block, dict) else set()


def read_material(config: WebConfig, read_file: Callable[[Path], bytes]) -> Material:
    """Read the certificates that the configuration names, with a `read_file` that raises OSError. Raises PEMError."""
    tls = config.tls
    assert tls is not None

    def read(key: str, name: str, text: str) -> bytes:
        if not name:
            return text.encode()
        try:
            return read_file(config.file(name))
        except (OSError, ValueError) as error:
            raise PEMError(key, unreadable(error, name)) from None

    return Material(
        read("cert_file", tls.cert_file, tls.cert),
        read("key_file", tls.key_file, tls.key.get_secret_value()),
        read("client_ca_file", tls.client_ca_file, tls.client_ca) if tls.client_ca_file or tls.client_ca else None,
    )


def _contradictions(tls: TLSServerConfig) -> Iterator[tuple[KeyPath, str]]:
    """Keys of `tls_server_config` that do not fit together: where, and the message."""
    pairs = (
        ("cert", "cert_file", tls.cert, tls.cert_file),
        ("key", "key_file", tls.key.get_secret_value(), tls.key_file),
        ("client_ca", "client_ca_file", tls.client_ca, tls.client_ca_file),
    )
    for inline, file, text, name in pairs:
        if text and name:
            yield (inline,), f"cannot be used together with {file}: leave one of them out"
        elif not text and not name and inline != "client_ca":
            yield (), f"'{file}' (or '{inline}') is missing"
    if tls.verify_mode == ssl.CERT_NONE:
        for key in ("client_ca_file", "client_ca", "client_allowed_sans"):
            if getattr(tls, key):
                yield (
                    (key,),
                    "clients are not asked for a certificate: set client_auth_type: RequireAndVerifyClientCert",
                )
    if tls.client_allowed_sans == ():
        yield ("client_allowed_sans",), "is an empty list: no client would be accepted"
    if tls.min_version > tls.max_version:
        yield ("min_version",), f"{tls.min_version} is newer than max_version, {tls.max_version}"
    elif tls.max_version == "TLS12" and tls.cipher_suites and not CIPHER_SUITES.keys() & set(tls.cipher_suites):
        yield ("cipher_suites",), "are all of TLS 1.3, which max_version excludes"


def _exposed(document: Document, content: WebFile) -> Iterator[tuple[KeyPath, str]]:
    """Secrets that every user of the machine may read, in the file itself or in the one with the private key."""
    tls = content.tls_server_config
    if is_exposed(Path(document.file)):
        if content.basic_auth_users:
            yield ("basic_auth_users",), EXPOSED
        if tls.key.get_secret_value():
            yield (_TLS, "key"), EXPOSED
    if tls.key_file and is_exposed(document.directory / tls.key_file):
        yield (_TLS, "key_file"), EXPOSED


def _notes(content: WebFile, data: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
    for name, hashed in content.basic_auth_users.items():
        if (cost := hash_cost(hashed.get_secret_value().encode())) > USUAL_COST:
            message = f"a bcrypt hash of cost {cost} takes {2 ** (cost - USUAL_COST)} s or so to check: use 10 to 12"
            yield ("basic_auth_users", name), message
    tls = content.tls_server_config
    if tls.verify_mode and not (tls.client_ca_file or tls.client_ca):
        message = "without client_ca_file, a certificate from any authority that this system trusts is accepted"
        yield (_TLS, "client_auth_type"), message
    if "http2" in _given(data, "http_server_config") and content.http_server_config.http2:
        yield ("http_server_config", "http2"), "this server supports HTTP/1.1 only; HTTP/2 clients fall back to it"
    if len(set(tls.curve_preferences)) == len(CURVES):
        yield (_TLS, "curve_preferences"), "OpenSSL chooses their order"
