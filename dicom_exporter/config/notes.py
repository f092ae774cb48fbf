"""Warnings: what is valid in a configuration, but probably not meant."""

from collections.abc import Iterator

from dicom_exporter.config.model import Config
from dicom_exporter.config.renewal import secrets_of
from dicom_exporter.results import Expect

_EXPOSED = "every user of this machine may read the file: chmod 640 or 600"


def notes(config: Config) -> Iterator[str]:
    """Say which targets have the same address and called AE title, and which secrets any user of the machine may read.

    Most likely the one was copied and not changed, and the others were written without a thought to who may read them.
    """
    names: dict[tuple[object, str, object], list[str]] = {}
    for target in config.targets:
        if target.expect is Expect.CONTROL:
            continue  # the address of any open archive will do
        names.setdefault((target.address, target.called_ae_title, target.seen_from), []).append(target.name)
    for (address, title, _), same in names.items():
        if len(same) > 1:
            yield f"targets with the same address {address} and called AE title {title}: {', '.join(same)}"
    for name, identity in config.identities.items():
        for key, secret in secrets_of(identity).items():
            if secret.exposed:
                yield f"identities.{name}.{key}: {_EXPOSED}"
    for name, vantage in config.vantages.items():
        if vantage.password is not None and vantage.password.exposed:
            yield f"vantages.{name}.password_file: {_EXPOSED}"
