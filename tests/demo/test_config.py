"""The configuration of the demo is one that the exporter takes."""

from __future__ import annotations

from pathlib import Path

from dicom_exporter.config import Expect, load
from dicom_exporter.demo.config import config_text


def test_config_text_loads_and_expects_what_each_peer_is(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(config_text("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"))
    config = load([tmp_path / "config.yml"])
    assert {target.name: (str(target.address), target.expect) for target in config.targets} == {
        "demo-open": ("127.0.0.1:1", Expect.GUARDED),
        "demo-guarded": ("127.0.0.1:2", Expect.GUARDED),
        "demo-closed": ("127.0.0.1:3", Expect.CLOSED),
        "demo-control": ("127.0.0.1:1", Expect.CONTROL),
    }
