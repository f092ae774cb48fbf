"""The targets with the kept corpus, without the fuzzer: inputs of earlier runs, and inputs that caused a bug."""

from pathlib import Path

import pytest

from tests.fuzz import corpus, targets


@pytest.mark.parametrize("target", targets.ALL)
def test_corpus_inputs_run_without_crash(target: str) -> None:
    for data in [*corpus.seeds(target), *corpus.found(target)]:
        targets.ALL[target](data)


@pytest.mark.parametrize(
    ("target", "path"),
    [pytest.param(name, path, id=path.name) for name in targets.ALL for path in corpus.crashes(name)],
)
def test_corpus_former_crashes_run_without_crash(target: str, path: Path) -> None:
    targets.ALL[target](path.read_bytes())
