"""Which files are read, and how several of them go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicom_exporter.config import ConfigErrors, load
from tests.config.helpers import TARGETS, errors_of


def errors(*paths: Path | str) -> list[str]:
    with pytest.raises(ConfigErrors) as raised:
        load(paths)
    return [str(error) for error in raised.value.errors]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(directory: Path, **files: str) -> None:
    for name, text in files.items():
        (directory / f"{name}.yml").write_text(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "config.yml: the file is empty"),
        ("# a comment only\n", "config.yml: the file is empty"),
        ("---\n", "config.yml: the file is empty"),
        ("global: {}\n", "config.yml: there are no targets"),
        (
            "just text\n",
            "config.yml:1: 'just text' is not a mapping with the keys global, probe, identities, modules, targets,"
            " compare",
        ),
    ],
)
def test_files_without_a_configuration(tmp_path: Path, text: str, message: str) -> None:
    assert errors_of(tmp_path, text) == [message]


def test_a_file_that_does_not_exist(directory: Path) -> None:
    assert errors("config.yml") == ["config.yml: cannot read the file: No such file or directory"]


def test_a_directory(directory: Path) -> None:
    (directory / "conf.d").mkdir()
    assert errors("conf.d") == ["conf.d: cannot read the file: Is a directory"]


def test_text_that_is_not_utf_8(directory: Path) -> None:
    (directory / "config.yml").write_bytes(b"targets:\n  - name: K\xf6ln\n")
    assert errors("config.yml") == ["config.yml:2: not UTF-8 text"]


def test_a_byte_order_mark_is_no_mistake(directory: Path) -> None:
    (directory / "config.yml").write_bytes(b"\xef\xbb\xbf" + TARGETS.encode())
    assert load(["config.yml"]).target("t") is not None


def test_files_share_sections_out(directory: Path) -> None:
    write(
        directory,
        base="global: {connect_timeout: 1s}\nidentities: {us: {calling_ae_title: US}}\n",
        modules="global: {max_concurrent_probes: 5}\nmodules: {m: {identity: us}}\n",
        north="targets: [{name: n, address: '127.0.0.1:104', modules: [m]}]\n",
        south="targets: [{name: s, address: '127.0.0.1:104'}]\n",
    )
    config = load(["base.yml", "modules.yml", "[ns]o*.yml"])
    assert [target.name for target in config.targets] == ["n", "s"]
    assert (config.global_.connect_timeout, config.global_.max_concurrent_probes) == (1.0, 5)


def test_the_same_name_in_two_files(directory: Path) -> None:
    write(
        directory,
        a="global: {connect_timeout: 1s}\nidentities: {us: {calling_ae_title: A}}\nmodules: {m: {}}\n" + TARGETS,
        b="global: {connect_timeout: 2s}\nidentities: {us: {calling_ae_title: B}}\nmodules: {m: {}}\n" + TARGETS,
    )
    assert errors("a.yml", "b.yml") == [
        "b.yml:1: global.connect_timeout: the key is also in a.yml",
        "b.yml:2: identities.us: duplicate name; the first is at a.yml:2",
        "b.yml:3: modules.m: duplicate name; the first is at a.yml:3",
        "b.yml:4: targets[0].name: 't' is the name of another target: a.yml:4",
    ]


def test_mistakes_come_in_the_order_of_the_files(directory: Path) -> None:
    write(directory, a="targts: []\n" + TARGETS, b="modules: {m: {timeout: 0s}}\nx: 1\n")
    assert [line.split(": ")[0] for line in errors("b.yml", "a.yml")] == ["b.yml:1", "b.yml:2", "a.yml:1"]


def test_a_file_that_comes_twice_is_read_once(directory: Path) -> None:
    write(directory, config=TARGETS)
    assert len(load(["config.yml", directory / "config.yml", "*.yml"]).targets) == 1


def test_a_glob_that_matches_nothing(directory: Path) -> None:
    write(directory, config=TARGETS)
    assert errors("config.yml", "conf.d/*.yml") == ["conf.d/*.yml: no file matches this pattern"]


def test_a_file_whose_name_looks_like_a_glob(directory: Path) -> None:
    write(directory, **{"config[1]": TARGETS})
    assert load(["config[1].yml"]).target("t") is not None


def test_one_unreadable_file_does_not_hide_the_mistakes_of_another(directory: Path) -> None:
    write(directory, a="targets: [\n", b="targets: [{name: t}]\n")
    lines = errors("a.yml", "b.yml")
    assert [line.split(":")[0] for line in lines] == ["a.yml", "b.yml"]


def test_files_are_found_beside_the_configuration(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / "etc").mkdir()
    (directory / "etc" / "password").write_text("not a secret")
    text = "identities: {us: {calling_ae_title: US, user_identity: {username: u, password_file: password}}}\n" + TARGETS
    (directory / "etc" / "config.yml").write_text(text)
    user = load(["etc/config.yml"]).identities["us"].user_identity
    assert user is not None
    assert user.password.reveal() == "not a secret"
