from __future__ import annotations

from pathlib import Path

import pytest

from dicom_exporter.yamlfile.files import read_bytes, unreadable

MIB = 1 << 20


def test_read_bytes_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(MIB))
    assert read_bytes(tmp_path / "file", MIB) == bytes(MIB)


def test_read_bytes_endless_file_is_refused() -> None:
    with pytest.raises(OSError, match=r"^it is larger than 2 MiB$"):
        read_bytes(Path("/dev/zero"), 2 * MIB)


@pytest.mark.parametrize(
    ("error", "name", "message"),
    [
        (
            FileNotFoundError(2, "No such file or directory"),
            "a.pem",
            "cannot read the file of this name: No such file or directory",
        ),
        (OSError("it is larger than 1 MiB"), None, "cannot read the file: it is larger than 1 MiB"),
        (ValueError("embedded null byte"), "a\0", "cannot read the file of this name: embedded null byte"),
    ],
)
def test_unreadable_message(error: OSError | ValueError, name: str | None, message: str) -> None:
    assert unreadable(error, name) == message
