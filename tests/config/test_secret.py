"""A secret is never shown."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict
from pathlib import Path

import pytest

from dicom_exporter.config import Config, Secret, UserIdentity
from dicom_exporter.config.secret import read_secret
from tests.testing.loading import TARGETS, load_text

VALUE = "correct horse"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "password").write_text(f"{VALUE}\n")
    text = "identities: {monitor: {user_identity: {username: u, password_file: password}}}\n"
    return load_text(tmp_path, text + TARGETS)


def test_secret_is_never_printed(config: Config) -> None:
    secret = Secret(VALUE)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>20}", json.dumps(secret, default=str)]
    user = config.identities["monitor"].user_identity
    assert user is not None
    assert user.password.reveal() == VALUE
    shown += [repr(config), str(config), str(asdict(user)), json.dumps(asdict(user), default=str)]
    assert all("<secret>" in text and VALUE not in text for text in shown)


def test_secret_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="secret") as raised:
        pickle.dumps(UserIdentity("u", Secret(VALUE)))
    assert VALUE not in str(raised.value)


def test_secret_copy_is_same_object() -> None:
    secret = Secret(VALUE)
    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret


def test_secret_compares_by_value() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE
    assert len({Secret(VALUE), Secret(VALUE)}) == 1


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"x", "x"), (b"x\n", "x"), (b"x\r\n", "x"), (b" x \n", " x "), ("gr\u00fcn".encode(), "grün")],
)
def test_read_secret_drops_one_newline_at_the_end(tmp_path: Path, data: bytes, value: str) -> None:
    (tmp_path / "password").write_bytes(data)
    assert read_secret(tmp_path, "password").reveal() == value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff", "is not UTF-8"),
        (b"x" * 65536, "too long"),
        (b"x" * (2 << 20), "larger than 1 MiB"),
        (b"\xef\xbb\xbfx\n", "begins with a byte order mark"),
        ("x\n".encode("utf-16"), "begins with a byte order mark"),
        (b"x\n\n", r"a control character \(U\+000A\) in line 1"),
        (b"x\r\n\n", r"a control character \(U\+000D\) in line 1"),
        (b"x\ty", r"a control character \(U\+0009\) in line 1"),
        (b"x\0", r"a control character \(U\+0000\) in line 1"),
        (b"x\x7f", r"a control character \(U\+007F\) in line 1"),
        ("x\x85".encode(), r"a control character \(U\+0085\) in line 1"),
    ],
)
def test_read_secret_unusable_file_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "password").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_secret(tmp_path, "password")


def test_secret_remembers_its_file_and_compares_without_it(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(VALUE)
    secret = read_secret(tmp_path, "password")
    assert secret.file == tmp_path / "password"
    assert secret == Secret(VALUE)


@pytest.mark.parametrize("name", ["hunter2", "hunter2/with/slashes", "/hunter2", "hunter2" * 100, "hunter2\0"])
def test_read_secret_does_not_repeat_a_password_written_where_a_path_belongs(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot read the file of this name") as error:
        read_secret(tmp_path, name)
    assert "hunter2" not in str(error.value)
