"""Configuration files -> a Config, or every mistake in them at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from dicom_exporter.config.build.config import build
from dicom_exporter.config.environment import expand
from dicom_exporter.config.model import Config
from dicom_exporter.config.sections import find_files, read_file, take_apart
from dicom_exporter.yamlfile.errors import ConfigError, ConfigErrors
from dicom_exporter.yamlfile.validation import Problems


def load(paths: Sequence[Path | str], *, expand_env: bool = False, environ: Mapping[str, str] | None = None) -> Config:
    """Read the configuration from `paths`, which may be globs, together with every file that it names.

    With `expand_env`, ``${VAR}`` in a value stands for a variable of `environ` (the process's own by default). Blocks
    for as long as the disk does, and opens no socket. Raises ConfigErrors with every mistake that was found.
    """
    problems = Problems()
    environment = os.environ if environ is None else environ
    expander = partial(expand, environ=environment) if expand_env else None
    files = find_files(paths, problems)
    documents = [document for file in files if (document := read_file(file, expander, problems)) is not None]
    sections = take_apart(documents, problems)
    if not sections.targets and not problems.errors:
        problems.errors.append(ConfigError(str(files[0]) if files else "", None, "", "there are no targets"))
    config = build(sections, problems)
    if problems.errors:
        order = {str(file): number for number, file in enumerate(files)}
        raise ConfigErrors(sorted(problems.errors, key=lambda error: (order.get(error.file, -1), error.line or 0)))
    return config
