"""``${VAR}`` in values."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicom_exporter.config.environment import expand
from tests.testing.loading import errors_of, load_text

TARGETS = "targets:\n- name: t\n  address: 127.0.0.1:104\n"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${HOST}:${PORT}", "pacs:104"),
        ("$$", "$"),
        ("$${HOST}", "${HOST}"),
        ("$HOST 5$", "$HOST 5$"),
        ("${EMPTY}", ""),
        ("${NESTED}", "${HOST}"),
    ],
)
def test_expand_replaces_variables(text: str, result: str) -> None:
    assert expand(text, {"HOST": "pacs", "PORT": "104", "EMPTY": "", "NESTED": "${HOST}"}) == result


@pytest.mark.parametrize("text", ["${HOST", "${}", "${A B}", "${1A}"])
def test_expand_malformed_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a variable like"):
        expand(text, {"HOST": "pacs"})


def test_load_expand_env_expands_values(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        """
        global:
          max_concurrent_probes: ${N}
        targets: [{name: "${NAME}", address: "${HOST}:104", called_ae_title: "$$X"}]
        """,
        {"N": "5", "NAME": "t", "HOST": "pacs"},
    )
    assert config.global_.max_concurrent_probes == 5
    assert (config.targets[0].name, str(config.targets[0].address)) == ("t", "pacs:104")
    assert config.targets[0].called_ae_title == "$X"


def test_load_expand_env_value_cannot_add_keys(tmp_path: Path) -> None:
    text = TARGETS.replace("name: t", "name: ${NAME}")
    (error,) = errors_of(tmp_path, text, {"NAME": "t\n  expect: closed"})
    assert "no control characters" in error


def test_load_expand_env_quoted_value_stays_text(tmp_path: Path) -> None:
    config = load_text(tmp_path, TARGETS.replace("name: t", "name: '${NUMBER}'"), {"NUMBER": "7"})
    assert config.targets[0].name == "7"
    assert errors_of(tmp_path, TARGETS.replace("name: t", "name: ${NUMBER}"), {"NUMBER": "7"}) == [
        "config.yml:2: targets[0].name: 7 is a number to YAML, not text: quote it, '7'"
    ]


def test_load_expand_env_does_not_expand_keys(tmp_path: Path) -> None:
    (error,) = errors_of(tmp_path, TARGETS.replace("name: t", "name: t\n  labels: {'${X}': a}"), {"X": "site"})
    assert "'${X}' is not a label name" in error


def test_load_expand_env_unset_variable_is_one_error(tmp_path: Path) -> None:
    assert errors_of(tmp_path, TARGETS.replace("127.0.0.1:104", "${HOST}:104"), {}) == [
        "config.yml:3: targets[0].address: the environment variable HOST is not set"
    ]


def test_load_without_expand_env_expands_nothing(tmp_path: Path) -> None:
    assert load_text(tmp_path, TARGETS.replace("name: t", "name: $${X}")).targets[0].name == "$${X}"
