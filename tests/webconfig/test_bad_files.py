"""One small bad file for each rule, in testdata/: the comment at its top has the expected messages."""

from __future__ import annotations

import shutil
from itertools import takewhile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from dicom_exporter.webconfig.load import load
from dicom_exporter.yamlfile.errors import ConfigErrors
from tests.testing.peers import make_certificates

TESTDATA = Path(__file__).parent / "testdata"
FILES = sorted(path.name for path in TESTDATA.glob("*.yml"))


def expected(name: str) -> list[str]:
    lines = (TESTDATA / name).read_text(encoding="utf-8").splitlines()
    messages = [line.removeprefix("# ") for line in takewhile(lambda line: line.startswith("# "), lines)]
    return [f"{name}:{message}" if message[0].isdigit() else f"{name}: {message}" for message in messages]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All the files, and the certificates that they name."""
    directory = tmp_path_factory.mktemp("webconfig")
    key = serialization.load_pem_private_key(make_certificates(directory).server_key.read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"passphrase")
    encrypted = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    (directory / "encrypted.key").write_bytes(encrypted)
    shutil.copytree(TESTDATA, directory, dirs_exist_ok=True)
    return directory


@pytest.mark.parametrize("name", FILES)
def test_load_bad_file_gives_exact_messages(name: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory)
    with pytest.raises(ConfigErrors) as raised:
        load(name)
    assert [str(error) for error in raised.value.errors] == expected(name)
    assert str(raised.value).splitlines() == expected(name)


def test_bad_files_each_expect_a_message() -> None:
    assert all(expected(name) for name in FILES)
    assert len(FILES) > 50
