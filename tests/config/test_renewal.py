"""Files that change while the exporter runs: what is read again, and what a broken one leaves in place."""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from dicom_exporter.config import Identity
from dicom_exporter.config.renewal import IdentityFiles, files_of, read_again
from tests.testing.loading import TARGETS, load_text
from tests.testing.peers import Certificates, make_certificates

IDENTITY = """\
identities:
  us:
    calling_ae_title: US
    user_identity: {username: u, password_file: password}
    http: {basic_auth: {username: u, password_file: web}}
    tls: {ca_file: tls/ca.pem, cert_file: tls/client.pem, key_file: tls/client.key}
  token: {calling_ae_title: US, http: {bearer_token_file: token}}
"""
VALUES = {"password": "first-password", "web": "first-web-password", "token": "first-token"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with all files of `IDENTITY`, long unchanged."""
    for name, value in VALUES.items():
        (tmp_path / name).write_text(f"{value}\n")
    make_certificates(tmp_path / "tls")
    return tmp_path


def loaded(directory: Path, name: str) -> IdentityFiles:
    """The files of an identity, read once since they were loaded."""
    files = read_again(IdentityFiles(load_text(directory, IDENTITY + TARGETS).identities[name]))
    assert files.broken == {}
    return files


def password(identity: Identity) -> str:
    assert identity.user_identity is not None
    return identity.user_identity.password.reveal()


def web_password(identity: Identity) -> str:
    assert identity.http is not None
    assert identity.http.basic_auth is not None
    return identity.http.basic_auth.password.reveal()


def token(identity: Identity) -> str:
    assert identity.http is not None
    assert identity.http.bearer_token is not None
    return identity.http.bearer_token.reveal()


def context(files: IdentityFiles) -> ssl.SSLContext:
    assert files.identity.tls is not None
    return files.identity.tls.context


def in_place(path: Path, text: str) -> None:
    path.write_text(text)


def by_rename(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    new.rename(path)


def test_files_of_identity_are_named_by_their_keys(directory: Path) -> None:
    config = load_text(directory, IDENTITY + TARGETS)
    assert set(files_of(config.identities["us"])) == {
        "user_identity.password_file",
        "http.basic_auth.password_file",
        "tls.ca_file",
        "tls.cert_file",
        "tls.key_file",
    }
    assert set(files_of(config.identities["token"])) == {"http.bearer_token_file"}
    assert files_of(config.identities["monitor"]) == {}


def test_read_again_without_change_keeps_the_identity(directory: Path) -> None:
    before = load_text(directory, IDENTITY + TARGETS).identities["us"]
    files = read_again(IdentityFiles(before))
    assert files.identity is before
    assert read_again(files).identity is before


def test_read_again_settled_files_are_only_looked_at(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = loaded(directory, "token")
    (snapshot,) = files.snapshots.values()
    object.__setattr__(snapshot, "settled", True)  # as if the file were older than the clock of its file system
    monkeypatch.setattr(Path, "open", None)
    assert read_again(files) is files


@pytest.mark.parametrize("write", [in_place, by_rename])
def test_read_again_changed_secrets_are_in_the_identity(directory: Path, write: Callable[[Path, str], None]) -> None:
    files, of_token = loaded(directory, "us"), loaded(directory, "token")
    write(directory / "password", "second-password\n")
    write(directory / "web", "second-web-password")
    write(directory / "token", "second-token\r\n")
    renewed = read_again(files)
    assert password(renewed.identity) == "second-password"
    assert web_password(renewed.identity) == "second-web-password"
    assert token(read_again(of_token).identity) == "second-token"
    assert context(renewed) is context(files)
    assert (password(files.identity), web_password(files.identity)) == ("first-password", "first-web-password")


def test_read_again_file_renewed_in_the_moment_of_loading_is_noticed(directory: Path) -> None:
    identity = load_text(directory, IDENTITY + TARGETS).identities["token"]
    (directory / "token").write_text("second-token")
    assert token(read_again(IdentityFiles(identity)).identity) == "second-token"


def test_read_again_same_size_and_time_is_noticed(directory: Path) -> None:
    files = loaded(directory, "token")
    stat = (directory / "token").stat()
    (directory / "token").write_text("other-token\n")
    os.utime(directory / "token", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert token(read_again(files).identity) == "other-token"


def test_read_again_kubernetes_secret_volume_is_followed(tmp_path: Path) -> None:
    """The file is a link into ..data, which is a link to ..1 and is replaced by a rename."""
    for number in ("1", "2"):
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "token").write_text(f"token-{number}")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "token").symlink_to("..data/token")
    text = "identities: {token: {calling_ae_title: US, http: {bearer_token_file: token}}}\n"
    files = read_again(IdentityFiles(load_text(tmp_path, text + TARGETS).identities["token"]))
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    shutil.rmtree(tmp_path / "..1")
    assert token(read_again(files).identity) == "token-2"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "'token' is empty"),
        (b"\xef\xbb\xbfsecond-token", "'token' begins with a byte order mark"),
        (b"second\ntoken", "'token' has a control character"),
        (b"second token", "'token' holds no bearer token"),
        (b"\xff", "'token' is not UTF-8 text"),
        (None, "cannot read the file of this name: No such file or directory"),
    ],
)
def test_read_again_broken_secret_keeps_the_last_good_one(directory: Path, data: bytes | None, reason: str) -> None:
    files = loaded(directory, "token")
    (directory / "token").unlink()
    if data is not None:
        (directory / "token").write_bytes(data)
    broken = read_again(files)
    assert token(broken.identity) == "first-token"
    ((key, said),) = broken.broken.items()
    assert key == "http.bearer_token_file"
    assert said.startswith(reason)
    assert read_again(broken).broken == broken.broken
    (directory / "token").write_text("third-token")
    repaired = read_again(broken)
    assert (token(repaired.identity), repaired.broken) == ("third-token", {})


def test_read_again_file_that_could_not_be_read_is_tried_again_without_a_change(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that passes, such as that no file descriptor is free, changes no stat."""
    files = loaded(directory, "token")
    (directory / "token").write_text("second-token")
    with monkeypatch.context() as patch:
        patch.setattr("dicom_exporter.yamlfile.snapshot._TICK_NS", -1 << 62)  # every file is settled

        def no_descriptor(*_: object) -> bytes:
            raise OSError(24, "Too many open files")

        with patch.context() as failing:
            failing.setattr("dicom_exporter.yamlfile.snapshot.read_bytes", no_descriptor)
            broken = read_again(files)
        assert set(broken.broken) == {"http.bearer_token_file"}
        assert token(read_again(broken).identity) == "second-token"


def test_read_again_one_broken_file_does_not_keep_the_others_from_renewal(directory: Path) -> None:
    files = loaded(directory, "us")
    (directory / "web").write_text("")
    (directory / "tls" / "ca.pem").write_text("")
    (directory / "password").write_text("second-password")
    renewed = read_again(files)
    assert password(renewed.identity) == "second-password"
    assert web_password(renewed.identity) == "first-web-password"
    assert context(renewed) is context(files)
    assert set(renewed.broken) == {"http.basic_auth.password_file", "tls.ca_file"}


def copy(certificates: Certificates, directory: Path, *names: str) -> None:
    for name in names:
        shutil.copy(certificates.authority.with_name(name), directory / "tls" / name)


def test_read_again_changed_certificates_make_a_new_context(directory: Path, tmp_path: Path) -> None:
    files = loaded(directory, "us")
    new = make_certificates(tmp_path / "new")
    copy(new, directory, "ca.pem")
    renewed = read_again(files)
    assert context(renewed) is not context(files)
    assert context(renewed).get_ca_certs() != context(files).get_ca_certs()
    assert context(renewed).minimum_version == ssl.TLSVersion.TLSv1_2
    assert renewed.identity == files.identity


def test_read_again_certificate_before_its_key_waits_for_the_key(directory: Path, tmp_path: Path) -> None:
    files = loaded(directory, "us")
    new = make_certificates(tmp_path / "new")
    copy(new, directory, "client.pem")
    half = read_again(files)
    assert context(half) is context(files)
    assert set(half.broken) == {"tls.key_file"}
    assert "does not belong to the certificate" in half.broken["tls.key_file"]
    copy(new, directory, "client.key")
    renewed = read_again(half)
    assert renewed.broken == {}
    assert context(renewed) is not context(files)


def test_read_again_certificate_that_is_touched_keeps_its_context(directory: Path) -> None:
    files = loaded(directory, "us")
    os.utime(directory / "tls" / "client.pem", ns=(1, 1))
    assert context(read_again(files)) is context(files)


def test_identity_files_print_no_secret(directory: Path) -> None:
    files = loaded(directory, "us")
    (directory / "password").write_text("second-\npassword")
    shown = "".join(repr(each) for each in (read_again(files), files, files.snapshots, files.identity))
    assert not any(part in shown for part in ("first-", "second-", "PRIVATE"))
