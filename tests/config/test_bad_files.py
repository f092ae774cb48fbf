"""One small bad file for each rule, in testdata/: the comment at its top has the expected messages."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

import pytest

from dicom_exporter.config import ConfigErrors, load

TESTDATA = Path(__file__).parent / "testdata"
FILES = sorted(path.name for path in TESTDATA.glob("*.yml"))


def expected(name: str) -> list[str]:
    lines = (TESTDATA / name).read_text(encoding="utf-8").splitlines()
    messages = [line.removeprefix("# ") for line in takewhile(lambda line: line.startswith("# "), lines)]
    return [f"{name}:{message}" if message[0].isdigit() else f"{name}: {message}" for message in messages]


@pytest.mark.parametrize("name", FILES)
def test_load_bad_file_gives_exact_messages(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTDATA)
    with pytest.raises(ConfigErrors) as raised:
        load([name])
    assert [str(error) for error in raised.value.errors] == expected(name)
    assert str(raised.value).splitlines() == expected(name)


def test_bad_files_each_expect_a_message() -> None:
    assert all(expected(name) for name in FILES)
    assert len(FILES) > 100
