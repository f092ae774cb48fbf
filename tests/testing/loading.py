"""Writing configuration files for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from dicom_exporter.config import Config, ConfigErrors, load

TARGETS = "targets: [{name: t, address: '127.0.0.1:104'}]\n"
"""The minimal configuration."""


def load_text(
    directory: Path, text: str, environ: dict[str, str] | None = None, show_env: Sequence[str] = ()
) -> Config:
    """Load `text` as config.yml in `directory`, with the environment expanded if `environ` is given."""
    path = directory / "config.yml"
    path.write_text(dedent(text), encoding="utf-8")
    return load([path], expand_env=environ is not None, show_env=show_env, environ=environ)


def errors_of(
    directory: Path, text: str, environ: dict[str, str] | None = None, show_env: Sequence[str] = ()
) -> list[str]:
    """Load `text`, which must be invalid: the errors, without the directory."""
    with pytest.raises(ConfigErrors) as raised:
        load_text(directory, text, environ, show_env)
    return [str(error).removeprefix(f"{directory}/") for error in raised.value.errors]
