"""Warnings: what is valid in a configuration, but probably not meant."""

from collections.abc import Iterator

from dicom_exporter.config.model import Config, Target
from dicom_exporter.config.renewal import secrets_of
from dicom_exporter.enums import Expect
from dicom_exporter.yamlfile.files import EXPOSED


def notes(config: Config) -> Iterator[str]:
    """Say which targets have the same address and called AE title, and which secrets any user of the machine may read.

    Most likely the one was copied and not changed, and the others were written without a thought to who may read them.
    """
    same_place: dict[tuple[object, ...], list[Target]] = {}
    for target in config.targets:
        if target.expect is Expect.CONTROL:
            continue  # the address of any open archive will do
        same_place.setdefault((target.address, target.called_ae_title, target.seen_from), []).append(target)
    for first, *others in same_place.values():
        if others:
            place = f"{first.shown.address} and called AE title {first.shown.called_ae_title}"
            yield f"targets with the same address {place}: {', '.join(each.name for each in (first, *others))}"
    for name, identity in config.identities.items():
        exposed = [key for key, secret in secrets_of(identity).items() if secret.exposed]
        if identity.tls is not None and identity.tls.exposed:
            exposed.append("tls.cert_file" if identity.tls.key_file is None else "tls.key_file")
        for key in exposed:
            yield f"identities.{name}.{key}: {EXPOSED}"
    for name, vantage in config.vantages.items():
        if vantage.password is not None and vantage.password.exposed:
            yield f"vantages.{name}.password_file: {EXPOSED}"
