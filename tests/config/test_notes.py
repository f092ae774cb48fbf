from __future__ import annotations

import os
from pathlib import Path

import pytest

from dicom_exporter.config import Address, Config, Expect, Identity, Target, UserIdentity
from dicom_exporter.config.build.tls import tls_settings
from dicom_exporter.config.notes import notes
from dicom_exporter.config.secret import read_secret
from tests.testing.peers import make_certificates

HERE, THERE = Address("127.0.0.1", 104), Address("127.0.0.1", 105)


def test_notes_targets_with_one_address_and_title_are_named() -> None:
    targets = (Target("a", HERE, "PACS"), Target("b", THERE, "PACS"), Target("c", HERE, "PACS"))
    assert list(notes(Config(targets))) == [
        "targets with the same address 127.0.0.1:104 and called AE title PACS: a, c"
    ]


def test_notes_targets_that_differ_in_address_or_title_are_fine() -> None:
    targets = (Target("a", HERE, "PACS"), Target("b", THERE, "PACS"), Target("c", HERE, "OTHER"))
    assert list(notes(Config(targets))) == []


def test_notes_control_may_have_the_address_of_another_target() -> None:
    targets = (Target("a", HERE, "PACS"), Target("c", HERE, "PACS", expect=Expect.CONTROL))
    assert list(notes(Config(targets))) == []


@pytest.mark.skipif(os.name != "posix", reason="there are no such permissions")
@pytest.mark.parametrize(("mode", "warned"), [(0o644, True), (0o604, True), (0o640, False), (0o600, False)])
def test_notes_secret_that_everybody_may_read_is_named(mode: int, warned: bool, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("SYNTHETIC\n")
    secret.chmod(mode)
    user = UserIdentity("us", read_secret(tmp_path, "secret"))
    config = Config((), identities={"us": Identity("us", "US", user_identity=user)})
    said = list(notes(config))
    assert [note.partition(": ")[0] for note in said] == (
        ["identities.us.user_identity.password_file"] if warned else []
    )
    assert "SYNTHETIC" not in str(said)


@pytest.mark.skipif(os.name != "posix", reason="there are no such permissions")
@pytest.mark.parametrize("mode", [0o644, 0o640])
@pytest.mark.parametrize("key", ["key_file", "cert_file"])
def test_notes_private_key_that_everybody_may_read_is_named(key: str, mode: int, tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    certificate, private = made.client, made.client_key
    if key == "cert_file":
        with private.open("ab") as together:
            together.write(certificate.read_bytes())
    private.chmod(mode)
    certificate.chmod(0o644)
    tls = (
        tls_settings(cert_file=private) if key == "cert_file" else tls_settings(cert_file=certificate, key_file=private)
    )
    said = list(notes(Config((), identities={"us": Identity("us", "US", tls=tls)})))
    assert [note.partition(": ")[0] for note in said] == ([f"identities.us.tls.{key}"] if mode == 0o644 else [])
