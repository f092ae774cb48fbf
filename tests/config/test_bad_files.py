"""One tiny bad file per rule, in testdata/: the comment on top of each holds the lines that have to come out."""

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
def test_exact_messages(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTDATA)
    with pytest.raises(ConfigErrors) as raised:
        load([name])
    assert [str(error) for error in raised.value.errors] == expected(name)
    assert str(raised.value).splitlines() == expected(name)


def test_every_file_expects_something() -> None:
    assert all(expected(name) for name in FILES)
    assert len(FILES) > 100
