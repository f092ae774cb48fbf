"""The configuration of the health region is valid."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from dicom_exporter.config import Config, Expect, load
from dicom_exporter.config.model import BUILTIN_IDENTITIES, BUILTIN_MODULES
from dicom_exporter.demo.certificates import make_authority
from dicom_exporter.demo.region_config import address, region_config
from dicom_exporter.demo.targets import LEAST, NAMED, PEERS, THREE, TargetKind, more_targets

PORTS = {kind: 20000 + number for number, kind in enumerate(PEERS)}


def loaded(directory: Path, targets: tuple[TargetKind, ...], *, whole_net: bool) -> Config:
    authority = make_authority(directory)
    authority.write_certificate("monitor", 365)
    password = directory / "web-password"
    password.write_text("synthetic")
    text = region_config(targets, PORTS, authority.ca_file, "monitor", password, whole_net=whole_net)
    (directory / "config.yml").write_text(text)
    return load([directory / "config.yml"])


@pytest.mark.parametrize("targets", [NAMED[:LEAST], THREE, NAMED, (*NAMED, *more_targets(100))], ids=len)
def test_region_config_loads_and_has_every_target(targets: tuple[TargetKind, ...], tmp_path: Path) -> None:
    config = loaded(tmp_path, targets, whole_net=True)
    assert [target.name for target in config.targets] == [target.name for target in targets]
    assert [target.expect for target in config.targets] == [Expect(target.expect) for target in targets]


def test_region_config_has_only_what_its_targets_use(tmp_path: Path) -> None:
    config = loaded(tmp_path, THREE, whole_net=False)
    assert config.identities.keys() == BUILTIN_IDENTITIES.keys()
    assert config.modules.keys() == BUILTIN_MODULES.keys()
    assert config.compare == ()


def test_region_config_has_a_comment_for_each_named_target(tmp_path: Path) -> None:
    loaded(tmp_path, NAMED, whole_net=True)
    text = (tmp_path / "config.yml").read_text()
    assert [target.name for target in NAMED if f"# {target.about}\n- name: {target.name}\n" not in text] == []


def test_region_config_labels_are_site_and_country(tmp_path: Path) -> None:
    config = loaded(tmp_path, NAMED, whole_net=True)
    assert [target.labels for target in config.targets] == [{"site": t.site, "country": t.country} for t in NAMED]


@pytest.mark.parametrize("whole_net", [True, False])
def test_address_is_on_loopback(whole_net: bool) -> None:
    for target in (*NAMED, *more_targets(1000)):
        host, _, port = address(target, PORTS, whole_net=whole_net).rpartition(":")
        assert ipaddress.ip_address(host).is_loopback
        assert int(port) == PORTS[target.peer]


def test_address_without_whole_net_is_one_host() -> None:
    assert {address(target, PORTS, whole_net=False).rpartition(":")[0] for target in NAMED} == {"127.0.0.1"}
