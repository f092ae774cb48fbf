"""Configuration files -> a Config, or every error in them at once."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dicom_exporter.config.build.config import build
from dicom_exporter.config.environment import Environment
from dicom_exporter.config.model import Config
from dicom_exporter.config.renewal import files_of
from dicom_exporter.config.sections import divide, find_files, read_file
from dicom_exporter.yamlfile.errors import ConfigError, ConfigErrors
from dicom_exporter.yamlfile.files import REPLACED, is_replaced


def load(
    paths: Sequence[Path | str],
    *,
    expand_env: bool = False,
    show_env: Collection[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Read the configuration from `paths`, which may be globs, together with every file that it names.

    With `expand_env`, ``${VAR}`` in a value is replaced by a variable of `environ` (by default of this process). It is
    a secret unless `show_env` has its name.
    Blocks while it reads, and opens no socket. Raises ConfigErrors with every error that was found.
    """
    environment = Environment(os.environ if environ is None else environ, show_env)
    files, errors = find_files(paths)
    documents = [read_file(file, environment.expand if expand_env else None) for file in files]
    sections = divide(documents)
    config = build(sections)
    for document in documents:
        document.report_ambiguous()
        errors += document.sorted_errors()
    if not errors and not sections.targets:
        errors = [ConfigError(str(files[0]) if files else "", None, "", "there are no targets")]
    if errors:
        raise ConfigErrors(errors)
    return replace(config, secrets=environment.secrets())


def load_again(
    paths: Sequence[Path | str],
    *,
    expand_env: bool = False,
    show_env: Collection[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Config:
    """As `load`, for a reload: a mount of a file that was replaced still shows the old one, and is an error."""
    _check_replaced(find_files(paths)[0])
    config = load(paths, expand_env=expand_env, show_env=show_env, environ=environ)
    _check_replaced([file for identity in config.identities.values() for file in files_of(identity).values()])
    passwords = [vantage.password for vantage in config.vantages.values()]
    _check_replaced([each.file for each in passwords if each is not None and each.file is not None])
    return config


def _check_replaced(files: Sequence[Path]) -> None:
    errors = [ConfigError(str(file), None, "", REPLACED) for file in files if is_replaced(file)]
    if errors:
        raise ConfigErrors(errors)
