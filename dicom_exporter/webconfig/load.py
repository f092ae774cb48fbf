"""The file -> a `WebConfig`, or every mistake in it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dicom_exporter.webconfig.document import Document, KeyPath, Mistake, WebConfigErrors, read_document
from dicom_exporter.webconfig.model import (
    CIPHER_SUITES,
    Headers,
    HTTPServerConfig,
    RateLimit,
    TLSServerConfig,
    WebFile,
    keys_of,
)
from dicom_exporter.webconfig.tls import Material, TLSMistake, server_context
from dicom_exporter.webconfig.values import did_you_mean, hash_cost, shown

_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What the file says, checked by itself; the certificates' files are read when a client connects."""

    document: Document = field(repr=False)
    tls: TLSServerConfig | None
    """None: plain HTTP."""
    headers: Mapping[str, str]
    users: Mapping[bytes, bytes] = field(repr=False)
    """Names and bcrypt hashes; where there are none, everybody may ask."""
    costs: tuple[int, ...]
    """The costs of those hashes."""
    rate_limit: RateLimit
    notes: tuple[Mistake, ...]
    """What is no mistake, but may surprise."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing in the file, not even `{}`."""
        return self.document.data is None

    def file(self, name: str) -> Path:
        """Where a file is that the configuration names: beside the configuration."""
        return Path(self.document.file).parent / name


def load(file: str) -> WebConfig:
    """Read the file and check everything, the certificates too. Blocks. Raises WebConfigErrors."""
    try:
        data = read_bytes(Path(file))
    except OSError as error:
        raise WebConfigErrors([Mistake(file, None, "", f"cannot read the file: {error.strerror or error}")]) from None
    config = parse(file, data)
    if config.tls is not None:
        try:
            server_context(config.tls, read_material(config, read_bytes))
        except TLSMistake as mistake:
            raise WebConfigErrors([config.document.mistake(mistake.path, str(mistake))]) from None
    return config


def parse(file: str, contents: bytes) -> WebConfig:
    """Check the contents of the file, but not the files that it names. Raises WebConfigErrors."""
    document = read_document(file, contents)
    data = {} if document.data is None else document.data
    if not isinstance(data, dict):
        keys = ", ".join(WebFile.model_fields)
        raise WebConfigErrors([document.mistake((), f"{shown(data)} is not a mapping with the keys {keys}")])
    # All lines of a section commented out is an accident, and to take it for "no password" would be another.
    bare = [key for key in WebFile.model_fields if key in data and data[key] is None]
    if bare:
        message = "has nothing in it: leave the key out, or write {}"
        raise WebConfigErrors(document.mistake((key,), message) for key in bare)
    try:
        content = WebFile.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise WebConfigErrors(_sorted(document.mistake(each["loc"], _message(each)) for each in found)) from None
    tls = content.tls_server_config
    mistakes = [document.mistake((section, *path), message) for section, path, message in _across(content)]
    if mistakes:
        raise WebConfigErrors(_sorted(iter(mistakes)))
    users = {name.encode(): each.get_secret_value().encode() for name, each in content.basic_auth_users.items()}
    headers = content.http_server_config.headers.model_dump(by_alias=True)
    return WebConfig(
        document,
        tls if tls.model_fields_set else None,
        {name: value for name, value in headers.items() if value},
        users,
        tuple(hash_cost(each) for each in users.values()),
        content.rate_limit,
        tuple(document.mistake(path, message) for path, message in _notes(content)),
    )


def read_material(config: WebConfig, read_file: Callable[[Path], bytes]) -> Material:
    """Read the certificates that the configuration names, with a `read_file` that raises OSError. Raises TLSMistake."""
    tls = config.tls
    assert tls is not None

    def read(key: str, name: str, text: str) -> bytes:
        if not name:
            return text.encode()
        try:
            return read_file(config.file(name))
        except OSError as error:
            raise TLSMistake(key, f"cannot read {shown(name)}: {error.strerror or error}") from None
        except ValueError:  # a NUL in it
            raise TLSMistake(key, f"{shown(name)} is not a file's name") from None

    return Material(
        read("cert_file", tls.cert_file, tls.cert),
        read("key_file", tls.key_file, tls.key.get_secret_value()),
        read("client_ca_file", tls.client_ca_file, tls.client_ca) if tls.client_ca_file or tls.client_ca else None,
    )


def read_bytes(path: Path) -> bytes:
    """Read a file that is small. Raises OSError, also where it is not."""
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise OSError(f"it is larger than {_MAX_BYTES >> 20} MiB")
    return data


def _across(content: WebFile) -> Iterator[tuple[str, KeyPath, str]]:
    """What is wrong with keys together: section, key, message."""
    tls = content.tls_server_config
    section = "tls_server_config"
    if not tls.model_fields_set:
        return
    pairs = (
        ("cert", "cert_file", tls.cert, tls.cert_file),
        ("key", "key_file", tls.key.get_secret_value(), tls.key_file),
        ("client_ca", "client_ca_file", tls.client_ca, tls.client_ca_file),
    )
    for inline, file, text, name in pairs:
        if text and name:
            yield section, (inline,), f"stands here beside {file}: only one of them"
        elif not text and not name and inline != "client_ca":
            yield section, (), f"'{file}' (or '{inline}') is missing"
    verified = tls.client_auth_type not in ("", "NoClientCert")
    if not verified:
        wants = "client_auth_type: RequireAndVerifyClientCert"
        for key in ("client_ca_file", "client_ca", "client_allowed_sans"):
            if getattr(tls, key):
                yield section, (key,), f"no client is asked for a certificate: this takes {wants}"
    if tls.client_allowed_sans == []:
        yield section, ("client_allowed_sans",), "is an empty list, so that no client would be let in"
    if tls.min_version > tls.max_version:
        yield section, ("min_version",), f"{tls.min_version} is newer than max_version, {tls.max_version}"
    elif tls.max_version == "TLS12" and tls.cipher_suites and not CIPHER_SUITES.keys() & set(tls.cipher_suites):
        yield section, ("cipher_suites",), "are all of TLS 1.3, which max_version excludes"


def _notes(content: WebFile) -> Iterator[tuple[KeyPath, str]]:
    tls = content.tls_server_config
    if tls.verify_mode and not (tls.client_ca_file or tls.client_ca):
        message = "without client_ca_file, a certificate from any authority that this system trusts is let in"
        yield ("tls_server_config", "client_auth_type"), message
    if "http2" in content.http_server_config.model_fields_set and content.http_server_config.http2:
        yield ("http_server_config", "http2"), "this server speaks HTTP/1.1 only; every client of HTTP/2 does, too"
    if set(tls.curve_preferences) > {"X25519", "CurveP256"} and len(set(tls.curve_preferences)) == 4:
        yield ("tls_server_config", "curve_preferences"), "their order is left to OpenSSL"


def _message(details: ErrorDetails) -> str:
    """One of pydantic's errors in our words. Inputs are not shown: one may be a secret."""
    kind = details["type"]
    if kind == "extra_forbidden":
        *block, key = details["loc"]
        keys = keys_of(_block_at(tuple(map(str, block))))
        near = did_you_mean(str(key), keys)
        if block and block[-1] == "headers":
            return f"this header cannot be set, only {', '.join(keys)}{near}"
        return f"unknown key{near}"
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind in ("model_type", "dict_type"):
        return "is not a mapping (`key: value`)"
    if kind == "list_type":
        return "is not a list"
    return details["msg"]


def _block_at(path: tuple[str, ...]) -> type[BaseModel]:
    blocks: dict[tuple[str, ...], type[BaseModel]] = {
        (): WebFile,
        ("tls_server_config",): TLSServerConfig,
        ("http_server_config",): HTTPServerConfig,
        ("http_server_config", "headers"): Headers,
        ("rate_limit",): RateLimit,
    }
    return blocks[path]


def _sorted(mistakes: Iterator[Mistake]) -> list[Mistake]:
    return sorted(mistakes, key=lambda mistake: mistake.line or 0)
