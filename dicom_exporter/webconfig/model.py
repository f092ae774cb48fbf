"""What may stand in the file: its keys, and what each of them takes.

The format is that of Prometheus' exporter-toolkit, `docs/web-configuration.md`. Where a value means something that
Python's ssl cannot do, the value is refused, with the reason.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from dicom_exporter.webconfig.values import (
    check_hash,
    read_burst,
    read_choice,
    read_flag,
    read_header,
    read_interval,
    read_text,
)

VERSIONS: Mapping[str, ssl.TLSVersion] = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_OLD_VERSION = "RFC 8996 forbids it, and OpenSSL as it is built today refuses it; TLS12 is the least"
_REFUSED_VERSIONS = {"TLS10": _OLD_VERSION, "TLS11": _OLD_VERSION}

AUTH_TYPES: Mapping[str, ssl.VerifyMode] = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED = "Python's ssl asks for no certificate that it does not verify; use RequireAndVerifyClientCert"
_REFUSED_AUTH_TYPES = {
    "RequestClientCert": _UNVERIFIED,
    "RequireAnyClientCert": _UNVERIFIED,
    "RequireClientCert": _UNVERIFIED,
}

TLS13_SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
"""Always on where TLS 1.3 is, as in Go: neither Go nor Python can choose among them."""
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
"""The suites of TLS 1.2 that Go's crypto/tls calls secure, and what OpenSSL calls them."""

CURVES: Mapping[str, str] = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}

Text = Annotated[str, BeforeValidator(read_text)]
Flag = Annotated[bool, BeforeValidator(read_flag)]
Header = Annotated[str, BeforeValidator(read_header)]
Secret = Annotated[SecretStr, BeforeValidator(read_text)]


def _checked_hash(secret: SecretStr) -> SecretStr:
    check_hash(secret.get_secret_value())
    return secret


Hash = Annotated[SecretStr, BeforeValidator(read_text), AfterValidator(_checked_hash)]


def _one_of(choices: Mapping[str, object], refused: Mapping[str, str] | None = None) -> BeforeValidator:
    return BeforeValidator(partial(read_choice, choices=choices, refused=refused))


class _Block(BaseModel):
    """Unknown keys are mistakes, and a known one with nothing in it is as good as none."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, value: Any) -> Any:
        if isinstance(value, dict):
            known = keys_of(cls)
            return {key: each for key, each in value.items() if each is not None or key not in known}
        return value


def keys_of(block: type[BaseModel]) -> list[str]:
    """The keys that may stand in a block."""
    return [each.alias or name for name, each in block.model_fields.items()]


class TLSServerConfig(_Block):
    """`tls_server_config`. Empty text is as good as none."""

    cert: Text = ""
    key: Secret = SecretStr("")
    client_ca: Text = ""
    cert_file: Text = ""
    key_file: Text = ""
    client_auth_type: Annotated[str, _one_of({"": None, **AUTH_TYPES}, _REFUSED_AUTH_TYPES)] = ""
    client_ca_file: Text = ""
    client_allowed_sans: list[Text] | None = None
    min_version: Annotated[str, _one_of(VERSIONS, _REFUSED_VERSIONS)] = "TLS12"
    max_version: Annotated[str, _one_of(VERSIONS, _REFUSED_VERSIONS)] = "TLS13"
    cipher_suites: list[Annotated[str, _one_of(CIPHER_SUITES | dict.fromkeys(TLS13_SUITES))]] = Field(default=[])
    prefer_server_cipher_suites: Flag = True
    curve_preferences: list[Annotated[str, _one_of(CURVES)]] = Field(default=[])

    @property
    def verify_mode(self) -> ssl.VerifyMode:
        """Whether a client has to show a certificate."""
        return AUTH_TYPES[self.client_auth_type or "NoClientCert"]


class Headers(_Block):
    """`http_server_config.headers`: empty text is no header."""

    content_security_policy: Header = Field(default="", alias="Content-Security-Policy")
    x_frame_options: Annotated[str, _one_of({"deny": 1, "sameorigin": 1, "": 1})] = Field(
        default="", alias="X-Frame-Options"
    )
    x_content_type_options: Annotated[str, _one_of({"nosniff": 1, "": 1})] = Field(
        default="", alias="X-Content-Type-Options"
    )
    x_xss_protection: Header = Field(default="", alias="X-XSS-Protection")
    strict_transport_security: Header = Field(default="", alias="Strict-Transport-Security")


class HTTPServerConfig(_Block):
    """`http_server_config`."""

    http2: Flag = True
    headers: Headers = Headers()


class RateLimit(_Block):
    """`rate_limit`: a request each `interval` seconds, and `burst` at once; no limit where `interval` is 0."""

    interval: Annotated[float, BeforeValidator(read_interval)] = 0.0
    burst: Annotated[int, BeforeValidator(read_burst)] = 0


class WebFile(_Block):
    """The whole file."""

    tls_server_config: TLSServerConfig = TLSServerConfig()
    http_server_config: HTTPServerConfig = HTTPServerConfig()
    basic_auth_users: dict[str, Hash] = Field(default={})
    rate_limit: RateLimit = RateLimit()
