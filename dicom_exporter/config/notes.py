"""Warnings: what is valid in a configuration, but probably not meant."""

from collections.abc import Iterator

from dicom_exporter.config.model import Config


def notes(config: Config) -> Iterator[str]:
    """Say which targets have the same address and called AE title: most likely one was copied and not changed."""
    names: dict[tuple[object, str], list[str]] = {}
    for target in config.targets:
        names.setdefault((target.address, target.called_ae_title), []).append(target.name)
    for (address, title), same in names.items():
        if len(same) > 1:
            yield f"targets with the same address {address} and called AE title {title}: {', '.join(same)}"
