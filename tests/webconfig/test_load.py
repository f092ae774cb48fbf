"""What a valid file means."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path

import pytest

from dicom_exporter.webconfig.load import MAX_BYTES, WebConfig, load, parse, read_material
from dicom_exporter.webconfig.tls import server_context
from dicom_exporter.yamlfile.errors import ConfigErrors
from dicom_exporter.yamlfile.files import read_bytes
from dicom_exporter.yamlfile.pem import PEMError
from tests.testing.peers import Certificates, make_certificates
from tests.testing.web_config import HASH, TLS


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


def read(text: str, file: str = "web.yml") -> WebConfig:
    return parse(file, text.encode())


def context(text: str, directory: Path) -> ssl.SSLContext:
    config = read(text, str(directory / "web.yml"))
    assert config.tls is not None
    return server_context(config.tls, read_material(config, lambda path: read_bytes(path, MAX_BYTES)))


def suites(context: ssl.SSLContext) -> list[str]:
    """The names of the suites that are not of TLS 1.3: those cannot be chosen."""
    return [cipher["name"] for cipher in context.get_ciphers() if not cipher["name"].startswith("TLS_")]


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "{}\n", "tls_server_config: {}\nhttp_server_config: {headers: }\nbasic_auth_users: {}\n"],
)
def test_parse_empty_file_is_plain_http_without_passwords(text: str) -> None:
    config = read(text)
    assert (config.tls, config.users, config.headers, config.rate_limit.interval) == (None, {}, {}, 0)


def test_parse_user_names_are_text_of_any_yaml_type() -> None:
    config = read(f"basic_auth_users:\n  alice: {HASH}\n  1234: {HASH}\n  no: {HASH}\n  jürgen: {HASH}\n")
    assert list(config.users) == [b"alice", b"1234", b"no", "jürgen".encode()]
    assert config.costs == (10, 10, 10, 10)


def test_parse_hash_is_not_printed() -> None:
    config = read(f"basic_auth_users: {{alice: {HASH}}}\n")
    assert HASH[10:] not in repr(config)
    assert HASH[10:] not in str(config)


def test_parse_headers_are_text_and_empty_ones_are_left_out() -> None:
    config = read(
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    X-XSS-Protection: 1\n"
        "    X-Content-Type-Options: ''\n    Content-Security-Policy: \"default-src 'self' *.test.example\"\n"
        "    Strict-Transport-Security:\n"
    )
    assert config.headers == {
        "X-Frame-Options": "deny",
        "X-XSS-Protection": "1",
        "Content-Security-Policy": "default-src 'self' *.test.example",
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ('"0"', 0), ("1s", 1), ('"1s"', 1), ("1.5s", 1.5), ("250ms", 0.25), ("1m30s", 90), ("1h", 3600)],
)
def test_parse_interval_has_notation_of_go(text: str, seconds: float) -> None:
    assert read(f"rate_limit: {{interval: {text}, burst: 20}}").rate_limit.interval == seconds


def test_parse_anchors_are_supported() -> None:
    text = f"basic_auth_users: &users\n  alice: &hash {HASH}\n  bob: *hash\n"
    assert list(read(text).users) == [b"alice", b"bob"]


def test_parse_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ConfigErrors, match="too many values: aliases"):
        read("\n".join(lines))


@pytest.mark.parametrize("text", ["[" * 10_000, "a: &a\n  b: *a\n", "{" * 25 + "}" * 25, "\x00", "\xff\x01"])
def test_parse_hostile_yaml_is_refused(text: str) -> None:
    with pytest.raises(ConfigErrors):
        read(text)


def test_parse_not_utf_8_is_refused() -> None:
    with pytest.raises(ConfigErrors, match=r"^web.yml:2: not UTF-8 text$"):
        parse("web.yml", b"a: b\n\xff\xfe")


def test_load_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"nowhere.yml: cannot read the file: No such file or directory"):
        load(str(tmp_path / "nowhere.yml"))


def test_load_file_names_are_relative_to_the_configuration(certificates: Certificates, tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text(TLS)
    config = load(str(tmp_path / "web.yml"))
    assert config.tls is not None
    assert config.file("server.pem") == certificates.server
    assert config.file(str(certificates.client)) == certificates.client


def test_server_context_inline_certificates(certificates: Certificates, tmp_path: Path) -> None:
    def block(path: Path) -> str:
        return "|\n" + "".join(f"    {line}\n" for line in path.read_text().splitlines())

    inline = (
        f"tls_server_config:\n  cert: {block(certificates.server)}  key: {block(certificates.server_key)}"
        f"  client_ca: {block(certificates.authority)}  client_auth_type: RequireAndVerifyClientCert\n"
    )
    made = context(inline, tmp_path)
    assert made.verify_mode == ssl.CERT_REQUIRED
    assert len(made.get_ca_certs()) == 1


def test_server_context_defaults(certificates: Certificates, tmp_path: Path) -> None:
    made = context(TLS, tmp_path)
    assert made.minimum_version == ssl.TLSVersion.TLSv1_2
    assert made.maximum_version == ssl.TLSVersion.TLSv1_3
    assert made.verify_mode == ssl.CERT_NONE
    assert made.options & ssl.OP_CIPHER_SERVER_PREFERENCE


def test_server_context_all_options(certificates: Certificates, tmp_path: Path) -> None:
    made = context(
        f"{TLS}  max_version: TLS12\n  prefer_server_cipher_suites: no\n"
        "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.pem\n  cipher_suites:\n"
        "  - TLS_AES_128_GCM_SHA256\n  - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n"
        "  - TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256\n",
        tmp_path,
    )
    assert made.maximum_version == ssl.TLSVersion.TLSv1_2
    assert made.verify_mode == ssl.CERT_OPTIONAL
    assert not made.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    assert suites(made) == ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"]


def test_server_context_openssl_has_every_suite_of_go(certificates: Certificates, tmp_path: Path) -> None:
    from dicom_exporter.webconfig.model import CIPHER_SUITES

    made = context(TLS + "  cipher_suites: [" + ", ".join(CIPHER_SUITES) + "]\n", tmp_path)
    assert suites(made) == list(CIPHER_SUITES.values())


def test_server_context_only_suites_of_tls_1_3_disable_tls_1_2(certificates: Certificates, tmp_path: Path) -> None:
    made = context(TLS + "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n", tmp_path)
    assert made.minimum_version == ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize("curves", ["CurveP521", "X25519", "CurveP256, CurveP384, CurveP521, X25519"])
def test_server_context_curves(curves: str, certificates: Certificates, tmp_path: Path) -> None:
    if curves == "X25519" and sys.version_info < (3, 11, 7):
        pytest.skip("the ssl module of Python 3.11.2, which Debian 12 has, cannot set it")
    context(f"{TLS}  curve_preferences: [{curves}]\n", tmp_path)


def test_server_context_curve_that_only_openssl_can_set(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: ssl.SSLContext, name: str) -> None:
        error = ssl.SSLError(f"[EC: UNKNOWN_GROUP] {name}")
        error.library = "EC"
        raise error

    monkeypatch.setattr(ssl.SSLContext, "set_ecdh_curve", refuse)
    with pytest.raises(PEMError, match=r"the ssl module of Python 3\S+ cannot set it") as raised:
        context(f"{TLS}  curve_preferences: [X25519]\n", tmp_path)
    assert raised.value.key == "curve_preferences"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (f"{TLS}  client_auth_type: VerifyClientCertIfGiven\n", "web.yml:4: tls_server_config.client_auth_type: with"),
        (f"{TLS}http_server_config:\n  http2: true\n", "web.yml:5: http_server_config.http2: this server supports"),
        (f"{TLS}http_server_config:\n  http2: false\n", None),
        (f"basic_auth_users:\n  a: $2b$14${'.' * 53}\n", None),
        (f"basic_auth_users:\n  a: $2b$15${'.' * 53}\n", "web.yml:2: basic_auth_users.a: a bcrypt hash of cost 15"),
        (f"{TLS}  curve_preferences: [X25519, CurveP256, CurveP384, CurveP521]\n", "web.yml:4: tls_server_config.curv"),
    ],
)
def test_parse_notes(text: str, note: str | None) -> None:
    notes = [str(each)[: len(note or "")] for each in read(text).notes]
    assert notes == ([] if note is None else [note])


@pytest.mark.skipif(os.name != "posix", reason="there are no such permissions")
@pytest.mark.parametrize(
    ("text", "places"),
    [
        (f"basic_auth_users: {{alice: {HASH}}}\n", ["web.yml:1: basic_auth_users"]),
        ("tls_server_config: {cert_file: server.pem, key: secret}\n", ["web.yml:1: tls_server_config.key"]),
        (TLS, ["web.yml:3: tls_server_config.key_file"]),
        ("rate_limit: {interval: 1s, burst: 1}\n", []),
    ],
)
def test_parse_secrets_that_everybody_may_read_are_named(
    text: str, places: list[str], certificates: Certificates, tmp_path: Path
) -> None:
    file = tmp_path / "web.yml"
    for path in (file, certificates.server_key):
        path.touch()
        path.chmod(0o604)
    named = [str(note).removeprefix(f"{tmp_path}/") for note in read(text, str(file)).notes]
    assert named == [f"{place}: every user of this machine may read the file: chmod 640 or 600" for place in places]
    for path in (file, certificates.server_key):
        path.chmod(0o640)
    assert read(text, str(file)).notes == ()


def test_parse_control_characters_are_escaped_in_messages() -> None:
    with pytest.raises(ConfigErrors) as raised:
        parse("web\x1b.yml", b'basic_auth_users: {"a\\eb": x}\n"k\\e[31m": 1\nrate_limit: {"x\\u202ey": 1}\n')
    lines = str(raised.value).splitlines()
    assert all(line.isprintable() and line.startswith(r"web\x1b.yml:") for line in lines)
    assert len(lines) == 3
