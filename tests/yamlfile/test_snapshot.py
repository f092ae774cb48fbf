from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dicom_exporter.yamlfile.snapshot import take

MIB = 1 << 20
LATER = 10_000_000_000
"""Nanoseconds: long enough that a change would show in the file's times."""


def in_a_while() -> int:
    return time.time_ns() + LATER


def test_snapshot_unchanged_file_is_current(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("one")
    snapshot = take(tmp_path / "file", MIB, in_a_while)
    assert snapshot.is_current()
    assert snapshot.data() == b"one"


def test_snapshot_young_file_is_not_current(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("one")
    assert not take(tmp_path / "file", MIB).is_current()


def test_snapshot_change_with_same_size_and_time_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    snapshot = take(path, MIB, in_a_while)
    stat = path.stat()
    path.write_text("two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not snapshot.is_current()


def test_snapshot_replaced_link_is_noticed(tmp_path: Path) -> None:
    """As Kubernetes replaces a secret: the name is a link, whose target changes."""
    for name in ("old", "new"):
        (tmp_path / name).write_text("same")
    (tmp_path / "link").symlink_to("old")
    snapshot = take(tmp_path / "link", MIB, in_a_while)
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").rename(tmp_path / "link")
    assert not snapshot.is_current()


def test_snapshot_missing_file_that_appears_is_noticed(tmp_path: Path) -> None:
    snapshot = take(tmp_path / "file", MIB, in_a_while)
    with pytest.raises(FileNotFoundError):
        snapshot.data()
    assert snapshot.is_current()
    (tmp_path / "file").write_text("one")
    assert not snapshot.is_current()


def test_snapshot_removed_file_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("one")
    snapshot = take(tmp_path / "file", MIB, in_a_while)
    (tmp_path / "file").unlink()
    assert not snapshot.is_current()


def test_snapshot_large_file_is_refused() -> None:
    with pytest.raises(OSError, match="larger than 1 MiB"):
        take(Path("/dev/zero"), MIB).data()
