from __future__ import annotations

import pytest

from dicom_exporter.yamlfile.errors import ConfigError, ConfigErrors, KeyPath, format_path


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConfigError("config.yml", 31, "targets[1].expect", "wrong"), "config.yml:31: targets[1].expect: wrong"),
        (ConfigError("config.yml", None, "", "the file is empty"), "config.yml: the file is empty"),
        (ConfigError("a\nb.yml", 1, "k\x1b[31m", "\u202ewrong"), r"a\nb.yml:1: k\x1b[31m: \u202ewrong"),
        (ConfigError("Köln.yml", 1, "", "größer"), "Köln.yml:1: größer"),
    ],
)
def test_config_error_is_one_printable_line(error: ConfigError, text: str) -> None:
    assert str(error) == text


def test_config_errors_has_one_line_for_each_error() -> None:
    errors = ConfigErrors(ConfigError("web.yml", line, "", "wrong") for line in (1, 2))
    assert str(errors) == "web.yml:1: wrong\nweb.yml:2: wrong"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("targets", 1, "labels", "site"), "targets[1].labels.site"),
        (("users", "a\nb"), r"users.'a\nb'"),
    ],
)
def test_format_path(path: KeyPath, text: str) -> None:
    assert format_path(path) == text
