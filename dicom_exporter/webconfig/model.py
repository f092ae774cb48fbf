"""The keys of the file, and the values of each.

The format is that of Prometheus' exporter-toolkit, `docs/web-configuration.md`. A value that Python's ssl cannot
implement is refused, with the reason.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_core import PydanticUseDefault

from dicom_exporter.webconfig.values import (
    read_burst,
    read_choice,
    read_flag,
    read_hash,
    read_header,
    read_interval,
    read_text,
)
from dicom_exporter.yamlfile.validation import Block, keys_of

VERSIONS: Mapping[str, ssl.TLSVersion] = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_OLD_VERSION = "RFC 8996 forbids it, and current builds of OpenSSL refuse it; the minimum is TLS12"
_REFUSED_VERSIONS = {"TLS10": _OLD_VERSION, "TLS11": _OLD_VERSION}

AUTH_TYPES: Mapping[str, ssl.VerifyMode] = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED = "Python's ssl verifies every certificate that it asks for; use RequireAndVerifyClientCert"
_REFUSED_AUTH_TYPES = {
    "RequestClientCert": _UNVERIFIED,
    "RequireAnyClientCert": _UNVERIFIED,
    "RequireClientCert": _UNVERIFIED,
}

TLS13_SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
"""Always enabled with TLS 1.3, as in Go: neither Go nor Python can choose among them."""
CIPHER_SUITES: Mapping[str, str] = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
}
"""The suites of TLS 1.2 that Go's crypto/tls calls secure, and their names in OpenSSL."""

CURVES: Mapping[str, str] = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}


def _one_of(choices: Mapping[str, object], refused: Mapping[str, str] | None = None) -> BeforeValidator:
    return BeforeValidator(partial(read_choice, choices=choices, refused=refused))


_Text = Annotated[str, BeforeValidator(read_text)]
_Flag = Annotated[bool, BeforeValidator(read_flag)]
_Header = Annotated[str, BeforeValidator(read_header)]
_Secret = Annotated[SecretStr, BeforeValidator(read_text)]
_Hash = Annotated[SecretStr, BeforeValidator(read_hash)]
_Version = Annotated[str, _one_of(VERSIONS, _REFUSED_VERSIONS)]
_Suite = Annotated[str, _one_of(CIPHER_SUITES | dict.fromkeys(TLS13_SUITES))]


_NO_SECRET = SecretStr("")


class _Block(Block):
    """A block in which a key without a value is the same as no key."""

    @classmethod
    def read_empty(cls, field: str) -> object:
        raise PydanticUseDefault


@dataclass(frozen=True)
class TLSServerConfig(_Block):
    """`tls_server_config`. Empty text is the same as no key."""

    cert: _Text = ""
    key: _Secret = _NO_SECRET
    client_ca: _Text = ""
    cert_file: _Text = ""
    key_file: _Text = ""
    client_auth_type: Annotated[str, _one_of({"": None, **AUTH_TYPES}, _REFUSED_AUTH_TYPES)] = ""
    client_ca_file: _Text = ""
    client_allowed_sans: tuple[_Text, ...] | None = None
    min_version: _Version = "TLS12"
    max_version: _Version = "TLS13"
    cipher_suites: tuple[_Suite, ...] = ()
    prefer_server_cipher_suites: _Flag = True
    curve_preferences: tuple[Annotated[str, _one_of(CURVES)], ...] = ()

    @property
    def verify_mode(self) -> ssl.VerifyMode:
        """Whether a client has to present a certificate."""
        return AUTH_TYPES[self.client_auth_type or "NoClientCert"]


@dataclass(frozen=True)
class Headers(_Block):
    """`http_server_config.headers`: empty text is no header."""

    content_security_policy: Annotated[_Header, Field(alias="Content-Security-Policy")] = ""
    x_frame_options: Annotated[
        str, _one_of(dict.fromkeys(("deny", "sameorigin", ""))), Field(alias="X-Frame-Options")
    ] = ""
    x_content_type_options: Annotated[
        str, _one_of(dict.fromkeys(("nosniff", ""))), Field(alias="X-Content-Type-Options")
    ] = ""
    x_xss_protection: Annotated[_Header, Field(alias="X-XSS-Protection")] = ""
    strict_transport_security: Annotated[_Header, Field(alias="Strict-Transport-Security")] = ""

    UNKNOWN_KEY: ClassVar[str]


Headers.UNKNOWN_KEY = f"this header cannot be set, only {', '.join(keys_of(Headers))}"


@dataclass(frozen=True)
class HTTPServerConfig(_Block):
    """`http_server_config`."""

    http2: _Flag = True
    headers: Headers = field(default_factory=Headers)


@dataclass(frozen=True)
class RateLimit(_Block):
    """`rate_limit`: a request each `interval` seconds, and `burst` at once; no limit if `interval` is 0."""

    interval: Annotated[float, BeforeValidator(read_interval)] = 0.0
    burst: Annotated[int, BeforeValidator(read_burst)] = 0


@dataclass(frozen=True)
class WebFile(_Block):
    """The whole file."""

    tls_server_config: TLSServerConfig = field(default_factory=TLSServerConfig)
    http_server_config: HTTPServerConfig = field(default_factory=HTTPServerConfig)
    basic_auth_users: Mapping[str, _Hash] = field(default_factory=dict)
    rate_limit: RateLimit = field(default_factory=RateLimit)
