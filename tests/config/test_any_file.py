"""For any file, `load` gives a Config or ConfigErrors with one line for each error."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicom_exporter.config import ConfigErrors, load
from dicom_exporter.config.model import Compare, GlobalSettings, HTTPSettings, ProbeSettings, Store, Target
from dicom_exporter.config.schema import SECTIONS, IdentityBlock, ModuleBlock, QueryBlock
from dicom_exporter.config.values.dicom import COUNT_KEYWORDS, MATCH_KEYWORDS
from dicom_exporter.yamlfile.validation import Block, keys_of

BLOCKS: list[type[Block]] = [
    *(Compare, GlobalSettings, HTTPSettings, IdentityBlock, ModuleBlock, ProbeSettings, QueryBlock, Store, Target)
]
WORDS = [
    *(key for block in BLOCKS for key in keys_of(block)),
    *SECTIONS,
    *MATCH_KEYWORDS,
    *COUNT_KEYWORDS,
    *("availability", "exposure", "monitor", "stranger", "studies", "patients", "worklist", "study_root", "STUDY"),
    *(
        "available",
        "closed",
        "today",
        "last 7d",
        "1.2.3",
        "5m",
        "0s",
        "127.0.0.1:104",
        "[::1]:104",
        "20:00-06:00",
        "us",
        "512KiB",
        "identity",
        "https://pacs.example/",
    ),
]
VALUES = st.recursive(
    st.sampled_from(WORDS) | st.text(max_size=8) | st.integers(-1, 300) | st.booleans() | st.none() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=12,
)


def block(model: type[Block]) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(st.sampled_from([*keys_of(model)]), VALUES)


FILES = st.fixed_dictionaries(
    {"targets": st.lists(block(Target), max_size=3)},
    optional={
        "identities": st.dictionaries(st.sampled_from(WORDS), block(IdentityBlock), max_size=2),
        "modules": st.dictionaries(st.sampled_from(WORDS), block(ModuleBlock), max_size=2),
        "global": VALUES,
        "compare": st.lists(block(Compare), max_size=2),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(data=FILES | VALUES)
def test_load_any_data_gives_config_or_one_line_errors(tmp_path: Path, data: object) -> None:
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    lines = errors_of(path)
    assert all(len(line.splitlines()) == 1 and line.startswith(str(path)) for line in lines)


def errors_of(path: Path) -> list[str]:
    """The errors of `load`, none if it gives a Config; it may raise nothing else."""
    try:
        load([path])
    except ConfigErrors as errors:
        return [str(error) for error in errors.errors] or [""]
    return []


@pytest.mark.parametrize("paths", [[], ["a.yml", "a.yml"]])
def test_load_no_file_is_one_error(paths: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigErrors) as raised:
        load(paths)
    assert len(raised.value.errors) == 1
