"""Which files are read, and how several are merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicom_exporter.config import ConfigErrors, load
from tests.testing.loading import TARGETS, errors_of


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
            "config.yml:1: 'just text' is not a mapping with the keys global, probe, identities, vantages, modules,"
            " targets, compare",
        ),
    ],
)
def test_load_file_without_targets_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    assert errors_of(tmp_path, text) == [message]


def test_load_section_for_anchors_is_ignored(tmp_path: Path) -> None:
    anchors = "x-common: &common {labels: {site: north}, expect: guarded}\nx-empty:\n"
    (tmp_path / "config.yml").write_text(f"{anchors}targets: [{{<<: *common, name: a, address: 'b:1'}}]")
    (target,) = load([tmp_path / "config.yml"]).targets
    assert (target.labels, target.expect) == ({"site": "north"}, "guarded")


def test_load_missing_file_is_an_error(directory: Path) -> None:
    assert errors("config.yml") == ["config.yml: cannot read the file: No such file or directory"]


def test_load_directory_is_an_error(directory: Path) -> None:
    (directory / "conf.d").mkdir()
    assert errors("conf.d") == ["conf.d: cannot read the file: Is a directory"]


def test_load_file_not_utf_8_is_an_error(directory: Path) -> None:
    (directory / "config.yml").write_bytes(b"targets:\n  - name: K\xf6ln\n")
    assert errors("config.yml") == ["config.yml:2: not UTF-8 text"]


def test_load_byte_order_mark_is_accepted(directory: Path) -> None:
    (directory / "config.yml").write_bytes(b"\xef\xbb\xbf" + TARGETS.encode())
    assert load(["config.yml"]).target("t") is not None


def test_load_several_files_are_merged(directory: Path) -> None:
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


def test_load_same_name_in_two_files_is_an_error(directory: Path) -> None:
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


def test_load_errors_have_the_order_of_files_and_lines(directory: Path) -> None:
    write(directory, a="targts: []\n" + TARGETS, b="modules: {m: {timeout: 0s}}\nx: 1\n")
    assert [line.split(": ")[0] for line in errors("b.yml", "a.yml")] == ["b.yml:1", "b.yml:2", "a.yml:1"]


def test_load_file_named_twice_is_read_once(directory: Path) -> None:
    write(directory, config=TARGETS)
    assert len(load(["config.yml", directory / "config.yml", "*.yml"]).targets) == 1


def test_load_glob_without_match_is_an_error(directory: Path) -> None:
    write(directory, config=TARGETS)
    assert errors("config.yml", "conf.d/*.yml") == ["conf.d/*.yml: no file matches this pattern"]


def test_load_file_name_with_glob_characters_is_read(directory: Path) -> None:
    write(directory, **{"config[1]": TARGETS})
    assert load(["config[1].yml"]).target("t") is not None


def test_load_unreadable_file_does_not_hide_errors_of_another(directory: Path) -> None:
    write(directory, a="targets: [\n", b="targets: [{name: t}]\n")
    lines = errors("a.yml", "b.yml")
    assert [line.split(":")[0] for line in lines] == ["a.yml", "b.yml"]


def test_load_file_names_are_relative_to_the_configuration(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / "etc").mkdir()
    (directory / "etc" / "password").write_text("not a secret")
    text = "identities: {us: {calling_ae_title: US, user_identity: {username: u, password_file: password}}}\n" + TARGETS
    (directory / "etc" / "config.yml").write_text(text)
    user = load(["etc/config.yml"]).identities["us"].user_identity
    assert user is not None
    assert user.password.reveal() == "not a secret"
