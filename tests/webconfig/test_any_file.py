"""Any file and any header is handled, and no error shows a secret."""

from __future__ import annotations

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_exporter.webconfig.load import WebConfig, parse
from dicom_exporter.webconfig.middleware import read_basic
from dicom_exporter.webconfig.model import (
    CIPHER_SUITES,
    CURVES,
    Headers,
    HTTPServerConfig,
    RateLimit,
    TLSServerConfig,
    WebFile,
)
from dicom_exporter.yamlfile.errors import ConfigErrors
from dicom_exporter.yamlfile.validation import Block, keys_of
from tests.testing.web_config import HASH, basic

SECRET = "hunter2-and-more"
BLOCKS: list[type[Block]] = [WebFile, TLSServerConfig, HTTPServerConfig, Headers, RateLimit]
WORDS = [
    *(key for block in BLOCKS for key in keys_of(block)),
    *CIPHER_SUITES,
    *CURVES,
    *("RequireAndVerifyClientCert", "TLS12", "TLS13", "deny", "nosniff", "1s", "0", "true", "no", "<<", HASH),
]
VALUES = st.recursive(
    st.sampled_from(WORDS) | st.text(max_size=8) | st.integers(-1, 300) | st.booleans() | st.none() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=12,
)


def block(model: type[Block]) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(st.sampled_from([*keys_of(model)]), VALUES)


FILES = st.fixed_dictionaries(
    {},
    optional={
        "tls_server_config": block(TLSServerConfig) | VALUES,
        "http_server_config": st.fixed_dictionaries({"headers": block(Headers)}) | block(HTTPServerConfig) | VALUES,
        "basic_auth_users": st.dictionaries(st.text(max_size=5), st.just(HASH) | st.just(SECRET)) | VALUES,
        "rate_limit": block(RateLimit) | VALUES,
    },
)


def outcome(contents: bytes) -> WebConfig | list[str]:
    try:
        return parse("web.yml", contents)
    except ConfigErrors as errors:
        return [str(error) for error in errors.errors]


@settings(deadline=None)
@given(data=FILES | VALUES)
def test_parse_any_data_gives_config_or_one_line_errors(data: object) -> None:
    result = outcome(yaml.safe_dump(data, allow_unicode=True).encode())
    if isinstance(result, list):
        assert result
        assert all(len(line.splitlines()) == 1 and line.startswith("web.yml") for line in result)
    assert SECRET not in repr(result)


@settings(deadline=None)
@given(contents=st.binary(max_size=60) | st.text("[]{}&*!<>|:-?# \n\ta", max_size=60).map(str.encode))
def test_parse_any_bytes_give_config_or_one_line_errors(contents: bytes) -> None:
    result = outcome(contents)
    assert isinstance(result, WebConfig) or all(len(line.splitlines()) == 1 for line in result)


@given(header=st.text(max_size=40) | st.text(max_size=40).map(lambda text: f"Basic {text}"))
def test_read_basic_any_header_never_raises(header: str) -> None:
    read_basic(header)


@given(name=st.text().filter(lambda name: ":" not in name), password=st.text())
def test_read_basic_round_trip(name: str, password: str) -> None:
    assert read_basic(basic(name, password)["Authorization"]) == (name.encode(), password.encode())
